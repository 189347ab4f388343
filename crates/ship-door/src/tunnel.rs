//! A WebSocket: two streams joined, and ended politely when its instance is taken away. To a visitor
//! of HTTP/2 its stream is what a connection is to others.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::debug;

use crate::app_connection::AppConnection;
use crate::instance::InFlight;
use crate::traffic::Tally;
use crate::websocket::{CLOSE_RESTART, Frames};

/// Bytes moved at a time, each way.
const PIECE: usize = 8 << 10;

/// How long, once the end has been decided, the app's present frame may take to end, the visitor
/// to answer our close frame, or one side to follow the other.
const FAREWELL: Duration = Duration::from_secs(2);

type Visitor = TokioIo<Upgraded>;
type Up = Stream<ReadHalf<Visitor>, WriteHalf<AppConnection>>;
type Down = Stream<ReadHalf<AppConnection>, WriteHalf<Visitor>>;

/// Joins a visitor and an app until one of them closes, or `stop` or the instance's cut fires.
pub(crate) async fn run(
    visitor: OnUpgrade,
    app: AppConnection,
    in_flight: InFlight,
    tally: Arc<Tally>,
    stop: CancellationToken,
) {
    let visitor = match visitor.await {
        Ok(visitor) => TokioIo::new(visitor),
        Err(error) => {
            debug!(%error, "an upgrade came to nothing");
            return;
        }
    };
    let (from_visitor, to_visitor) = tokio::io::split(visitor);
    let (from_app, to_app) = tokio::io::split(app);
    let mut up = Stream::new(from_visitor, to_app, Way::Up, tally.clone());
    let mut down = Stream::new(from_app, to_visitor, Way::Down, tally);
    let ended = tokio::select! {
        // Once cut, nothing more of the app's is passed on but the end of its present frame.
        biased;
        () = in_flight.instance().cut().cancelled() => farewell(&mut up, &mut down).await,
        () = stop.cancelled() => farewell(&mut up, &mut down).await,
        result = join(&mut up, &mut down) => result,
    };
    if let Err(error) = ended {
        debug!(%error, "a WebSocket broke");
    }
}

/// Until the app closes; or the visitor does, and the app has had a moment to answer.
async fn join(up: &mut Up, down: &mut Down) -> io::Result<()> {
    tokio::select! {
        result = down.run() => result?,
        result = up.run() => {
            result?;
            let _ = timeout(FAREWELL, up.writer.shutdown()).await;
            let _ = timeout(FAREWELL, down.run()).await;
        }
    }
    let _ = timeout(FAREWELL, down.writer.shutdown()).await;
    Ok(())
}

/// Lets the app's present frame end, closes with 1012, and gives the visitor a moment to answer.
async fn farewell(up: &mut Up, down: &mut Down) -> io::Result<()> {
    match timeout(FAREWELL, down.finish_frame()).await {
        Ok(result) => result?,
        // The frame will not end: a close frame now would be read as part of it.
        Err(_) => return Ok(()),
    }
    if !down.frames.closing {
        down.writer.write_all(&CLOSE_RESTART).await?;
    }
    down.writer.flush().await?;
    let answered = async { while up.reader.read(&mut up.piece).await.is_ok_and(|got| got > 0) {} };
    let _ = timeout(FAREWELL, answered).await;
    let _ = timeout(FAREWELL, down.writer.shutdown()).await;
    Ok(())
}

/// Where bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// To the app.
    Up,
    /// To the visitor.
    Down,
}

/// One direction. What was read and not yet written is kept here, so that a copy can be given up
/// at any await without losing a byte or its place between the frames.
struct Stream<R, W> {
    reader: R,
    writer: W,
    piece: Box<[u8]>,
    waiting: Range<usize>,
    /// Follows what has been written.
    frames: Frames,
    way: Way,
    tally: Arc<Tally>,
}

impl<R, W> Stream<R, W>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    fn new(reader: R, writer: W, way: Way, tally: Arc<Tally>) -> Self {
        Self {
            reader,
            writer,
            piece: vec![0; PIECE].into(),
            waiting: 0..0,
            frames: Frames::default(),
            way,
            tally,
        }
    }

    /// Moves bytes until the reader ends.
    async fn run(&mut self) -> io::Result<()> {
        loop {
            if self.waiting.is_empty() {
                if !self.read().await? {
                    return Ok(());
                }
            } else {
                if self.way == Way::Down && self.tally.is_slow() {
                    tokio::time::sleep_until(self.tally.queue(self.waiting.len())).await;
                }
                self.write(self.waiting.len()).await?;
            }
        }
    }

    /// Moves bytes until the present frame has ended.
    async fn finish_frame(&mut self) -> io::Result<()> {
        while !self.frames.at_boundary() {
            if self.waiting.is_empty() && !self.read().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let of_frame = self
                .frames
                .clone()
                .follow_one(&self.piece[self.waiting.clone()]);
            self.write(of_frame).await?;
        }
        Ok(())
    }

    async fn read(&mut self) -> io::Result<bool> {
        let got = self.reader.read(&mut self.piece).await?;
        self.waiting = 0..got;
        Ok(got > 0)
    }

    async fn write(&mut self, most: usize) -> io::Result<()> {
        let from = self.waiting.start;
        let put = self.writer.write(&self.piece[from..from + most]).await?;
        if put == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        match self.way {
            Way::Up => self.tally.received(put as u64),
            Way::Down => self.tally.sent(put as u64),
        }
        self.frames.follow(&self.piece[from..from + put]);
        self.waiting.start += put;
        Ok(())
    }
}

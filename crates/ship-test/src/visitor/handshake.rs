use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use super::line::Line;
use super::trouble::Trouble;
use super::{AGAIN, Visitor, within};

/// How long the handshake rests with one half of its first message sent; the door waits ten seconds.
const PAUSE: Duration = Duration::from_millis(1500);

/// A handshake with a pause in it, then a request.
pub(super) async fn visit(me: &Visitor) {
    while me.goes_on() {
        let begun = Instant::now();
        let told = within(async {
            let mut line = half_and_half(me, begun).await?;
            line.get("/").await
        });
        let told = told.await;
        me.tell(begun, begun, &told);
        if told.is_err() {
            tokio::time::sleep(AGAIN).await;
        }
        me.rest().await;
    }
}

async fn half_and_half(me: &Visitor, opened: Instant) -> Result<Line, Trouble> {
    let failed = |error: io::Error| Trouble::NotConnected(format!("half-done: {error}"));
    let stream = TcpStream::connect(me.place.secure_address()).await;
    let stream = stream.map_err(failed)?;
    stream.set_nodelay(true).map_err(failed)?;
    let stream = Hesitating {
        stream,
        pause: None,
    };
    let shaking = me.place.connector(b"http/1.1");
    let stream = shaking.connect(me.place.name(), stream).await;
    Ok(Line::over(
        stream.map_err(failed)?,
        &me.place.domain,
        opened,
    ))
}

/// Sends one half of what it is first given, and the rest a while later: the other side has begun a
/// handshake that it cannot go on with.
struct Hesitating {
    stream: TcpStream,
    pause: Option<Pin<Box<Sleep>>>,
}

impl AsyncWrite for Hesitating {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.pause {
            Some(pause) if !pause.is_elapsed() => ready!(pause.as_mut().poll(context)),
            Some(_) => {}
            None => {
                let half = &bytes[..bytes.len().div_ceil(2)];
                let sent = ready!(Pin::new(&mut self.stream).poll_write(context, half))?;
                self.pause = Some(Box::pin(tokio::time::sleep(PAUSE)));
                return Poll::Ready(Ok(sent));
            }
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Hesitating {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

//! A port of loopback that leads to a unix socket, for suites that speak TCP alone.

use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::io::{AsyncWriteExt as _, copy};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::Result;

/// Open until it is dropped.
pub(super) struct Bridge {
    address: SocketAddr,
    refused: Arc<AtomicU64>,
    /// Its end is the end of the thread that carries.
    _open: oneshot::Sender<()>,
}

impl Bridge {
    /// From a free port to this socket.
    pub(super) fn to(socket: &Path) -> Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
        let address = listener.local_addr()?;
        let refused = Arc::new(AtomicU64::new(0));
        let serving = serve(listener, socket.to_owned(), refused.clone());
        let (open, closed) = oneshot::channel::<()>();
        thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = serving => {}
                    _ = closed => {}
                }
            });
        });
        Ok(Self {
            address,
            refused,
            _open: open,
        })
    }

    /// What the suite is told.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Fails where the socket did not answer once.
    pub(super) fn check(&self) -> Result<()> {
        match self.refused.load(Ordering::Relaxed) {
            0 => Ok(()),
            times => Err(format!("the server was not there {times} times").into()),
        }
    }
}

async fn serve(listener: TcpListener, socket: PathBuf, refused: Arc<AtomicU64>) {
    while let Ok((here, _)) = listener.accept().await {
        let (socket, refused) = (socket.clone(), refused.clone());
        tokio::spawn(async move {
            match UnixStream::connect(&socket).await {
                Ok(there) => carry(here, there).await,
                Err(_) => drop(refused.fetch_add(1, Ordering::Relaxed)),
            }
        });
    }
}

/// Each way to its own end. A server that refuses does not read the rest of a request: that it cannot
/// be written any more must not lose the answer, which is there already.
async fn carry(here: TcpStream, there: UnixStream) {
    let (mut questions, mut answered) = here.into_split();
    let (mut answers, mut asked) = there.into_split();
    let there = async {
        let _ = copy(&mut questions, &mut asked).await;
        let _ = asked.shutdown().await;
        pending::<()>().await;
    };
    let back = async {
        let _ = copy(&mut answers, &mut answered).await;
        let _ = answered.shutdown().await;
    };
    // Where the server has said all that it will, nobody waits for the rest of a question.
    tokio::select! {
        () = back => {}
        () = there => {}
    }
}

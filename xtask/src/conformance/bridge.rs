//! A port of loopback that leads to a unix socket, for suites that speak TCP alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, UnixStream};
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
    while let Ok((mut here, _)) = listener.accept().await {
        let (socket, refused) = (socket.clone(), refused.clone());
        tokio::spawn(async move {
            let Ok(mut there) = UnixStream::connect(&socket).await else {
                refused.fetch_add(1, Ordering::Relaxed);
                return;
            };
            // Whoever goes first ends it; the other sees that.
            let _ = copy_bidirectional(&mut here, &mut there).await;
        });
    }
}

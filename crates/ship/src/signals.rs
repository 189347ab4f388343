//! Ctrl-C and a polite kill, as something to wait for.

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{CommandError, Result};

/// SIGINT and SIGTERM: both are a wish to end.
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// From here on they no longer end this process by themselves.
    pub(crate) fn new() -> Result<Self> {
        let listen = |kind| {
            signal(kind).map_err(|error| {
                CommandError::new(
                    ship_base::fault::FaultKind::Outside,
                    "cannot listen for signals",
                )
                .cause(error)
            })
        };
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next wish to end. Safe to drop half-way.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

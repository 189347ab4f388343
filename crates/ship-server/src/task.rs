//! Work off the event loop.

use crate::error::Error;

/// What a caller is told when a task of ours panicked.
pub(crate) const PANIC: &str = "a task panicked; the server's log has the place";

/// Runs blocking work on a thread of its own.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or(Err(Error::Bug(PANIC)))
}

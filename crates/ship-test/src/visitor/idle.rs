use std::time::Duration;

use super::Told;
use super::line::Line;

/// So many pauses on one connection.
pub(super) const TIMES: u32 = 3;

/// Longer than the second after which the door gives back all but the stream of a connection that
/// waits, and far from the ten after which it closes one.
const PAUSE: Duration = Duration::from_secs(2);

/// Waits, and asks on the connection that has waited.
pub(super) async fn ask(line: &mut Line) -> Told {
    tokio::time::sleep(PAUSE).await;
    line.get("/").await
}

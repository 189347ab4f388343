use std::time::Duration;

use super::line::{Line, answered, well};
use super::trouble::Trouble;
use super::{EACH_TIME, Told, Visitor, within};

/// Bytes that may be on their way to the visitor; the kernel doubles it (tcp(7)).
const ROOM: u32 = 16 << 10;
/// Bytes that are taken at a time, and the pause between: a megabyte in about two seconds.
const PIECE: usize = 251 * 64;
const PAUSE: Duration = Duration::from_millis(30);

pub(super) async fn visit(me: &Visitor) {
    let open = async || within(Line::narrow(&me.place, ROOM)).await;
    me.ask_over(open, ask, EACH_TIME).await;
}

/// Every byte in its place.
async fn ask(line: &mut Line) -> Told {
    let request = line.request("GET", "/download", &[]);
    line.send(request.as_bytes()).await?;
    let head = line.head().await?;
    well(&head)?;
    let length = head.field("content-length").and_then(|it| it.parse().ok());
    let mut left: usize = length.ok_or_else(|| Trouble::Wrong("no length".to_owned()))?;
    while left > 0 {
        let piece = line.exactly(PIECE.min(left)).await?;
        left -= piece.len();
        if !piece
            .iter()
            .enumerate()
            .all(|(at, byte)| usize::from(*byte) == at % 251)
        {
            return Err(Trouble::Wrong(
                "other bytes than those of the file".to_owned(),
            ));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(answered(&head))
}

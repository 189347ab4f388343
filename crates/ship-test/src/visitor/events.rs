use std::fmt::Write as _;

use super::Told;
use super::line::{Line, answered, well};
use super::trouble::Trouble;

/// As `server.py` has it.
const COUNT: usize = 30;

/// Each event in its place, and the last one.
pub(super) async fn ask(line: &mut Line) -> Told {
    let request = line.request("GET", "/events", &[]);
    line.send(request.as_bytes()).await?;
    let head = line.head().await?;
    well(&head)?;
    let mut heard = String::new();
    while let Some(event) = line.chunk().await? {
        heard.push_str(&String::from_utf8_lossy(&event));
    }
    let by = head.by();
    let mut wanted = String::new();
    for index in 0..COUNT {
        let _ = write!(wanted, "id: {index}\ndata: {by}\n\n");
    }
    wanted.push_str("event: end\ndata: end\n\n");
    if heard == wanted {
        Ok(answered(&head))
    } else {
        Err(Trouble::Wrong(format!(
            "events end with {:?}",
            heard.lines().last()
        )))
    }
}

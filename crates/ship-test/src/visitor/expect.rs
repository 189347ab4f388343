use std::time::Duration;

use super::Told;
use super::line::{Line, whole};
use super::trouble::Trouble;
use super::upload::checked;

/// How long the visitor thinks after it was told to go on.
const PAUSE: Duration = Duration::from_millis(800);

const BODY: [u8; 5000] = [b'x'; 5000];

/// Not a byte of the body before the server has said that it will take it.
pub(super) async fn ask(line: &mut Line) -> Told {
    let length = format!("Content-Length: {}", BODY.len());
    let request = line.request("POST", "/upload", &["Expect: 100-continue", &length]);
    line.send(request.as_bytes()).await?;
    let head = line.head().await?;
    if head.status != 100 {
        return Err(match head.status {
            500.. => Trouble::Refused(head.status, String::new()),
            other => Trouble::Wrong(format!("{other} in place of 100")),
        });
    }
    tokio::time::sleep(PAUSE).await;
    line.send(&BODY).await?;
    let (head, body) = line.answer().await?;
    whole(&head, &body, &checked(&BODY))
}

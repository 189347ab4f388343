use super::line::{Line, whole_page};
use super::{Answered, Told, Visitor};

/// Requests that are sent in one piece.
pub(super) const AT_ONCE: u64 = 4;

const TIMES: u32 = 20;

pub(super) async fn visit(me: &Visitor) {
    me.ask_with(ask, TIMES).await;
}

/// The answers come in the order of the requests. After one that says that it was the last, the
/// others were not looked at, and may be asked again (RFC 9112, 9.6).
async fn ask(line: &mut Line) -> Told {
    let paths = (0..AT_ONCE).map(|number| format!("/page?{number}"));
    let paths: Vec<String> = paths.collect();
    let requests = paths.iter().map(|path| line.request("GET", path, &[]));
    let requests: String = requests.collect();
    line.send(requests.as_bytes()).await?;
    let mut last = None;
    for path in &paths {
        let (head, body) = line.answer().await?;
        let answered = whole_page(path, &head, &body)?;
        let is_last = answered.last;
        // The earliest: a switch may lie between two of them, and each is judged by that one.
        let by = last.map_or(answered.by, |before: Answered| before.by);
        last = Some(Answered { by, last: is_last });
        if is_last {
            break;
        }
    }
    Ok(last.expect("at least one was asked for"))
}

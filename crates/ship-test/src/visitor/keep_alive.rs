use super::line::Line;
use super::{Visitor, within};

/// So many requests on one connection, and then another.
const TIMES: u32 = 40;

/// Every other one comes without TLS.
pub(super) async fn visit(me: &Visitor) {
    let ask = async |line: &mut Line| line.get("/").await;
    if me.turn.is_multiple_of(2) {
        me.ask_with(ask, TIMES).await;
    } else {
        let open = async || within(Line::plain(&me.place)).await;
        me.ask_over(open, ask, TIMES).await;
    }
}

//! What a visitor of each [`Kind`] may see of each [`Event`]: the switch matrix.
//!
//! The table is data: `crates/ship/tests/server/matrix.rs` holds the product against it in a short
//! form, `cargo xtask soak` in a long one. A cell that is missing does not compile; one that no
//! visitor was in fails both.

pub mod book;
mod own_authority;
mod program;
mod stage;

use std::time::Duration;

use crate::visitor::Kind;
pub use stage::Stage;

/// What happens to a server while visitors are there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Event {
    /// `ship up` with another release.
    Release,
    /// `ship rollback`.
    Rollback,
    /// Another program in the place of control and door.
    Upgrade,
    /// `kill -9` of the control process, which is started again.
    ControlKilled,
    /// `kill -9` of one of the app's two instances.
    InstanceKilled,
    /// Another certificate for the same name.
    Renewal,
    /// `ship env set` and `ship restart`.
    Configuration,
}

impl Event {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 7] = [
        Self::Release,
        Self::Rollback,
        Self::Upgrade,
        Self::ControlKilled,
        Self::InstanceKilled,
        Self::Renewal,
        Self::Configuration,
    ];

    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release switch",
            Self::Rollback => "rollback",
            Self::Upgrade => "door upgrade",
            Self::ControlKilled => "server kill -9",
            Self::InstanceKilled => "app instance crash",
            Self::Renewal => "certificate renewal",
            Self::Configuration => "configuration change",
        }
    }

    /// Whether new instances take the place of the old ones.
    pub fn is_switch(self) -> bool {
        matches!(self, Self::Release | Self::Rollback | Self::Configuration)
    }
}

/// What a visitor may see of an event, beyond whole answers of a release that was live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// Nothing: every exchange is whole, and its connection goes on.
    Nothing,
    /// A whole answer may say that it was the last of its connection (`Connection: close`, or GOAWAY
    /// over HTTP/2); what was asked behind it is asked again on another.
    LastAnswer,
    /// A WebSocket goes on for the grace of its release, and is then closed with 1012.
    Restart,
    /// What the killed instance had in its hands is answered with 502, or cut where its answer had
    /// begun. That is one round of requests for each connection at most; nothing else is lost.
    LostInHand,
}

impl Sight {
    /// For a cell of a page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::LastAnswer => "last answer",
            Self::Restart => "1012 after grace",
            Self::LostInHand => "502 in hand",
        }
    }
}

const KINDS: usize = Kind::ALL.len();
const EVENTS: usize = Event::ALL.len();

use Sight::{LastAnswer as L, LostInHand as H, Nothing as N, Restart as R};

/// Rows as in [`Kind::ALL`], columns as in [`Event::ALL`].
#[rustfmt::skip]
const TABLE: [[Sight; EVENTS]; KINDS] = [
    // release, rollback, upgrade, control, instance, renewal, configuration
    [N, N, L, N, H, N, N], // h1 keep-alive
    [N, N, L, N, H, N, N], // h1 pipelined
    [N, N, L, N, H, N, N], // h2 multiplexed
    [R, R, N, N, H, N, R], // WebSocket
    [N, N, L, N, H, N, N], // server-sent events
    [N, N, L, N, H, N, N], // chunked upload
    [N, N, L, N, H, N, N], // Expect: 100-continue
    [N, N, L, N, H, N, N], // slow download
    [N, N, L, N, H, N, N], // idle keep-alive
    [N, N, L, N, H, N, N], // half-done TLS handshake
];

/// What a visitor of this kind may see of this event.
pub fn may_see(kind: Kind, event: Event) -> Sight {
    TABLE[kind as usize][event as usize]
}

/// The table as a page shows it.
pub fn page() -> String {
    let row = |cells: Vec<&str>| format!("| {} |\n", cells.join(" | "));
    let head = std::iter::once("visitor").chain(Event::ALL.map(Event::name));
    let mut page = row(head.collect());
    page.push_str(&row(vec!["---"; EVENTS + 1]).replace(' ', ""));
    for kind in Kind::ALL {
        let cells = Event::ALL.map(|event| may_see(kind, event).name());
        page.push_str(&row(std::iter::once(kind.name()).chain(cells).collect()));
    }
    page
}

/// The longest that something which happens soon may take on a busy machine.
const SOON: Duration = Duration::from_mins(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_columns_are_where_their_names_are() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, at);
        }
        for (at, event) in Event::ALL.into_iter().enumerate() {
            assert_eq!(event as usize, at);
        }
    }

    #[test]
    fn the_page_on_testing_shows_the_table_of_today() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/testing.md");
        let text = std::fs::read_to_string(path).expect("a page");
        assert!(text.contains(&page()), "docs/testing.md lacks:\n{}", page());
    }
}

//! How an exchange fails.

use std::fmt;

/// What a visitor got in place of a whole answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// No connection, or none that speaks TLS.
    NotConnected(String),
    /// The connection ended before the first byte of an answer.
    Unanswered(String),
    /// It ended in the middle of one.
    Cut(String),
    /// An answer of 500 and more.
    Refused(u16, String),
    /// A whole answer to something else.
    Wrong(String),
    /// Nothing, for longer than anything takes.
    Late,
}

impl Trouble {
    /// Whether the death of an app's instance may have caused it: the front door had no answer, or the
    /// rest of one, to give.
    pub(crate) fn is_of_the_app(&self) -> bool {
        matches!(self, Self::Cut(_) | Self::Refused(502, _))
    }

    /// Whether the death of the front door may have caused it.
    pub(crate) fn is_of_the_door(&self) -> bool {
        matches!(
            self,
            Self::Cut(_) | Self::Unanswered(_) | Self::NotConnected(_)
        )
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotConnected(why) => write!(to, "not connected: {why}"),
            Self::Unanswered(why) => write!(to, "not answered: {why}"),
            Self::Cut(why) => write!(to, "cut: {why}"),
            Self::Refused(status, text) => {
                let words: Vec<&str> = text.split_whitespace().collect();
                write!(to, "{status}: {:.80}", words.join(" "))
            }
            Self::Wrong(what) => write!(to, "wrong: {what}"),
            Self::Late => write!(to, "no end of it in sight"),
        }
    }
}

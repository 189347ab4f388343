//! What a route asks of its visitors before anybody answers them.

use std::net::IpAddr;

use tokio::time::Instant;

use crate::allow::Allow;
use crate::rate::Rate;
use crate::stack::Failure;

/// The rules of a route; each is there only where its author wrote one.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) allow: Option<Allow>,
    pub(crate) rate: Option<Rate>,
}

impl Rules {
    /// Who may not ask at all is not counted.
    pub(crate) fn check(&self, from: IpAddr) -> Result<(), Failure> {
        if self.allow.as_ref().is_some_and(|allow| !allow.has(from)) {
            return Err(Failure::NotAllowed);
        }
        match &self.rate {
            Some(rate) => rate.take(from, Instant::now()).map_err(Failure::TooOften),
            None => Ok(()),
        }
    }
}

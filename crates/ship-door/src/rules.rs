//! What a route asks of its visitors before anybody answers them.

use std::net::IpAddr;

use hyper::HeaderMap;
use tokio::time::Instant;

use crate::allow::Allow;
use crate::basic_auth::BasicAuth;
use crate::rate::Rate;
use crate::stack::Failure;

/// The rules of a route; each is there only where its author wrote one.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) allow: Option<Allow>,
    pub(crate) rate: Option<Rate>,
    pub(crate) basic_auth: Option<BasicAuth>,
}

impl Rules {
    /// Who may not ask at all is not counted.
    pub(crate) fn check(&self, from: IpAddr, headers: &HeaderMap) -> Result<(), Failure> {
        if self.allow.as_ref().is_some_and(|allow| !allow.has(from)) {
            return Err(Failure::NotAllowed);
        }
        if let Some(rate) = &self.rate {
            rate.take(from, Instant::now()).map_err(Failure::TooOften)?;
        }
        match &self.basic_auth {
            Some(basic_auth) => basic_auth.check(from, headers),
            None => Ok(()),
        }
    }
}

//! A server of names that takes changes (RFC 2136): BIND, Knot, PowerDNS, and others.

use std::io;
use std::path::Path;

use super::dns01::{Provider, Step};
use crate::dns::{self, Change, DnsError, Key, Record};

/// See the module.
pub(super) struct NameServer {
    /// With its port.
    address: String,
    key: Option<Key>,
}

impl NameServer {
    pub(super) fn new(address: &str, key: Option<&Path>) -> Result<Self, DnsError> {
        Ok(Self {
            address: address.to_owned(),
            key: key.map(Key::read).transpose()?,
        })
    }

    async fn change(&self, record: &Record, change: Change) -> Result<(), DnsError> {
        let silent = |source| DnsError::Silent {
            server: self.address.clone(),
            source,
        };
        let addresses = tokio::net::lookup_host(&self.address).await;
        let mut failed = silent(io::Error::other("it has no address"));
        for address in addresses.map_err(silent)? {
            match dns::update(address, self.key.as_ref(), record, change).await {
                Err(error @ DnsError::Silent { .. }) => failed = error,
                done => return done,
            }
        }
        Err(failed)
    }
}

impl Provider for NameServer {
    fn set<'a>(&'a self, record: &'a Record) -> Step<'a> {
        Box::pin(self.change(record, Change::Set))
    }

    fn remove<'a>(&'a self, record: &'a Record) -> Step<'a> {
        Box::pin(self.change(record, Change::Remove))
    }
}

//! `dns-01` (RFC 8555, 8.4): a record in the zone of a name shows that it is ours. The only way to a
//! certificate for a wildcard.

use std::pin::Pin;
use std::time::Duration;

use tracing::warn;

use super::hook::Hook;
use super::name_server::NameServer;
use crate::dns::{DnsError, Record, Resolver};
use crate::table::{self, DnsProvider};
use ship_base::hint;

/// What becomes of one change.
pub(super) type Step<'a> = Pin<Box<dyn Future<Output = Result<(), DnsError>> + 'a>>;

/// Who can change a zone. Other records of the same name are not its business: two orders may be
/// under way for a name and its wildcard, and share it.
pub(super) trait Provider {
    fn set<'a>(&'a self, record: &'a Record) -> Step<'a>;
    fn remove<'a>(&'a self, record: &'a Record) -> Step<'a>;
}

fn provider(dns: &table::Dns) -> Result<Box<dyn Provider>, DnsError> {
    Ok(match &dns.provider {
        DnsProvider::Hook(program) => Box::new(Hook {
            program: program.clone(),
            within: within(dns),
        }),
        DnsProvider::Server { address, key } => Box::new(NameServer::new(address, key.as_deref())?),
    })
}

fn within(dns: &table::Dns) -> Duration {
    Duration::from_secs(dns.wait)
}

/// A record that is there to be seen.
pub(super) struct Shown {
    provider: Box<dyn Provider>,
    record: Record,
}

impl Shown {
    /// Puts `value` where an authority looks for `name`, and waits until each server of the zone
    /// has it.
    pub(super) async fn new(dns: &table::Dns, name: &str, value: String) -> Result<Self, DnsError> {
        let resolver = Resolver::new(dns.resolver, dns.port)?;
        let name = format!("_acme-challenge.{name}");
        let (name, zone) = resolver.place(&name).await?;
        let record = Record { zone, name, value };
        let provider = provider(dns)?;
        let shown = Self { provider, record };
        let there = async {
            shown.provider.set(&shown.record).await?;
            resolver.await_everywhere(&shown.record, within(dns)).await
        };
        match there.await {
            Ok(()) => Ok(shown),
            Err(error) => {
                shown.remove().await;
                Err(error)
            }
        }
    }

    /// Takes it away. One that stays does no harm.
    pub(super) async fn remove(self) {
        if let Err(error) = self.provider.remove(&self.record).await {
            let name = &self.record.name;
            warn!(name, error = %hint::chain(&error), "a record stays in its zone");
        }
    }
}

//! What a route asks of its visitors before anybody answers them.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::HeaderMap;
use ship_base::name::AppName;
use tokio::time::Instant;

use crate::allow::Allow;
use crate::basic_auth::BasicAuth;
use crate::rate::Rate;
use crate::route::Site;
use crate::stack::Failure;
use crate::table;

/// The rules of a route; each is there only where its author wrote one.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    pub(crate) allow: Option<Allow>,
    pub(crate) rate: Option<Arc<Rate>>,
    pub(crate) basic_auth: Option<BasicAuth>,
}

impl Rules {
    /// Checks and compiles what is written; `None` where nothing is asked. What does not make sense is
    /// the error. Counts go on from those of the last table, where the rule is the same.
    pub(crate) fn compile(
        written: &table::RouteRules,
        last: Option<&Self>,
    ) -> Result<Option<Arc<Self>>, String> {
        let allow = Allow::new(&written.allow)?;
        let rate = written.rate.map(|rate| compile_rate(rate, last));
        let basic_auth = written.basic_auth.as_ref().map(|written| {
            let compiled = BasicAuth::new(written).ok_or_else(|| written.realm.clone())?;
            Ok::<_, String>(compiled.after(last.and_then(|last| last.basic_auth.as_ref())))
        });
        let rules = Self {
            allow,
            rate: rate.transpose()?,
            basic_auth: basic_auth.transpose()?,
        };
        Ok((!rules.is_empty()).then(|| Arc::new(rules)))
    }

    fn is_empty(&self) -> bool {
        self.allow.is_none() && self.rate.is_none() && self.basic_auth.is_none()
    }

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

fn compile_rate(written: table::Rate, last: Option<&Rules>) -> Result<Arc<Rate>, String> {
    let table::Rate { requests, seconds } = written;
    let rate = Rate::new(requests, Duration::from_secs(seconds.into()));
    let rate = rate.ok_or_else(|| format!("{requests} in {seconds} s"))?;
    let last = last.and_then(|last| last.rate.as_ref());
    let same = last.filter(|last| last.is_as(&rate));
    Ok(same.cloned().unwrap_or_else(|| Arc::new(rate)))
}

/// The rules of the table that is served now, by app and prefix; owned by the door's main thread. A
/// swap is often another app's affair, and whoever is told to wait must not be let in by it.
#[derive(Debug, Default)]
pub(crate) struct LastRules(HashMap<AppName, HashMap<Box<str>, Arc<Rules>>>);

impl LastRules {
    /// Of a route, by its prefix without slashes at its ends.
    pub(crate) fn of(&self, app: &AppName, prefix: &str) -> Option<&Rules> {
        Some(self.0.get(app)?.get(prefix)?)
    }

    /// Keeps those of the sites that are served now, and no others.
    pub(crate) fn keep(&mut self, sites: &[Arc<Site>]) {
        self.0.clear();
        for site in sites {
            for (prefix, rules) in site.rules_by_prefix() {
                let of_app = self.0.entry(site.app.clone()).or_default();
                of_app.insert(prefix.into(), rules.clone());
            }
        }
    }
}

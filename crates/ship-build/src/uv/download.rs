//! Fetching the wheel: the index's page, the file, its hash.

use std::io::Read;
use std::time::Duration;

use ship_base::hash::ContentHash;
use ship_base::{base64, file};
use ureq::http::header;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Proxy};

use super::index::{self, Index};
use super::wheel::{self, Wheel};
use super::{UvError, Variables};
use crate::cancel::Cancel;
use crate::error::Error;
use crate::event::Phase;
use crate::report::Report;

/// An index that says nothing for this long is not there.
const SILENCE: Duration = Duration::from_secs(30);
/// A page or wheel beyond this is not what was asked for.
const LARGEST: u64 = 256 << 20;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// The pinned wheel from the configured index, its hash checked.
pub(super) fn wheel(
    tools: &Variables,
    cancel: &Cancel,
    report: &mut Report<'_>,
) -> Result<Vec<u8>, Error> {
    let wheel = wheel::of_this_machine().ok_or_else(|| UvError::Machine {
        machine: format!("{} {}", std::env::consts::ARCH, std::env::consts::OS),
    })?;
    let index = Index::choose(tools, cancel).ok_or(UvError::NoIndex)?;
    let content = fetch(wheel, &index, tools, cancel, report)?;
    let found = ContentHash::of(&content).to_string();
    if found != wheel.sha256 {
        let file = wheel.file;
        return Err(UvError::Hash { index, file, found }.into());
    }
    Ok(content)
}

fn fetch(
    wheel: &Wheel,
    index: &Index,
    tools: &Variables,
    cancel: &Cancel,
    report: &mut Report<'_>,
) -> Result<Vec<u8>, Error> {
    let failed = |source: Cause| UvError::Fetch {
        index: index.clone(),
        source,
    };
    let client = Client::new(tools, index).map_err(failed)?;
    let page = index.page("uv");
    let body = client.text(&page).map_err(failed)?;
    let link = index::link(&page, &body, wheel.file).ok_or(UvError::Absent {
        index: index.clone(),
        file: wheel.file,
    })?;
    let mut content = Vec::new();
    let (mut body, total) = client.body(&link).map_err(failed)?;
    let mut piece = vec![0; 256 * 1024];
    loop {
        cancel.check()?;
        let count = body.read(&mut piece).map_err(|e| failed(e.into()))?;
        if count == 0 {
            return Ok(content);
        }
        content.extend_from_slice(&piece[..count]);
        report.progress(Phase::Uv, content.len() as u64, total);
    }
}

/// HTTP as the caller's variables want it: certificates, proxy, credentials of the index.
struct Client {
    agent: Agent,
    /// The index's own host, and what is sent to it alone.
    authorization: Option<(String, String)>,
}

impl Client {
    fn new(tools: &Variables, index: &Index) -> Result<Self, Cause> {
        let tls = TlsConfig::builder().root_certs(roots(tools)?).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .proxy(proxy(tools)?)
            .timeout_connect(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .timeout_per_read(Some(SILENCE))
            .user_agent(concat!("shipsmith/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        let (bare, credentials) = index::split_credentials(index.with_credentials());
        let authorization = credentials.map(|credentials| {
            let credentials = percent_decoded(&credentials);
            (
                host(&bare).to_owned(),
                format!("Basic {}", base64::encode(&credentials)),
            )
        });
        Ok(Self {
            agent,
            authorization,
        })
    }

    fn text(&self, url: &str) -> Result<String, Cause> {
        let (body, _) = self.body(url)?;
        let mut text = String::new();
        body.take(LARGEST).read_to_string(&mut text)?;
        Ok(text)
    }

    /// The body and its length; 0 when the index does not say.
    fn body(&self, url: &str) -> Result<(impl Read + use<>, u64), Cause> {
        let (url, _) = index::split_credentials(url);
        let mut request = self.agent.get(&url).header(header::ACCEPT, index::ACCEPT);
        if let Some((at, secret)) = &self.authorization
            && at == host(&url)
        {
            request = request.header(header::AUTHORIZATION, secret);
        }
        let body = request.call()?.into_body();
        let length = body.content_length().unwrap_or(0);
        Ok((body.into_with_config().limit(LARGEST).reader(), length))
    }
}

/// `SSL_CERT_FILE` where the caller has one, as curl, pip and uv do; else the system's own.
fn roots(tools: &Variables) -> Result<RootCerts, Cause> {
    let Some(path) = tools
        .get("SSL_CERT_FILE")
        .filter(|v| !v.reveal().is_empty())
    else {
        return Ok(RootCerts::PlatformVerifier);
    };
    let content = file::read(path.reveal().as_ref())?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&content)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    Ok(RootCerts::new_with_certs(&certificates))
}

/// `HTTPS_PROXY` and its like, with the exceptions of `NO_PROXY`.
fn proxy(tools: &Variables) -> Result<Option<Proxy>, Cause> {
    let first = |names: [&str; 4]| {
        let mut values = names.iter().filter_map(|&name| tools.get(name));
        values.find(|value| !value.reveal().is_empty())
    };
    let Some(named) = first(["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]) else {
        return Ok(None);
    };
    let named = Proxy::new(named.reveal())?;
    let mut proxy = Proxy::builder(named.protocol())
        .host(named.host())
        .port(named.port());
    if let Some(name) = named.username() {
        proxy = proxy
            .username(name)
            .password(named.password().unwrap_or_default());
    }
    let except = first(["NO_PROXY", "no_proxy", "NO_PROXY", "no_proxy"]);
    for host in except.iter().flat_map(|hosts| hosts.reveal().split(',')) {
        proxy = proxy.no_proxy(host.trim());
    }
    Ok(Some(proxy.build()?))
}

fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        assert_eq!(percent_decoded("a%40b:%zz%4"), b"a@b:%zz%4");
    }
}

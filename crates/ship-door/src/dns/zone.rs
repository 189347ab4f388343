//! Which zone has a name, who serves it, and whether all who do have a record.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use ship_base::file;
use tokio::time::Instant;

use super::error::{DnsError, word};
use super::message::{Answer, Data};
use super::update::Record;
use super::{ask, kind};

/// The file that names the resolvers of this machine (resolv.conf(5)).
const RESOLVERS: &str = "/etc/resolv.conf";

/// The port of DNS.
const PORT: u16 = 53;

/// So many names may lead on to another before it is a circle.
const LONGEST_CHAIN: usize = 8;

/// Between two questions to a server that does not have a record yet.
const PAUSE: Duration = Duration::from_secs(1);

/// An answer that there is nothing of that name.
const NO_NAME: u16 = 3;

/// Asks those who ask the servers of zones.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    servers: Vec<SocketAddr>,
    /// Where the servers of zones answer.
    port: u16,
}

/// A server of a zone.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
}

impl Resolver {
    /// `resolver`: in place of those of this machine. `port`: where the servers of zones answer.
    pub(crate) fn new(resolver: Option<SocketAddr>, port: u16) -> Result<Self, DnsError> {
        let servers = match resolver {
            Some(resolver) => vec![resolver],
            None => named_in(&file::read_text_if_there(Path::new(RESOLVERS))?.unwrap_or_default()),
        };
        Ok(Self { servers, port })
    }

    async fn ask(&self, name: &str, kind: u16) -> Result<Answer, DnsError> {
        let mut last = None;
        for server in &self.servers {
            match ask::ask(*server, name, kind, true).await {
                Ok(answer) if matches!(answer.code, 0 | NO_NAME) => return Ok(answer),
                Ok(answer) => {
                    last = Some(DnsError::Refused {
                        server: server.to_string(),
                        code: word(answer.code),
                        name: name.to_owned(),
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| DnsError::NoZone {
            name: name.to_owned(),
        }))
    }

    /// Where a record of this name belongs: the name itself, or another where it is an alias
    /// (`CNAME`), and the zone that has that.
    pub(crate) async fn place(&self, name: &str) -> Result<(String, String), DnsError> {
        let name = self.follow(name).await?;
        let zone = self.zone(&name).await?;
        Ok((name, zone))
    }

    async fn follow(&self, name: &str) -> Result<String, DnsError> {
        let answer = self.ask(name, kind::TXT).await?;
        let mut name = name.to_owned();
        for _ in 0..LONGEST_CHAIN {
            let next = answer.answers.iter().find_map(|found| match &found.data {
                Data::Alias(next) if found.name == name => Some(next),
                _ => None,
            });
            match next {
                Some(next) => name.clone_from(next),
                None => break,
            }
        }
        Ok(name)
    }

    /// The zone is told with an answer about any name in it (RFC 2308, 3).
    async fn zone(&self, name: &str) -> Result<String, DnsError> {
        let mut above = name;
        loop {
            let answer = self.ask(above, kind::SOA).await?;
            let mut found = answer.answers.iter().chain(&answer.authority);
            let is_above = |zone: &str| {
                name == zone
                    || name
                        .strip_suffix(zone)
                        .is_some_and(|rest| rest.ends_with('.'))
            };
            if let Some(zone) = found.find(|it| it.data == Data::Zone && is_above(&it.name)) {
                return Ok(zone.name.clone());
            }
            above = above
                .split_once('.')
                .map(|(_, above)| above)
                .ok_or_else(|| DnsError::NoZone {
                    name: name.to_owned(),
                })?;
        }
    }

    async fn servers(&self, zone: &str) -> Result<Vec<Server>, DnsError> {
        let mut servers = Vec::new();
        for found in self.ask(zone, kind::NS).await?.answers {
            let Data::Server(name) = found.data else {
                continue;
            };
            let mut addresses = Vec::new();
            for kind in [kind::A, kind::AAAA] {
                // One that has no address is told below.
                let Ok(answer) = self.ask(&name, kind).await else {
                    continue;
                };
                addresses.extend(answer.answers.iter().filter_map(|found| match found.data {
                    Data::Address(address) => Some(SocketAddr::from((address, self.port))),
                    _ => None,
                }));
            }
            if !addresses.is_empty() {
                servers.push(Server { name, addresses });
            }
        }
        if servers.is_empty() {
            return Err(DnsError::NoServers {
                zone: zone.to_owned(),
            });
        }
        Ok(servers)
    }

    /// Waits until every server of the zone has the record, at most `within`. One that does not
    /// answer at all is left out, as long as there is another that has it: an authority asks any.
    pub(crate) async fn await_everywhere(
        &self,
        record: &Record,
        within: Duration,
    ) -> Result<(), DnsError> {
        let began = Instant::now();
        let mut missing = self.servers(&record.zone).await?;
        let mut has_it = 0;
        loop {
            let mut still = Vec::new();
            let mut told = Vec::new();
            let mut is_said = false;
            for server in missing {
                match has(&server, record).await {
                    Ok(()) => {
                        has_it += 1;
                        continue;
                    }
                    Err(Lack::Silent(why)) => told.push(why),
                    Err(Lack::Said(why)) => {
                        is_said = true;
                        told.push(why);
                    }
                }
                still.push(server);
            }
            if still.is_empty() {
                return Ok(());
            }
            let is_late = began.elapsed() + PAUSE > within;
            if is_late && !is_said && has_it > 0 {
                tracing::warn!(
                    name = record.name,
                    missing = told.join(", "),
                    "not every server of the zone could be asked"
                );
                return Ok(());
            }
            if is_late {
                return Err(DnsError::Missing {
                    name: record.name.clone(),
                    zone: record.zone.clone(),
                    seconds: within.as_secs(),
                    missing: told.join(", "),
                });
            }
            missing = still;
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Why a server does not have a record.
enum Lack {
    /// It does not answer.
    Silent(String),
    /// It says so.
    Said(String),
}

async fn has(server: &Server, record: &Record) -> Result<(), Lack> {
    let name = &server.name;
    for address in &server.addresses {
        let Ok(answer) = ask::ask(*address, &record.name, kind::TXT, false).await else {
            continue;
        };
        let value = Data::Text(record.value.clone().into_bytes());
        if answer.answers.iter().any(|found| found.data == value) {
            return Ok(());
        }
        return Err(Lack::Said(match answer.code {
            0 | NO_NAME => format!("`{name}` does not have it"),
            code => format!("`{name}` answers {}", word(code)),
        }));
    }
    Err(Lack::Silent(format!("`{name}` does not answer")))
}

/// The addresses behind `nameserver`; this machine where there are none, as in resolv.conf(5).
fn named_in(text: &str) -> Vec<SocketAddr> {
    let named = text.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let is_one = words.next() == Some("nameserver");
        let address: IpAddr = words.next().filter(|_| is_one)?.parse().ok()?;
        Some(SocketAddr::from((address, PORT)))
    });
    let named: Vec<SocketAddr> = named.collect();
    if named.is_empty() {
        return vec![(Ipv4Addr::LOCALHOST, PORT).into()];
    }
    named
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use tokio::net::UdpSocket;
    use tokio::task::JoinSet;

    use super::*;
    use crate::dns::message::{IN, Reader, header, push};
    use crate::dns::name;

    /// Servers of `blog.example`: `a` at 127.0.0.1, which is asked for everything, and `b` at
    /// 127.0.0.2. What each says of the record: its text, or nothing at all.
    struct Zone {
        port: u16,
        _serving: JoinSet<()>,
    }

    const VALUE: &str = "the value";

    impl Zone {
        async fn new(a: Option<&'static str>, b: Option<&'static str>) -> Self {
            let first = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            let port = first.local_addr().unwrap().port();
            let second = UdpSocket::bind(("127.0.0.2", port)).await.unwrap();
            let mut serving = JoinSet::new();
            serving.spawn(serve(first, a));
            serving.spawn(serve(second, b));
            Self {
                port,
                _serving: serving,
            }
        }

        fn resolver(&self) -> Resolver {
            let own = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.port);
            Resolver::new(Some(own.into()), self.port).unwrap()
        }

        async fn wait(&self, within: Duration) -> Result<(), DnsError> {
            let record = Record {
                zone: "blog.example".to_owned(),
                name: "_acme-challenge.blog.example".to_owned(),
                value: VALUE.to_owned(),
            };
            self.resolver().await_everywhere(&record, within).await
        }
    }

    async fn serve(socket: UdpSocket, text: Option<&'static str>) {
        let mut bytes = [0; 512];
        loop {
            let (length, from) = socket.recv_from(&mut bytes).await.unwrap();
            if let Some(answer) = answer(&bytes[..length], text) {
                socket.send_to(&answer, from).await.unwrap();
            }
        }
    }

    fn answer(question: &[u8], text: Option<&str>) -> Option<Vec<u8>> {
        let mut reader = Reader::new(question);
        let id = reader.number()?;
        reader.bytes(10)?;
        let (name, kind) = reader.question()?;
        let target = |label: &str| {
            let mut data = Vec::new();
            name::write(&mut data, label).unwrap();
            data
        };
        let records: Vec<(u16, Vec<u8>)> = match kind {
            kind::NS => ["a.blog.example", "b.blog.example"]
                .map(|server| (kind::NS, target(server)))
                .to_vec(),
            kind::A => {
                let last = if name.starts_with('a') { 1 } else { 2 };
                vec![(kind::A, vec![127, 0, 0, last])]
            }
            kind::TXT => {
                let text = text?;
                let length = u8::try_from(text.len()).unwrap();
                vec![(kind::TXT, [&[length], text.as_bytes()].concat())]
            }
            _ => Vec::new(),
        };
        let count = u16::try_from(records.len()).unwrap();
        let is_top = kind == kind::SOA;
        let mut message = header(id, 0x8400, [1, count, u16::from(is_top), 0]);
        name::write(&mut message, &name).unwrap();
        push(&mut message, kind);
        push(&mut message, IN);
        let top = (kind::SOA, Vec::new());
        for (kind, data) in records.into_iter().chain(is_top.then_some(top)) {
            let owner = if is_top { "blog.example" } else { &name };
            name::write(&mut message, owner).unwrap();
            push(&mut message, kind);
            push(&mut message, IN);
            message.extend([0; 4]);
            push(&mut message, u16::try_from(data.len()).unwrap());
            message.extend(data);
        }
        Some(message)
    }

    const SHORT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn a_record_is_there_when_each_server_of_the_zone_has_it() {
        let zone = Zone::new(Some(VALUE), Some(VALUE)).await;
        let name = "_acme-challenge.blog.example";
        let place = zone.resolver().place(name).await.unwrap();
        assert_eq!(place, (name.to_owned(), "blog.example".to_owned()));
        zone.wait(SHORT).await.unwrap();
    }

    #[tokio::test]
    async fn the_server_that_lacks_a_record_is_named() {
        let zone = Zone::new(Some(VALUE), Some("another")).await;
        let error = zone.wait(SHORT).await.unwrap_err().to_string();
        let expected = ": `b.blog.example` does not have it";
        assert!(error.ends_with(expected), "{error}");
    }

    #[tokio::test]
    async fn a_silent_server_is_left_out_where_another_has_the_record() {
        let zone = Zone::new(Some(VALUE), None).await;
        zone.wait(SHORT).await.unwrap();
        let zone = Zone::new(Some("another"), None).await;
        let error = zone.wait(SHORT).await.unwrap_err().to_string();
        assert!(
            error.contains("`a.blog.example` does not have it"),
            "{error}"
        );
        assert!(
            error.contains("`b.blog.example` does not answer"),
            "{error}"
        );
    }

    #[test]
    fn the_resolvers_of_this_machine_are_read() {
        let text = "# by hand\nsearch example\nnameserver 192.0.2.1\nnameserver\t2001:db8::1\n#nameserver 192.0.2.2\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|it| it.parse().unwrap());
        assert_eq!(named_in(text), expected);
        assert_eq!(named_in(""), ["127.0.0.1:53".parse().unwrap()]);
    }
}

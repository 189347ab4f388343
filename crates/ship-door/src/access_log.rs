//! Which requests were answered, a line each, in the log of their app.
//!
//! A thread of its own writes; requests hand it a record and go on. Where it cannot keep up, records
//! are left out and counted, and the next line that is written is preceded by one that says how many
//! are missing.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::header::HeaderValue;
use hyper::{Method, StatusCode, Uri, Version};
use serde::Serialize;
use ship_base::clock::Moment;
use ship_base::count;
use ship_base::name::{InstanceId, ProcessName, ReleaseId};
use ship_observe::log_store::{Entry, Part, Stream, Writer};

use crate::route::Site;

/// Records that may wait for the disk; a second of a busy site.
const WAITING: usize = 8192;

/// Bytes of disk that one app's lines may take.
const CAP: u64 = 64 << 20;

/// Apps whose files are kept open.
const OPEN: usize = 256;

/// What is told of an app's requests, and where.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) folder: PathBuf,
    missed: AtomicU64,
}

impl Access {
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            missed: AtomicU64::new(0),
        }
    }
}

/// A request that was answered.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) site: Arc<Site>,
    pub(crate) at: Moment,
    pub(crate) client: IpAddr,
    pub(crate) host: HeaderValue,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) version: Version,
    pub(crate) status: StatusCode,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
    pub(crate) referer: Option<HeaderValue>,
    pub(crate) agent: Option<HeaderValue>,
    pub(crate) id: HeaderValue,
}

/// A record as it is written.
#[derive(Debug, Serialize)]
struct Line<'r> {
    client: IpAddr,
    host: &'r str,
    method: &'r str,
    target: &'r str,
    protocol: &'r str,
    status: u16,
    bytes: u64,
    took_ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    referer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agent: Option<String>,
    request: &'r str,
}

/// The way to the thread that writes.
#[derive(Debug, Clone)]
pub(crate) struct AccessLog(SyncSender<Record>);

impl AccessLog {
    /// Starts the thread; it ends after the last record, once nobody can hand it any more.
    pub(crate) fn start() -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, records) = sync_channel(WAITING);
        let thread = std::thread::Builder::new()
            .name("access-log".to_owned())
            .spawn(move || write(&records))?;
        Ok((Self(sender), thread))
    }

    /// Never waits.
    pub(crate) fn tell(&self, record: Record) {
        if let Err(error) = self.0.try_send(record) {
            let (std::sync::mpsc::TrySendError::Full(record)
            | std::sync::mpsc::TrySendError::Disconnected(record)) = error;
            if let Some(access) = &record.site.access {
                access.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn write(records: &Receiver<Record>) {
    let process: ProcessName = "door".parse().expect("a well-formed name");
    let mut writers: HashMap<PathBuf, Writer> = HashMap::new();
    while let Ok(record) = records.recv() {
        let Some(access) = &record.site.access else {
            continue;
        };
        if writers.len() >= OPEN && !writers.contains_key(&access.folder) {
            writers.clear();
        }
        let writer = writers
            .entry(access.folder.clone())
            .or_insert_with(|| Writer::open(&access.folder, CAP));
        let instance = InstanceId::new(record.site.app.clone(), process.clone(), 1);
        let mut say = |stream, text: &str| {
            writer.write(&Entry {
                at: record.at,
                instance: &instance,
                release: record.site.release.unwrap_or(ReleaseId::new(1)),
                stream,
                part: Part::Whole,
                text: text.as_bytes(),
            });
        };
        let missed = access.missed.swap(0, Ordering::Relaxed);
        if missed > 0 {
            let missed = usize::try_from(missed).unwrap_or(usize::MAX);
            let requests = count::plural(missed, "request");
            say(
                Stream::Ship,
                &format!("… {requests} not written: there were too many at once"),
            );
        }
        say(Stream::Out, &line(&record));
    }
}

/// One line of JSON: nothing that a visitor sends can begin another.
fn line(record: &Record) -> String {
    let lossy = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let target = record.uri.path_and_query();
    let line = Line {
        client: record.client,
        host: record.host.to_str().unwrap_or_default(),
        method: record.method.as_str(),
        target: target.map_or("*", |target| target.as_str()),
        protocol: match record.version {
            Version::HTTP_10 => "HTTP/1.0",
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_3 => "HTTP/3",
            _ => "HTTP/1.1",
        },
        status: record.status.as_u16(),
        bytes: record.bytes,
        took_ms: (record.took.as_secs_f64() * 1_000_000.0).round() / 1000.0,
        referer: record.referer.as_ref().map(lossy),
        agent: record.agent.as_ref().map(lossy),
        request: record.id.to_str().unwrap_or_default(),
    };
    serde_json::to_string(&line).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    use ship_observe::log_store::{Query, query};

    use crate::cache::Caches;
    use crate::instance::Instances;
    use crate::route::Routes;
    use crate::rules::LastRules;
    use crate::table::{self, Table};
    use crate::traffic::Meters;

    fn site(folder: PathBuf) -> Arc<Site> {
        let site = table::Site {
            app: "blog".parse().unwrap(),
            release: None,
            hosts: vec!["blog.test".to_owned()],
            routes: Vec::new(),
            body_limit: 0,
            https: table::Https::default(),
            access_log: Some(folder),
            rules: table::SiteRules::default(),
        };
        let table = Table {
            sites: vec![site],
            ..Table::empty()
        };
        let mut instances = Instances::default();
        let routes = Routes::compile(
            &table,
            &mut instances,
            &Caches::default(),
            &Meters::default(),
            &LastRules::default(),
        )
        .unwrap();
        routes.site("blog.test").unwrap().clone()
    }

    fn record(site: &Arc<Site>) -> Record {
        Record {
            site: site.clone(),
            at: Moment::now(),
            client: Ipv4Addr::LOCALHOST.into(),
            host: HeaderValue::from_static("blog.test"),
            method: Method::GET,
            uri: Uri::from_static("/"),
            version: Version::HTTP_11,
            status: StatusCode::OK,
            bytes: 0,
            took: Duration::ZERO,
            referer: None,
            agent: None,
            id: HeaderValue::from_static("1"),
        }
    }

    #[tokio::test]
    async fn records_beyond_what_may_wait_are_counted_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let site = site(folder.path().join("door"));
        let (sender, records) = sync_channel(2);
        let log = AccessLog(sender);
        for _ in 0..5 {
            log.tell(record(&site));
        }
        drop(log);
        write(&records);
        let lines = query(folder.path(), &Query::default()).unwrap();
        let lines: Vec<_> = lines
            .map(|line| line.unwrap().lossy().into_owned())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(
            lines[0],
            "… 3 requests not written: there were too many at once"
        );
    }
}

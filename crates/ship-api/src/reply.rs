//! What the server answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::hash::ContentHash;
use ship_base::name::{AppName, InstanceId, KeyName, ProcessName, ReleaseId};
use ship_base::secret::Secret;

use crate::access::Role;

/// `GET /v1/status`: the server itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServerStatus {
    /// Version of Shipsmith.
    pub version: String,
    /// The control process.
    pub pid: i32,
    /// The door, if it lives.
    pub door: Option<i32>,
    /// The port of plain HTTP, if the door listens.
    pub port: Option<u16>,
    /// The port of TLS, if the door listens on one.
    #[serde(default)]
    pub https_port: Option<u16>,
    /// Apps that run.
    pub running: Vec<AppName>,
    /// Certificates of the author's own, and on a server those of an authority.
    #[serde(default)]
    pub certificates: Vec<Certificate>,
}

/// A certificate that the door has, or does not get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The names that it is for.
    pub names: Vec<String>,
    /// `file …`, or the authority's address.
    pub from: String,
    /// Whether visitors get it.
    pub serves: bool,
    /// What is wrong with it; `None` when all is well.
    pub trouble: Option<String>,
}

/// `GET /v1/apps` and `GET /v1/apps/{app}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct App {
    /// Its name.
    pub name: AppName,
    /// The folder it was last brought up from.
    pub project: PathBuf,
    /// Whether it should run.
    pub running: bool,
    /// Whether it stays when the terminal closes.
    pub detached: bool,
    /// The live release.
    pub current: Option<ReleaseId>,
    /// Where visitors find it, while it runs.
    pub url: Option<String>,
    /// Since when visitors see a page in its place, where they do.
    #[serde(default)]
    pub maintenance: Option<Moment>,
    /// What visitors took of it this month; `None` where nothing was counted and there is no budget.
    #[serde(default)]
    pub traffic: Option<Traffic>,
    /// Its instances.
    pub instances: Vec<Instance>,
    /// Its jobs.
    pub jobs: Vec<Job>,
}

/// What visitors took of an app in this calendar month (UTC), as of a few seconds ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// `2026-11`
    pub month: String,
    /// Bytes that went out to visitors.
    pub sent: u64,
    /// Bytes that came from visitors.
    pub received: u64,
    /// Bytes that may go out in a month; `None` where there is no end.
    pub budget: Option<u64>,
    /// `within` the budget, `near` its end (80 %), or beyond it: `over`, `slowed` or `paused`, as the
    /// manifest says. Without a budget `within`.
    pub state: String,
}

/// A running copy, as `ship ps` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// Which.
    pub id: InstanceId,
    /// Of which release.
    pub release: ReleaseId,
    /// `starting`, `ready`, `waiting`, `stopping`, `ended`.
    pub state: String,
    /// What it waits for, or how it ended last; may be empty.
    pub detail: String,
    /// The program's process, while there is one.
    pub pid: Option<i32>,
    /// How often it was started again.
    pub restarts: u32,
    /// When its state began.
    pub since: Moment,
    /// Proportional memory of its whole tree in bytes, where the system tells.
    pub memory: Option<u64>,
}

/// A job of an app.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its name.
    pub name: ProcessName,
    /// Its cron expression.
    pub schedule: String,
    /// When it runs next.
    pub next: Option<Moment>,
    /// When it ran last.
    pub last: Option<Moment>,
    /// How it ended then: `exit 0`.
    pub outcome: Option<String>,
}

/// `GET /v1/apps/{app}/releases`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// Which.
    pub id: ReleaseId,
    /// Its content address.
    pub content: String,
    /// When it was built.
    pub built: Moment,
    /// Who brought it up.
    pub by: String,
    /// The environment's address.
    pub environment: Option<String>,
    /// `live`, `previous`, or empty.
    pub mark: String,
    /// What it runs: `Django 5.2 · Python 3.12`.
    pub summary: String,
    /// Whether it can still be rolled back to.
    pub kept: bool,
}

/// `POST /v1/apps/{app}/source`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// The pieces that the server does not have.
    pub pieces: BTreeSet<ContentHash>,
}

/// `GET /v1/apps/{app}/env`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvEntry {
    /// The name.
    pub name: String,
    /// The value.
    pub value: Secret<String>,
    /// `ship env`, `.env`, `ship.toml` or `ship`: who set it.
    pub from: String,
}

/// What a purge came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Purged {
    /// The path that was asked for.
    pub path: String,
    /// How many answers the front door kept for it.
    pub answers: u64,
}

/// What a one-off command needs: the environment of a release.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct OneOff {
    /// The release.
    pub release: ReleaseId,
    /// The whole environment.
    pub env: BTreeMap<String, Secret<String>>,
    /// The folder to start in.
    pub folder: PathBuf,
}

/// A plan as it is shown: rows of three columns, then notes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// The app's name.
    pub name: AppName,
    /// The rows: `web`, its command, and why.
    pub rows: Vec<PlanRow>,
    /// What the author should know.
    pub notes: Vec<NoteView>,
    /// The whole plan as JSON, for `--json`.
    pub plan: serde_json::Value,
}

/// One line of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRow {
    /// `talkshow`, `web`, `release`, `static`.
    pub label: String,
    /// What is decided.
    pub what: String,
    /// Why, and from where.
    pub why: String,
}

/// Something the author should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NoteView {
    /// The fragment.
    pub text: String,
    /// The remedy.
    pub hint: Option<String>,
    /// `file:line`.
    pub place: Option<String>,
}

/// `GET /v1/keys`: a key and what it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Key {
    /// What it is called here.
    pub name: KeyName,
    /// The apps that it is for.
    pub apps: BTreeSet<AppName>,
    /// What it may do with them.
    pub may: BTreeSet<Role>,
    /// `SHA256:…`, as ssh shows it.
    pub fingerprint: String,
    /// When it was added.
    pub added: Moment,
}

/// `GET /v1/audit`: every change that was asked for, and how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Audit {
    /// Oldest first.
    pub entries: Vec<AuditEntry>,
    /// The first entry that is not what was written, or does not follow the one before it.
    pub broken: Option<u64>,
    /// The last of the oldest entries that have gone, where some have: the log has a cap.
    #[serde(default)]
    pub gone: Option<AuditGone>,
}

/// The last line that is not in the audit log any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditGone {
    /// Its number; the log goes on with the next.
    pub number: u64,
    /// Its hash: the line of that number in a backup has the same.
    pub hash: ContentHash,
}

/// A line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditEntry {
    /// Counted from 1.
    pub number: u64,
    /// When.
    pub at: Moment,
    /// `root`, `key ci`.
    pub who: String,
    /// `deploy`
    pub what: String,
    /// With which app, where it was one.
    pub app: Option<AppName>,
    /// `begun`, `done`, `refused`, `failed: …`
    pub outcome: String,
    /// Of all of it and of the entry before.
    pub hash: ContentHash,
}

//! What the command asks of the server. One type per body; the route is in its doc comment.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;
use ship_base::name::{AppName, KeyName, ProcessName, ReleaseId};
use ship_base::secret::Secret;

use crate::access::Role;
use crate::source::Source;

/// `POST /v1/up`: build the project in this folder and bring it live. Streams
/// [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Up {
    /// The project, absolute.
    #[schemars(regex(pattern = r"^/[^\x00]*$"))]
    pub project: PathBuf,
    /// `--name`: instead of the plan's.
    pub name: Option<AppName>,
    /// `--port`: where the door listens; refused when it cannot.
    pub port: Option<u16>,
    /// `--detach`: the app stays when the caller goes. Without it, it is stopped once nobody has
    /// been attached for 10 s.
    pub detach: bool,
    /// Variables of the caller that tools need: `PATH`, `UV_*`, `PIP_*`, proxies.
    pub tools: BTreeMap<String, Secret<String>>,
}

/// `POST /v1/apps/{app}/deploy`: builds a source whose content was sent, and brings it live.
/// Streams [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Deploy {
    /// The same list that was offered.
    pub source: Source,
    /// `--domain`: host names in addition to the project's own. Where none is given, those of the
    /// deploy before stay.
    pub domains: Vec<String>,
}

/// `POST /v1/plan`: the plan of a folder, as [`PlanView`](crate::reply::PlanView)s. Answered by
/// the command itself without a server; here for far away.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct PlanOf {
    /// The project, absolute.
    pub project: PathBuf,
}

/// `POST /v1/apps/{app}/promote`: brings a release of another app over to this one, and that live.
/// A key needs to be for both. Streams [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Promote {
    /// The app that has it.
    pub from: AppName,
    /// Which release; the live one by default.
    pub release: Option<ReleaseId>,
    /// `--domain`: host names in addition to the project's own. Where none is given, those of the
    /// deploy before stay.
    pub domains: Vec<String>,
}

/// `POST /v1/apps/{app}/rollback`: streams [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Rollback {
    /// Which release; the previous one by default.
    pub to: Option<ReleaseId>,
}

/// `POST /v1/apps/{app}/restart`: new instances, same release; streams
/// [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct RestartApp {
    /// Only this process.
    pub process: Option<ProcessName>,
}

/// `POST /v1/apps/{app}/purge`: answers [`Purged`](crate::reply::Purged).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Purge {
    /// A path, with any query; all that begin with it where it ends with `*`.
    pub path: String,
}

/// `POST /v1/apps/{app}/maintenance`: visitors see a page in the app's place, or the app again. 204.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Maintain {
    /// Whether they see the page.
    pub on: bool,
    /// What it says beside that the site will be back.
    #[serde(default)]
    pub message: Option<String>,
    /// Networks and addresses whose visitors see the app all the same.
    #[serde(default)]
    pub allow: Vec<String>,
}

/// `POST /v1/apps/{app}/scale`: streams [`DeployEvent`](crate::event::DeployEvent).
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Scale {
    /// How many instances of each process.
    pub processes: BTreeMap<ProcessName, u32>,
}

/// `POST /v1/apps/{app}/env`: sets and unsets; takes effect with the next deploy or restart.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct ChangeEnv {
    /// New values.
    pub set: BTreeMap<String, Secret<String>>,
    /// Names to forget.
    pub unset: Vec<String>,
}

/// `POST /v1/apps`: an app that is there before its first deploy, so that it can have settings. No
/// change where it is there for the same folder; refused where another folder has the name.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct CreateApp {
    /// Its name.
    pub name: AppName,
    /// The folder of its project, absolute.
    #[schemars(regex(pattern = r"^/[^\x00]*$"))]
    pub project: PathBuf,
}

/// `GET /v1/apps/{app}/logs` as query parameters; streams [`LogLine`](crate::event::LogLine).
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Logs {
    /// The requests that the front door answered for the app, in place of what it wrote. The text of
    /// each line is JSON.
    pub access: bool,
    /// Go on with what comes.
    pub follow: bool,
    /// Only this process.
    pub process: Option<ProcessName>,
    /// Only this release.
    pub release: Option<ReleaseId>,
    /// From this moment.
    pub since: Option<Moment>,
    /// Only lines with this text.
    pub grep: Option<String>,
    /// Only the last so many.
    pub tail: Option<usize>,
}

/// `POST /v1/apps/{app}/run`: what a one-off command needs. Answered by
/// [`OneOff`](crate::reply::OneOff): the command itself starts it, at the caller's terminal.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RunIn {
    /// Which release; the current one by default.
    pub release: Option<ReleaseId>,
}

/// `POST /v1/apps/{app}/stop` and `DELETE /v1/apps/{app}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub struct Stop {
    /// At most this long for what is in flight; the plan's grace by default.
    pub within: Option<Duration>,
}

/// `POST /v1/keys`: what a key may. The key itself stands in sshd's `authorized_keys`, which the
/// command writes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AddKey {
    /// What it is called here.
    pub name: KeyName,
    /// The apps that it is for; they need not be there yet.
    pub apps: BTreeSet<AppName>,
    /// What it may do with them.
    pub may: BTreeSet<Role>,
    /// `SHA256:…`, as ssh shows it.
    pub fingerprint: String,
}

/// `POST /v1/keys/remove`: from then on the key may nothing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct RemoveKey {
    /// What it is called here.
    pub name: KeyName,
}

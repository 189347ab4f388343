//! The routes of the API, for both sides: the client writes them, the server reads them.
//!
//! A route is a value; [`Route::method`] and [`Route::path`] say how it looks on the wire and
//! [`Route::parse`] is their inverse. What stands behind `/v1/apps/{app}` is a line of
//! [`VERBS`], everything else one of [`WHOLE`].

use std::fmt;

use hyper::Method;
use ship_base::name::{AppName, NameError};

use crate::access::Role;

/// Everything that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `GET /v1/status`: answers [`ServerStatus`](crate::reply::ServerStatus).
    Status,
    /// `POST /v1/stop` with a [`Stop`](crate::request::Stop): every app, the door and the server
    /// itself. 204 once the apps and the door have ended, just before the server does. The same in
    /// every version of the API.
    StopServer,
    /// `GET /v1/apps`: answers a list of [`App`](crate::reply::App).
    Apps,
    /// `POST /v1/apps` with a [`CreateApp`](crate::request::CreateApp). 204.
    CreateApp,
    /// `POST /v1/up` with an [`Up`](crate::request::Up); streams
    /// [`DeployEvent`](crate::event::DeployEvent).
    Up,
    /// `GET /v1/keys`: answers a list of [`Key`](crate::reply::Key), sorted by name.
    Keys,
    /// `POST /v1/keys` with an [`AddKey`](crate::request::AddKey). 204.
    AddKey,
    /// `POST /v1/keys/remove` with a [`RemoveKey`](crate::request::RemoveKey). 204.
    RemoveKey,
    /// `GET /v1/audit`: answers an [`Audit`](crate::reply::Audit).
    Audit,
    /// `GET /v1/openapi.json`: answers all of this as OpenAPI 3.1, see
    /// [`description`](crate::description::description).
    Description,
    /// Something of one app.
    Of(AppName, Verb),
}

/// What can be asked of one app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// `GET /v1/apps/{app}`: answers [`App`](crate::reply::App).
    Show,
    /// `DELETE /v1/apps/{app}` with a [`Stop`](crate::request::Stop): its releases, settings, logs
    /// and data. 204.
    Destroy,
    /// `GET …/releases`: answers a list of [`Release`](crate::reply::Release), newest first.
    Releases,
    /// `GET …/env`: answers a list of [`EnvEntry`](crate::reply::EnvEntry), sorted by name.
    Env,
    /// `POST …/env` with a [`ChangeEnv`](crate::request::ChangeEnv). 204.
    ChangeEnv,
    /// `POST …/source` with a [`Source`](crate::source::Source): what is to be deployed; answers
    /// [`Missing`](crate::reply::Missing).
    Offer,
    /// `POST …/pieces` with a [`Batch`](crate::source::Batch): content that was missing. 204.
    Send,
    /// `POST …/deploy` with a [`Deploy`](crate::request::Deploy): builds what was sent and brings it
    /// live; streams [`DeployEvent`](crate::event::DeployEvent).
    Deploy,
    /// `GET …/logs` with [`Logs`](crate::request::Logs) as query; streams
    /// [`LogLine`](crate::event::LogLine).
    Logs,
    /// `GET …/attach` with the `since` of [`Logs`](crate::request::Logs) as query; streams
    /// [`AttachEvent`](crate::event::AttachEvent) until the client goes.
    Attach,
    /// `POST …/maintenance` with a [`Maintain`](crate::request::Maintain). 204 once visitors see it.
    Maintain,
    /// `POST …/promote` with a [`Promote`](crate::request::Promote); streams
    /// [`DeployEvent`](crate::event::DeployEvent).
    Promote,
    /// `POST …/purge` with a [`Purge`](crate::request::Purge): answers the front door keeps; answers
    /// [`Purged`](crate::reply::Purged).
    Purge,
    /// `POST …/rollback` with a [`Rollback`](crate::request::Rollback); streams
    /// [`DeployEvent`](crate::event::DeployEvent).
    Rollback,
    /// `POST …/restart` with a [`RestartApp`](crate::request::RestartApp); streams
    /// [`DeployEvent`](crate::event::DeployEvent).
    Restart,
    /// `POST …/scale` with a [`Scale`](crate::request::Scale); streams
    /// [`DeployEvent`](crate::event::DeployEvent).
    Scale,
    /// `POST …/stop` with a [`Stop`](crate::request::Stop). 204 once its instances have ended.
    Stop,
    /// `POST …/run` with a [`RunIn`](crate::request::RunIn): answers
    /// [`OneOff`](crate::reply::OneOff).
    Run,
}

/// A line of a table: what can be asked for, its method, its path (of a verb, the last part), the
/// roles of a key that may, and what the audit log calls it, where it changes something.
pub type Line<T> = (T, Method, &'static str, &'static [Role], &'static str);

/// Everything that is not about one app. No key may.
pub const WHOLE: &[Line<Route>] = &[
    (Route::AddKey, Method::POST, "/v1/keys", &[], "key add"),
    (Route::Apps, Method::GET, "/v1/apps", &[], ""),
    (Route::Audit, Method::GET, "/v1/audit", &[], ""),
    (Route::CreateApp, Method::POST, "/v1/apps", &[], "create"),
    (Route::Description, Method::GET, "/v1/openapi.json", &[], ""),
    (Route::Keys, Method::GET, "/v1/keys", &[], ""),
    (
        Route::RemoveKey,
        Method::POST,
        "/v1/keys/remove",
        &[],
        "key remove",
    ),
    (Route::Status, Method::GET, "/v1/status", &[], ""),
    (
        Route::StopServer,
        Method::POST,
        "/v1/stop",
        &[],
        "stop server",
    ),
    (Route::Up, Method::POST, "/v1/up", &[], "up"),
];

/// Every verb. Settings are set by keys and not read; a program of the caller's own choice (`run`)
/// is for no key.
pub const VERBS: &[Line<Verb>] = &[
    (Verb::Attach, Method::GET, "attach", &[], ""),
    (
        Verb::ChangeEnv,
        Method::POST,
        "env",
        &[Role::Settings],
        "env",
    ),
    (
        Verb::Deploy,
        Method::POST,
        "deploy",
        &[Role::Deploy],
        "deploy",
    ),
    (Verb::Destroy, Method::DELETE, "", &[], "destroy"),
    (Verb::Env, Method::GET, "env", &[], ""),
    (Verb::Logs, Method::GET, "logs", &[Role::Logs], ""),
    (
        Verb::Maintain,
        Method::POST,
        "maintenance",
        &[Role::Deploy, Role::Operate],
        "maintenance",
    ),
    (
        Verb::Offer,
        Method::POST,
        "source",
        &[Role::Deploy, Role::Settings],
        "",
    ),
    (
        Verb::Promote,
        Method::POST,
        "promote",
        &[Role::Deploy],
        "promote",
    ),
    (
        Verb::Purge,
        Method::POST,
        "purge",
        &[Role::Deploy, Role::Operate],
        "purge",
    ),
    (
        Verb::Releases,
        Method::GET,
        "releases",
        &[Role::Deploy, Role::Look],
        "",
    ),
    (
        Verb::Restart,
        Method::POST,
        "restart",
        &[Role::Operate],
        "restart",
    ),
    (
        Verb::Rollback,
        Method::POST,
        "rollback",
        &[Role::Deploy, Role::Operate],
        "rollback",
    ),
    (Verb::Run, Method::POST, "run", &[], "run"),
    (
        Verb::Scale,
        Method::POST,
        "scale",
        &[Role::Operate],
        "scale",
    ),
    (Verb::Send, Method::POST, "pieces", &[Role::Deploy], ""),
    (
        Verb::Show,
        Method::GET,
        "",
        &[Role::Deploy, Role::Look, Role::Operate],
        "",
    ),
    (Verb::Stop, Method::POST, "stop", &[Role::Operate], "stop"),
];

/// A request that names no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// No route has this path: 404.
    #[error("the API has no route `{0}`")]
    Path(String),
    /// A route has this path with another method: 405.
    #[error("`{path}` does not answer {method}")]
    Method {
        /// The path.
        path: String,
        /// The method that was tried.
        method: Method,
        /// Those that it answers.
        allowed: Vec<Method>,
    },
    /// The app in the path is not a name: 404.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Route {
    /// The method on the wire.
    pub fn method(&self) -> Method {
        match self {
            Self::Of(_, verb) => verb.line().1.clone(),
            whole => whole.line().1.clone(),
        }
    }

    /// The path on the wire, without a query.
    pub fn path(&self) -> String {
        match self {
            Self::Of(app, verb) => match verb.line().2 {
                "" => format!("/v1/apps/{app}"),
                last => format!("/v1/apps/{app}/{last}"),
            },
            whole => whole.line().2.to_owned(),
        }
    }

    /// The app that it is about.
    pub fn app(&self) -> Option<&AppName> {
        match self {
            Self::Of(app, _) => Some(app),
            _ => None,
        }
    }

    /// The roles of a key that may ask for it; what is not about one app is for none.
    pub fn roles(&self) -> &'static [Role] {
        match self {
            Self::Of(_, verb) => verb.line().3,
            whole => whole.line().3,
        }
    }

    /// What the audit log calls it; `None` where it changes nothing that outlives it.
    pub fn recorded(&self) -> Option<&'static str> {
        let word = match self {
            Self::Of(_, verb) => verb.line().4,
            whole => whole.line().4,
        };
        (!word.is_empty()).then_some(word)
    }

    fn line(&self) -> &'static Line<Route> {
        let mut lines = WHOLE.iter();
        lines
            .find(|line| line.0 == *self)
            .expect("a test holds that every route has a line")
    }

    /// The route with this method and path (without a query).
    pub fn parse(method: &Method, path: &str) -> Result<Self, NoRoute> {
        match path.strip_prefix("/v1/apps/") {
            Some(rest) => Self::parse_of(method, path, rest),
            None => Self::parse_whole(method, path),
        }
    }

    fn parse_whole(method: &Method, path: &str) -> Result<Self, NoRoute> {
        let lines = WHOLE.iter().filter(|line| line.2 == path);
        chosen(lines, method, path).cloned()
    }

    fn parse_of(method: &Method, path: &str, rest: &str) -> Result<Self, NoRoute> {
        let (app, last) = rest.split_once('/').unwrap_or((rest, ""));
        let rows = VERBS.iter().filter(|row| row.2 == last);
        let verb = *chosen(rows, method, path)?;
        Ok(Self::Of(app.parse()?, verb))
    }
}

/// Of the lines of this path, the one with the method.
fn chosen<'a, T>(
    lines: impl Iterator<Item = &'a Line<T>>,
    method: &Method,
    path: &str,
) -> Result<&'a T, NoRoute> {
    let mut allowed = Vec::new();
    for line in lines {
        if line.1 == *method {
            return Ok(&line.0);
        }
        allowed.push(line.1.clone());
    }
    let path = path.to_owned();
    if allowed.is_empty() {
        return Err(NoRoute::Path(path));
    }
    Err(NoRoute::Method {
        path,
        method: method.clone(),
        allowed,
    })
}

impl Verb {
    fn line(self) -> &'static Line<Verb> {
        let mut lines = VERBS.iter();
        lines
            .find(|line| line.0 == self)
            .expect("a test holds that every verb has a line")
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn every_route() -> Vec<Route> {
        let app: AppName = "blog".parse().unwrap();
        // The match makes a new verb without a row fail to compile here first.
        let verbs = VERBS.iter().map(|row| match row.0 {
            verb @ (Verb::Show
            | Verb::Destroy
            | Verb::Releases
            | Verb::Env
            | Verb::ChangeEnv
            | Verb::Offer
            | Verb::Send
            | Verb::Deploy
            | Verb::Logs
            | Verb::Attach
            | Verb::Maintain
            | Verb::Purge
            | Verb::Rollback
            | Verb::Restart
            | Verb::Scale
            | Verb::Stop
            | Verb::Promote
            | Verb::Run) => Route::Of(app.clone(), verb),
        });
        let whole = WHOLE.iter().map(|line| match &line.0 {
            route @ (Route::Status
            | Route::StopServer
            | Route::Apps
            | Route::CreateApp
            | Route::Up
            | Route::Keys
            | Route::AddKey
            | Route::RemoveKey
            | Route::Audit
            | Route::Description) => route.clone(),
            Route::Of(..) => panic!("it is about an app"),
        });
        whole.chain(verbs).collect()
    }

    #[test]
    fn every_route_reads_back_what_it_writes() {
        let routes = every_route();
        assert_eq!(routes.len(), 10 + 18);
        for route in routes {
            assert_eq!(Route::parse(&route.method(), &route.path()), Ok(route));
        }
    }

    #[test]
    fn the_tables_are_sorted() {
        assert!(VERBS.is_sorted_by_key(|line| format!("{:?}", line.0)));
        assert!(WHOLE.is_sorted_by_key(|line| format!("{:?}", line.0)));
    }

    #[test]
    fn what_is_not_only_read_is_recorded_but_for_the_pieces_of_a_deploy() {
        for route in every_route() {
            let pieces = matches!(route, Route::Of(_, Verb::Offer | Verb::Send));
            let reads = route.method() == Method::GET || pieces;
            assert_eq!(route.recorded().is_none(), reads, "{route}");
        }
    }

    #[test]
    fn what_is_no_route_says_why() {
        let no = |method: Method, path: &str| Route::parse(&method, path).unwrap_err().to_string();
        assert_eq!(no(Method::GET, "/"), "the API has no route `/`");
        assert_eq!(no(Method::PUT, "/v1/up"), "`/v1/up` does not answer PUT");
        assert_eq!(
            no(Method::GET, "/v1/apps/blog/scale"),
            "`/v1/apps/blog/scale` does not answer GET"
        );
        assert_eq!(
            no(Method::GET, "/v1/apps/blog/env/x"),
            "the API has no route `/v1/apps/blog/env/x`"
        );
        assert!(no(Method::GET, "/v1/apps/..%2fetc").contains("is not a name"));
        assert!(no(Method::GET, "/v1/apps/").contains("is not a name"));
    }
}

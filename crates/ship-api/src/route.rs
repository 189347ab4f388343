//! The routes of the API, for both sides: the client writes them, the server reads them.
//!
//! A route is a value; [`Route::method`] and [`Route::path`] say how it looks on the wire and
//! [`Route::parse`] is their inverse. What stands behind `/v1/apps/{app}` is a row of [`VERBS`].

use std::fmt;

use hyper::Method;
use ship_base::name::{AppName, NameError};

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

/// Every verb with its method and the last part of its path.
pub const VERBS: &[(Verb, Method, &str)] = &[
    (Verb::Attach, Method::GET, "attach"),
    (Verb::ChangeEnv, Method::POST, "env"),
    (Verb::Deploy, Method::POST, "deploy"),
    (Verb::Destroy, Method::DELETE, ""),
    (Verb::Env, Method::GET, "env"),
    (Verb::Logs, Method::GET, "logs"),
    (Verb::Offer, Method::POST, "source"),
    (Verb::Releases, Method::GET, "releases"),
    (Verb::Restart, Method::POST, "restart"),
    (Verb::Rollback, Method::POST, "rollback"),
    (Verb::Run, Method::POST, "run"),
    (Verb::Scale, Method::POST, "scale"),
    (Verb::Send, Method::POST, "pieces"),
    (Verb::Show, Method::GET, ""),
    (Verb::Stop, Method::POST, "stop"),
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
    },
    /// The app in the path is not a name: 404.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Route {
    /// The method on the wire.
    pub fn method(&self) -> Method {
        match self {
            Self::Status | Self::Apps => Method::GET,
            Self::CreateApp | Self::StopServer | Self::Up => Method::POST,
            Self::Of(_, verb) => verb.row().1.clone(),
        }
    }

    /// The path on the wire, without a query.
    pub fn path(&self) -> String {
        match self {
            Self::Status => "/v1/status".to_owned(),
            Self::StopServer => "/v1/stop".to_owned(),
            Self::Apps | Self::CreateApp => "/v1/apps".to_owned(),
            Self::Up => "/v1/up".to_owned(),
            Self::Of(app, verb) => match verb.row().2 {
                "" => format!("/v1/apps/{app}"),
                last => format!("/v1/apps/{app}/{last}"),
            },
        }
    }

    /// The route with this method and path (without a query).
    pub fn parse(method: &Method, path: &str) -> Result<Self, NoRoute> {
        match path.strip_prefix("/v1/apps/") {
            Some(rest) => Self::parse_of(method, path, rest),
            None => Self::parse_whole(method, path),
        }
    }

    fn parse_whole(method: &Method, path: &str) -> Result<Self, NoRoute> {
        let route = match path {
            "/v1/status" => Self::Status,
            "/v1/stop" => Self::StopServer,
            "/v1/apps" if *method == Method::POST => Self::CreateApp,
            "/v1/apps" => Self::Apps,
            "/v1/up" => Self::Up,
            _ => return Err(NoRoute::Path(path.to_owned())),
        };
        if route.method() == method {
            Ok(route)
        } else {
            Err(wrong_method(method, path))
        }
    }

    fn parse_of(method: &Method, path: &str, rest: &str) -> Result<Self, NoRoute> {
        let (app, last) = rest.split_once('/').unwrap_or((rest, ""));
        let mut rows = VERBS.iter().filter(|row| row.2 == last).peekable();
        if rows.peek().is_none() {
            return Err(NoRoute::Path(path.to_owned()));
        }
        match rows.find(|row| row.1 == method) {
            Some(row) => Ok(Self::Of(app.parse()?, row.0)),
            None => Err(wrong_method(method, path)),
        }
    }
}

fn wrong_method(method: &Method, path: &str) -> NoRoute {
    NoRoute::Method {
        path: path.to_owned(),
        method: method.clone(),
    }
}

impl Verb {
    fn row(self) -> &'static (Verb, Method, &'static str) {
        VERBS
            .iter()
            .find(|row| row.0 == self)
            .expect("a test holds that every verb has a row")
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method(), self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_route() -> Vec<Route> {
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
            | Verb::Rollback
            | Verb::Restart
            | Verb::Scale
            | Verb::Stop
            | Verb::Run) => Route::Of(app.clone(), verb),
        });
        let whole = [
            Route::Status,
            Route::StopServer,
            Route::Apps,
            Route::CreateApp,
            Route::Up,
        ];
        whole.into_iter().chain(verbs).collect()
    }

    #[test]
    fn every_route_reads_back_what_it_writes() {
        let routes = every_route();
        assert_eq!(routes.len(), 5 + 15);
        for route in routes {
            assert_eq!(Route::parse(&route.method(), &route.path()), Ok(route));
        }
    }

    #[test]
    fn the_table_of_verbs_is_sorted() {
        assert!(VERBS.is_sorted_by_key(|row| format!("{:?}", row.0)));
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

//! The API: HTTP over a unix socket that only this user may use.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use ship_api::problem::Problem;
use ship_api::request::Logs;
use ship_api::route::{NoRoute, Route, Verb};
use ship_api::version;
use ship_base::fault::FaultKind;
use ship_base::name::AppName;
use tokio::net::{UnixListener, UnixStream};
use tracing::{debug, warn};

use crate::app::App;
use crate::error::Error;
use crate::events::Events;
use crate::server::Server;
use crate::{attach, deploy, logs, scale, settings, stop, stream, usage};

/// The largest request body: settings of an app, generously.
const BODY: usize = 4 << 20;

/// The body of an answer: whole, or a stream of lines.
pub(crate) type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Accepts callers until the server stops.
pub(crate) async fn serve(server: Arc<Server>, listener: UnixListener) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.stopping.cancelled() => return,
        };
        match accepted {
            Ok((stream, _)) if is_ours(&stream) => {
                server.tasks.spawn(connection(server.clone(), stream));
            }
            Ok(_) => warn!("a caller of another user was refused"),
            Err(error) => {
                warn!(%error, "no caller could be accepted");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

/// Whether the caller is this user or root; the folder's mode says the same, this does not rely
/// on it.
fn is_ours(stream: &UnixStream) -> bool {
    let own = rustix::process::getuid().as_raw();
    stream
        .peer_cred()
        .is_ok_and(|peer| peer.uid() == own || peer.uid() == 0)
}

async fn connection(server: Arc<Server>, stream: UnixStream) {
    let _busy = server.busy();
    let service = service_fn(|request| {
        let server = server.clone();
        async move { Ok::<_, Infallible>(answer(server, request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "a caller went");
    }
}

async fn answer(server: Arc<Server>, request: Request<Incoming>) -> Response<Body> {
    let said = request
        .headers()
        .get(version::HEADER)
        .and_then(|value| value.to_str().ok());
    let result = match version::check_client(said) {
        Err(mismatch) => Err(Refused::from(Error::Request(mismatch.to_string()))),
        Ok(()) => match Route::parse(request.method(), request.uri().path()) {
            Ok(route) => dispatch(server, route, request).await,
            Err(no_route) => Err(no_route.into()),
        },
    };
    let mut response = result.unwrap_or_else(Refused::response);
    let version = header::HeaderValue::from_static(version::VERSION);
    response.headers_mut().insert(version::HEADER, version);
    response
}

async fn dispatch(
    server: Arc<Server>,
    route: Route,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    match route {
        Route::Status => whole(&server.status()),
        Route::Apps => {
            let names = server
                .store
                .apps()
                .map_err(Error::from)?
                .into_iter()
                .map(|app| app.name);
            let apps = names
                .map(|name| usage::app(&server, &name))
                .collect::<Result<Vec<_>, _>>();
            whole(&apps?)
        }
        Route::StopServer => {
            server.stop_everything().await;
            Ok(nothing())
        }
        Route::Up => {
            let up = read(request).await?;
            Ok(deploying(server, move |server, events| async move {
                deploy::up(&server, up, &events).await
            }))
        }
        Route::Of(name, verb) => of_app(server, name, verb, request).await,
    }
}

async fn of_app(
    server: Arc<Server>,
    name: AppName,
    verb: Verb,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    server.record(&name)?;
    let app = server.app_or_new(&name);
    match verb {
        Verb::Show => whole(&usage::app(&server, &name)?),
        Verb::Releases => whole(&usage::releases(&server, &name)?),
        Verb::Env => whole(&settings::entries(&server, &name)?),
        Verb::ChangeEnv => {
            settings::change(&server, &name, &read(request).await?)?;
            Ok(nothing())
        }
        Verb::Logs => {
            let query = request.uri().query().unwrap_or_default();
            let query =
                Logs::from_query(query).map_err(|error| Error::Request(error.to_string()))?;
            Ok(stream::response(logs::stream(&server, &name, query)))
        }
        Verb::Attach => {
            let query = request.uri().query().unwrap_or_default();
            let query =
                Logs::from_query(query).map_err(|error| Error::Request(error.to_string()))?;
            Ok(stream::response(attach::stream(&server, &app, query.since)))
        }
        Verb::Run => whole(&settings::one_off(&server, &app, &read(request).await?)?),
        Verb::Stop => {
            stop::stop(&server, &app).await?;
            Ok(nothing())
        }
        Verb::Destroy => {
            stop::destroy(&server, &app).await?;
            Ok(nothing())
        }
        Verb::Rollback => {
            let body = read(request).await?;
            Ok(deploying_app(
                server,
                app,
                move |server, app, events| async move {
                    deploy::rollback(&server, &app, body, &events).await
                },
            ))
        }
        Verb::Restart => {
            let body = read(request).await?;
            Ok(deploying_app(
                server,
                app,
                move |server, app, events| async move {
                    deploy::restart(&server, &app, body, &events).await
                },
            ))
        }
        Verb::Scale => {
            let body = read(request).await?;
            Ok(deploying_app(
                server,
                app,
                move |server, app, events| async move {
                    scale::scale(&server, &app, body, &events).await
                },
            ))
        }
    }
}

fn deploying_app<F>(
    server: Arc<Server>,
    app: Arc<App>,
    work: impl FnOnce(Arc<Server>, Arc<App>, Events) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    deploying(server, move |server, events| work(server, app, events))
}

/// Answers with the events of `work`, which runs on by itself: it sees when the caller goes.
fn deploying<F>(
    server: Arc<Server>,
    work: impl FnOnce(Arc<Server>, Events) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = Result<(), Error>> + Send,
{
    let (events, receiver) = Events::new();
    let task = server.clone();
    server.tasks.spawn(async move {
        let _busy = task.busy();
        if let Err(error) = work(task.clone(), events.clone()).await {
            events.failed(&task, &error);
        }
    });
    stream::response(receiver)
}

async fn read<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Error> {
    let body = Limited::new(request.into_body(), BODY).collect().await;
    let body =
        body.map_err(|error| Error::Request(format!("the body did not come whole: {error}")))?;
    serde_json::from_slice(&body.to_bytes())
        .map_err(|error| Error::Request(format!("the body is not what this route takes: {error}")))
}

fn whole<T: Serialize>(value: &T) -> Result<Response<Body>, Refused> {
    let json = serde_json::to_vec(value).map_err(|_| Error::Bug("an answer is no JSON"))?;
    Ok(json_response(StatusCode::OK, json))
}

fn json_response(status: StatusCode, json: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Full::from(json).boxed_unsync());
    *response.status_mut() = status;
    let kind = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

fn nothing() -> Response<Body> {
    let mut response = Response::new(Full::default().boxed_unsync());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// An answer that is a problem.
struct Refused {
    status: StatusCode,
    problem: Box<Problem>,
}

impl Refused {
    fn response(self) -> Response<Body> {
        json_response(
            self.status,
            serde_json::to_vec(&self.problem).unwrap_or_default(),
        )
    }
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        let status = match (&error, error.fault()) {
            (Error::NoApp { .. } | Error::NoSuchRelease { .. }, _) => StatusCode::NOT_FOUND,
            (_, FaultKind::User | FaultKind::Manifest) => StatusCode::UNPROCESSABLE_ENTITY,
            (_, FaultKind::Usage) => StatusCode::BAD_REQUEST,
            (_, FaultKind::Outside) => StatusCode::BAD_GATEWAY,
            (_, FaultKind::Bug) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self {
            status,
            problem: Box::new(error.problem(None)),
        }
    }
}

impl From<NoRoute> for Refused {
    fn from(no_route: NoRoute) -> Self {
        let status = match no_route {
            NoRoute::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
            NoRoute::Path(_) | NoRoute::Name(_) => StatusCode::NOT_FOUND,
        };
        Self {
            status,
            problem: Box::new(Error::Request(no_route.to_string()).problem(None)),
        }
    }
}

//! The API: HTTP over a unix socket that only this user may use, and over another for deploy keys.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use ship_api::request::{CreateApp, Logs, Promote, Up};
use ship_api::route::{Route, Verb};
use ship_api::version;
use ship_base::hint;
use ship_base::name::AppName;
use tokio::net::UnixStream;
use tracing::debug;

use crate::app::App;
use crate::audit::{self, Entry};
use crate::body::{Body, nothing, read, read_batch, read_source, read_stop, whole};
use crate::caller::Caller;
use crate::certificate;
use crate::error::Error;
use crate::events::Events;
use crate::refused::Refused;
use crate::server::{Busy, Server};
use crate::socket::Socket;
use crate::task::{PANIC, blocking};
use crate::{
    attach, deploy, enter, keys, life, logs, maintain, promote, purge, received, scale, settings,
    stop, stream, usage,
};

/// How long a caller may keep a connection on which it asks nothing.
const IDLE: Duration = Duration::from_mins(1);

/// Through which socket callers come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// Who may come here may everything.
    Own,
    /// Who comes here says first which key it has, and may what that key may.
    Keys,
}

/// Accepts callers until the server stops.
pub(crate) async fn serve(server: Arc<Server>, mut socket: Socket, entrance: Entrance) {
    loop {
        let stream = tokio::select! {
            // Who comes when the end is decided is to start another server.
            biased;
            () = server.stopping.cancelled() => return,
            stream = socket.accept() => stream,
        };
        // Busy from now on, so that the server does not end before it has heard what is wanted.
        let busy = server.busy();
        server
            .tasks
            .spawn(connection(server.clone(), stream, entrance, busy));
    }
}

async fn connection(server: Arc<Server>, mut stream: UnixStream, entrance: Entrance, _busy: Busy) {
    let caller = match entrance {
        Entrance::Own => Some(Caller::of_peer(&stream)),
        Entrance::Keys => Caller::of_key(&mut stream).await,
    };
    let Some(caller) = caller else {
        return debug!("a caller named no key");
    };
    let service = service_fn(|request| {
        let (server, caller) = (server.clone(), caller.clone());
        async move { Ok::<_, Infallible>(answer(server, caller, request).await) }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(IDLE)
        .serve_connection(TokioIo::new(stream), service);
    tokio::pin!(served);
    let ended = tokio::select! {
        ended = served.as_mut() => ended,
        () = server.stopping.cancelled() => {
            // The answer that is on its way is still written.
            served.as_mut().graceful_shutdown();
            served.await
        }
    };
    if let Err(error) = ended {
        debug!(%error, "a caller went");
    }
}

async fn answer(server: Arc<Server>, caller: Caller, request: Request<Incoming>) -> Response<Body> {
    let said = request
        .headers()
        .get(version::HEADER)
        .and_then(|value| value.to_str().ok());
    let result = match version::check_client(said) {
        Err(mismatch) => Err(Refused::from(Error::Request(mismatch.to_string()))),
        Ok(()) => match Route::parse(request.method(), request.uri().path()) {
            Ok(route) => admit(server, &caller, route, request).await,
            Err(no_route) => Err(no_route.into()),
        },
    };
    let mut response = result.unwrap_or_else(Refused::response);
    if !response.status().is_success() {
        // Where a refusal does not wait for the request's body (404), what is left of it would end
        // the connection without a word, and the caller's next request with it.
        let close = header::HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    let version = header::HeaderValue::from_static(version::VERSION);
    response.headers_mut().insert(version::HEADER, version);
    response
}

/// Does what the caller may ask for, and writes down what changes something.
async fn admit(
    server: Arc<Server>,
    caller: &Caller,
    route: Route,
    request: Request<Incoming>,
) -> Result<Response<Body>, Refused> {
    if let Err(forbidden) = caller.check(&server, &route) {
        audit::refused(&server, caller, &route);
        return Err(forbidden.into());
    }
    let entry = Entry::begin(&server, caller, &route)?;
    let result = dispatch(server, caller, route, request, entry.clone()).await;
    match (entry, &result) {
        (Some(entry), Err(refused)) => entry.end(None, Some(refused.message().to_owned())),
        // A stream tells its end by itself: it holds the entry, too.
        (Some(entry), Ok(_)) if Arc::strong_count(&entry) == 1 => entry.end(None, None),
        _ => {}
    }
    result
}

async fn dispatch(
    server: Arc<Server>,
    caller: &Caller,
    route: Route,
    request: Request<Incoming>,
    entry: Option<Arc<Entry>>,
) -> Result<Response<Body>, Refused> {
    match route {
        Route::Keys => Ok(whole(&keys::list(&server)?)?),
        Route::AddKey => {
            keys::add(&server, read(request).await?)?;
            Ok(nothing())
        }
        Route::RemoveKey => {
            keys::remove(&server, &read(request).await?)?;
            Ok(nothing())
        }
        Route::Audit => Ok(whole(&blocking(move || audit::read(&server)).await?)?),
        Route::Description => Ok(whole(&ship_api::description::description())?),
        Route::Status => {
            certificate::look_for_one(&server).await;
            Ok(whole(&server.status())?)
        }
        // Measuring memory reads all of `/proc`.
        Route::Apps => Ok(whole(&blocking(move || usage::apps(&server)).await?)?),
        Route::CreateApp => {
            let CreateApp { name, project } = read(request).await?;
            enter::check_absolute(&project)?;
            enter::claim(&server, &name, &project)?;
            Ok(nothing())
        }
        Route::StopServer => {
            let within = read_stop(request).await?.within;
            let task = server.clone();
            to_the_end(&server, async move {
                life::stop_everything(&task, within).await;
                Ok(())
            })
            .await
        }
        Route::Up => {
            let up: Up = read(request).await?;
            enter::check_absolute(&up.project)?;
            Ok(deploying(server, entry, move |server, events| async move {
                deploy::up(&server, up, &events).await
            }))
        }
        Route::Of(name, Verb::Promote) => promoting(server, caller, name, request, entry).await,
        Route::Of(name, verb) => of_app(server, name, verb, request, entry).await,
    }
}

/// Who brings a release over reads it: both apps have to be open to a key.
async fn promoting(
    server: Arc<Server>,
    caller: &Caller,
    name: AppName,
    request: Request<Incoming>,
    entry: Option<Arc<Entry>>,
) -> Result<Response<Body>, Refused> {
    let body: Promote = read(request).await?;
    caller.check(&server, &Route::Of(body.from.clone(), Verb::Deploy))?;
    if body.from == name {
        return Err(Error::ToItself { app: name }.into());
    }
    server.record(&body.from)?;
    if server.store.app(&name).map_err(Error::from)?.is_none() {
        // The first release of an app may come from another one.
        enter::claim(&server, &name, &server.folders.sent_project(&name))?;
    }
    let app = server.app_or_new(&name);
    Ok(deploying_app(
        server,
        app,
        entry,
        move |server, app, events| async move { promote::promote(&server, &app, body, &events).await },
    ))
}

async fn of_app(
    server: Arc<Server>,
    name: AppName,
    verb: Verb,
    request: Request<Incoming>,
    entry: Option<Arc<Entry>>,
) -> Result<Response<Body>, Refused> {
    if verb == Verb::Offer {
        // The first deploy from afar is where its app begins.
        enter::claim(&server, &name, &server.folders.sent_project(&name))?;
    }
    server.record(&name)?;
    let app = server.app_or_new(&name);
    match verb {
        Verb::Offer => {
            let source = read_source(request).await?;
            Ok(whole(
                &blocking(move || received::missing(&server, &name, &source)).await?,
            )?)
        }
        Verb::Send => {
            let batch = read_batch(request).await?;
            blocking(move || received::keep(&server, &name, &batch)).await?;
            Ok(nothing())
        }
        Verb::Deploy => {
            let body = read_source(request).await?;
            Ok(deploying_app(
                server,
                app,
                entry,
                move |server, app, events| async move {
                    deploy::sent(&server, &app, body, &events).await
                },
            ))
        }
        Verb::Show => Ok(whole(&blocking(move || usage::app(&server, &name)).await?)?),
        Verb::Releases => Ok(whole(&usage::releases(&server, &name)?)?),
        Verb::Env => Ok(whole(&settings::entries(&server, &name)?)?),
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
            Ok(stream::response(attach::stream(
                &server,
                &app,
                query.since,
            )?))
        }
        Verb::Run => {
            let asked = read(request).await?;
            Ok(whole(&settings::one_off(&server, &app, &asked).await?)?)
        }
        Verb::Maintain => {
            let asked = read(request).await?;
            let task = server.clone();
            to_the_end(&server, async move {
                maintain::maintain(&task, &app, asked).await
            })
            .await
        }
        Verb::Purge => Ok(whole(
            &purge::purge(&server, &name, read(request).await?).await?,
        )?),
        Verb::Stop => {
            let within = read_stop(request).await?.within;
            let task = server.clone();
            to_the_end(
                &server,
                async move { stop::stop(&task, &app, within).await },
            )
            .await
        }
        Verb::Destroy => {
            let within = read_stop(request).await?.within;
            let task = server.clone();
            to_the_end(
                &server,
                async move { stop::destroy(&task, &app, within).await },
            )
            .await
        }
        // It needs its caller: see `promoting`.
        Verb::Promote => Err(Error::Bug("`promote` came without its caller").into()),
        Verb::Rollback => {
            let body = read(request).await?;
            Ok(deploying_app(
                server,
                app,
                entry,
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
                entry,
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
                entry,
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
    entry: Option<Arc<Entry>>,
    work: impl FnOnce(Arc<Server>, Arc<App>, Events) -> F + Send + 'static,
) -> Response<Body>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    deploying(server, entry, move |server, events| {
        work(server, app, events)
    })
}

/// Answers with the events of `work`, which runs on by itself: it sees when the caller goes.
fn deploying<F>(
    server: Arc<Server>,
    entry: Option<Arc<Entry>>,
    work: impl FnOnce(Arc<Server>, Events) -> F,
) -> Response<Body>
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let (events, receiver) = Events::new(server.deploys_end.clone());
    let work = work(server.clone(), events.clone());
    let (task, busy) = (server.clone(), server.busy());
    server.tasks.spawn(async move {
        let _busy = busy;
        let result = caught(&task, work).await;
        if let Some(entry) = entry {
            let failure = result.as_ref().err().map(|error| hint::chain(error));
            entry.end(events.app(), failure);
        }
        if let Err(error) = result {
            events.failed(&task, &error);
        }
    });
    stream::response(receiver)
}

/// Does what a caller asked for to its end, even if the caller goes: an app that is half stopped
/// would be no app's state.
async fn to_the_end(
    server: &Arc<Server>,
    work: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> Result<Response<Body>, Refused> {
    let busy = server.busy();
    let work = async move {
        let _busy = busy;
        work.await
    };
    caught(server, work).await?;
    Ok(nothing())
}

/// Runs `work` as a task of its own; a panic in it is an error like others.
async fn caught<T: Send + 'static>(
    server: &Server,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let done = server.tasks.spawn(work).await;
    done.unwrap_or(Err(Error::Bug(PANIC)))
}

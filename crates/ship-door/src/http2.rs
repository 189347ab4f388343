//! A visitor's connection of HTTP/2.
//!
//! hyper and h2 speak. What they keep no time for is kept here: a head that does not come
//! (`head_watch.rs`), an answer that nobody takes (`streams.rs`), and a connection that ends.

use std::convert::Infallible;
use std::rc::Rc;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::body::Inbound;
use crate::core::Core;
use crate::stack;
use crate::visit::{Busy, Visit};

mod head_watch;
mod streams;

use head_watch::{HeadWatch, Heads, Timed};
use streams::Piecewise;

pub(crate) use streams::Streams;

/// Serves a connection until it ends.
pub(crate) async fn serve<S>(visit: Rc<Visit>, stream: S) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let core = visit.core.clone();
    let limits = &core.setting.limits;
    let service = service_fn({
        let visit = visit.clone();
        move |request: Request<Incoming>| {
            let visit = visit.clone();
            let mut request = request.map(Inbound::from);
            // Boxed: hyper makes a task of it, and moves it on its way there.
            Box::pin(async move {
                let busy = Busy::new(&visit);
                let answer = stack::answer(&visit, &mut request).await;
                Ok::<_, Infallible>(answer.map(|body| Piecewise::new(body, busy)))
            })
        }
    });
    let heads = Rc::new(Heads::new());
    let stream = HeadWatch::new(stream, heads.clone());
    let connection = core.http2.serve_connection(TokioIo::new(stream), service);
    let connection = std::pin::pin!(connection);
    let mut connection = heads.keep_time(connection, limits.head_time);
    let finish = |connection: &mut Timed<'_, http2::Connection<_, _, _>>| {
        connection.inner().graceful_shutdown();
    };
    let served = async {
        tokio::select! {
            ended = until_stopped(&core, &core.stopping, &mut connection, finish) => return ended,
            () = visit.until_idle() => finish(&mut connection),
        }
        // What is left of answers that we are done with is the visitor's to take.
        tokio::select! {
            ended = until_stopped(&core, &core.stopping, &mut connection, finish) => ended,
            () = visit.until_idle_since_now(limits.read_patience) => Ok(()),
        }
    };
    let ended = served.await;
    // The farewell of its WebSockets goes out through it.
    if core.stopped.is_cancelled() {
        tokio::select! {
            ended = connection => return ended,
            () = visit.activity.without_tunnels() => {}
        }
    }
    ended
}

/// Serves; politely to the end once `stopping` fires.
async fn until_stopped<C>(
    core: &Core,
    stopping: &CancellationToken,
    connection: &mut C,
    finish: impl Fn(&mut C),
) -> hyper::Result<()>
where
    C: Future<Output = hyper::Result<()>> + Unpin,
{
    tokio::select! {
        ended = &mut *connection => return ended,
        () = stopping.cancelled() => finish(connection),
    }
    tokio::select! {
        ended = connection => ended,
        () = core.stopped.cancelled() => Ok(()),
    }
}

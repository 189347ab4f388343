//! Holding an app: it stays, or it goes with the last caller.

use std::sync::Arc;

use ship_api::request::Up;
use ship_base::hint;
use ship_store::AppRecord;
use tracing::{info, warn};

use crate::app::App;
use crate::error::Error;
use crate::server::Server;
use crate::stop::end_run;

/// Records whether the app stays when its caller goes, and watches the caller if not.
pub(crate) fn hold(server: &Arc<Server>, app: &Arc<App>, request: &Up) -> Result<(), Error> {
    let record = server.record(&app.name)?;
    server.store.save_app(&AppRecord {
        running: true,
        detached: request.detach,
        ..record
    })?;
    if !request.detach {
        guard(server, app);
    }
    Ok(())
}

/// Stops the app once nobody has been attached for a while, if it is not detached by then.
pub(crate) fn guard(server: &Arc<Server>, app: &Arc<App>) {
    let Some(watch) = app.lease.watch() else {
        return;
    };
    let (server, app, busy) = (server.clone(), app.clone(), server.busy());
    server.clone().tasks.spawn(async move {
        let (_watch, _busy) = (watch, busy);
        tokio::select! {
            () = follow(&server, &app) => {}
            () = server.stopping.cancelled() => {}
        }
    });
}

/// Returns when the app is stopped, or stays.
async fn follow(server: &Arc<Server>, app: &Arc<App>) {
    loop {
        let asked = app.lease.asked();
        if app.lease.taken().await {
            app.lease.freed().await;
            continue;
        }
        // A deploy that is under way may be that of somebody who is about to attach.
        let _turn = app.turn("stopping, since nobody is attached").await;
        if app.lease.is_held() || app.lease.asked() != asked {
            continue;
        }
        if goes_with_its_caller(server, app) {
            info!(app = %app.name, "nobody is attached any more");
            if let Err(error) = end_run(server, app).await {
                warn!(app = %app.name, error = %hint::chain(&error), "not stopped");
            }
        }
        return;
    }
}

fn goes_with_its_caller(server: &Server, app: &App) -> bool {
    let record = server.store.app(&app.name).ok().flatten();
    record.is_some_and(|record| record.running && !record.detached)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::lease::ALONE;
    use crate::scene::Scene;

    fn runs(scene: &Scene, app: &App) -> bool {
        scene.server.record(&app.name).unwrap().running
    }

    async fn pass(time: Duration) {
        // The clock is paused and goes on when every task waits.
        tokio::time::sleep(time + Duration::from_millis(1)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn an_app_lives_as_long_as_somebody_is_attached_and_a_little_longer() {
        let scene = Scene::new();
        let app = scene.app("blog", false);
        guard(&scene.server, &app);
        let attached = app.lease.attach();
        pass(ALONE * 3).await;
        assert!(runs(&scene, &app));
        drop(attached);
        pass(ALONE / 2).await;
        assert!(runs(&scene, &app), "who lost the line may come back");
        let attached = app.lease.attach();
        pass(ALONE * 3).await;
        drop(attached);
        pass(ALONE).await;
        assert!(!runs(&scene, &app));
    }

    #[tokio::test(start_paused = true)]
    async fn a_detached_app_needs_nobody() {
        let scene = Scene::new();
        let app = scene.app("blog", true);
        guard(&scene.server, &app);
        pass(ALONE * 3).await;
        assert!(runs(&scene, &app));
    }

    #[tokio::test(start_paused = true)]
    async fn a_caller_who_comes_while_the_last_one_s_end_is_awaited_is_not_stopped() {
        let scene = Scene::new();
        let app = scene.app("blog", false);
        guard(&scene.server, &app);
        // Somebody deploys just when nobody has been attached for long enough.
        let turn = app.turn("ship up").await;
        pass(ALONE * 2).await;
        guard(&scene.server, &app);
        drop(turn);
        pass(ALONE / 2).await;
        assert!(runs(&scene, &app), "who deployed has not attached yet");
        let _attached = app.lease.attach();
        pass(ALONE * 3).await;
        assert!(runs(&scene, &app));
    }
}

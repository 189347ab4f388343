//! What visitors take of an app in a month: the door counts it, and keeps the book; here it is shown.

use ship_api::reply;
use ship_base::clock::Moment;
use ship_base::count;
use ship_base::hint;
use ship_door::table::{Budget, Level, Over};
use ship_door::traffic::{self, Book};
use ship_project::plan::{Plan, Role, TrafficOver};
use tracing::warn;

use crate::app::App;
use crate::events::Events;
use crate::server::Server;

/// What the manifest lets visitors take. The health check is answered also while the app is paused,
/// unless it is the front page.
pub(crate) fn budget(plan: &Plan) -> Option<Budget> {
    let health = plan.web().and_then(|web| match &web.role {
        Role::Web { health, .. } => Some(health.clone()),
        _ => None,
    });
    Some(Budget {
        bytes: plan.limits.traffic?,
        over: match plan.limits.traffic_over {
            TrafficOver::Warn => Over::Warn,
            TrafficOver::Slow => Over::Slow,
            TrafficOver::Pause => Over::Pause,
        },
        open: health.into_iter().filter(|path| path != "/").collect(),
    })
}

/// What was counted. Nothing where the book cannot be read, which the log says.
pub(crate) fn book(server: &Server) -> Book {
    traffic::read(&server.folders.door()).unwrap_or_else(|error| {
        warn!(error = %hint::chain(&error), "the traffic of apps is not known");
        Book::default()
    })
}

/// The traffic of an app this month, where there is something to show.
pub(crate) fn of(app: &App, book: &Book, now: Moment) -> Option<reply::Traffic> {
    let name = now.month();
    let month = book.month(&app.name, &name).cloned();
    let budget = app.live().and_then(|live| budget(&live.plan));
    if month.is_none() && budget.is_none() {
        return None;
    }
    let month = month.unwrap_or_default();
    let state = match &budget {
        None => "within",
        Some(budget) => match (budget.level(month.sent), budget.over) {
            (Level::Within, _) => "within",
            (Level::Near, _) => "near",
            (Level::Beyond, Over::Warn) => "over",
            (Level::Beyond, Over::Slow) => "slowed",
            (Level::Beyond, Over::Pause) => "paused",
        },
    };
    Some(reply::Traffic {
        month: name,
        sent: month.sent,
        received: month.received,
        budget: budget.map(|budget| budget.bytes),
        state: state.to_owned(),
    })
}

/// Tells whoever deploys an app whose budget is nearly used, or used.
pub(crate) fn tell(server: &Server, app: &App, events: &Events) {
    let Some(traffic) = of(app, &book(server), Moment::now()) else {
        return;
    };
    if let Some((text, hint)) = words(app, &traffic) {
        events.note(text, Some(hint));
    }
}

fn words(app: &App, traffic: &reply::Traffic) -> Option<(String, String)> {
    let what = match traffic.state.as_str() {
        "near" => "",
        "over" => ", and it goes on",
        "slowed" => ", and it is slow until the month ends",
        "paused" => ", and visitors see a page in its place until the month ends",
        _ => return None,
    };
    let text = format!(
        "visitors took {} of the {} that `{}` has this month{what}",
        count::bytes(traffic.sent),
        count::bytes(traffic.budget?),
        app.name
    );
    let hint = "`[limits] traffic` in `ship.toml` is the budget: a larger one holds from the next deploy on";
    Some((text, hint.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::{Scene, plan, web};

    fn limited(traffic: u64, over: TrafficOver) -> Plan {
        let mut plan = plan(&[web()], &[]);
        plan.limits.traffic = Some(traffic);
        plan.limits.traffic_over = over;
        plan
    }

    fn book(sent: u64) -> Book {
        let months = serde_json::json!({"2026-11": {"sent": sent, "received": 7}});
        let book = serde_json::json!({"version": 1, "apps": {"blog": months}});
        serde_json::from_value(book).unwrap()
    }

    fn now() -> Moment {
        "2026-11-30T15:00:00Z".parse().unwrap()
    }

    #[test]
    fn an_app_is_as_its_budget_says() {
        for (sent, over, state) in [
            (799, TrafficOver::Pause, "within"),
            (800, TrafficOver::Pause, "near"),
            (1000, TrafficOver::Pause, "paused"),
            (1000, TrafficOver::Slow, "slowed"),
            (1000, TrafficOver::Warn, "over"),
        ] {
            let scene = Scene::new();
            let app = scene.live("blog", limited(1000, over));
            let shown = of(&app, &book(sent), now()).unwrap();
            assert_eq!((shown.sent, shown.received), (sent, 7));
            assert_eq!(shown.budget, Some(1000));
            assert_eq!(shown.state, state);
            assert_eq!(words(&app, &shown).is_some(), state != "within");
        }
    }

    #[test]
    fn nothing_is_shown_where_there_is_nothing() {
        let scene = Scene::new();
        let app = scene.live("blog", plan(&[web()], &[]));
        assert_eq!(of(&app, &Book::default(), now()), None);
        assert_eq!(of(&app, &book(5), now()).unwrap().state, "within");
        let next = "2026-12-01T00:00:00Z".parse().unwrap();
        assert_eq!(of(&app, &book(5), next), None);
    }

    #[test]
    fn a_health_check_of_its_own_is_open_and_the_front_page_is_not() {
        let mut plan = limited(1000, TrafficOver::Pause);
        assert!(budget(&plan).unwrap().open.is_empty());
        if let Role::Web { health, .. } = &mut plan.processes[0].role {
            "/healthz".clone_into(health);
        }
        assert_eq!(budget(&plan).unwrap().open, ["/healthz"]);
    }
}

//! An app that is asked without the prefix of its route.

use ship_door::table::{Cache, Route, Target};

use crate::door::{App, Door, get, route, site};
use crate::tls::mirror;

fn stripped(prefix: &str, app: &App) -> Route {
    let to = Target::Instances {
        upstreams: vec![app.upstream()],
        strip: true,
    };
    route(prefix, to)
}

fn whole(prefix: &str, app: &App) -> Route {
    route(prefix, crate::door::instances(vec![app.upstream()]))
}

#[tokio::test]
async fn the_prefix_is_taken_off_and_told_and_nothing_else_is_changed() {
    let app = mirror();
    let routes = vec![stripped("/api/", &app), whole("/", &app)];
    let door = Door::start(vec![site(routes)]).await;
    for (asked, seen, prefix) in [
        ("/api", "/", Some("/api")),
        ("/api/", "/", Some("/api")),
        ("/api?page=2", "/?page=2", Some("/api")),
        ("/api/talks/?page=2", "/talks/?page=2", Some("/api")),
        ("/api/api/talks", "/api/talks", Some("/api")),
        ("/api/a%20c", "/a%20c", Some("/api")),
        ("/api//talks", "/talks", Some("/api")),
        ("/x/../api/talks", "/talks", Some("/api")),
        ("/api/../talks", "/talks", None),
        ("/api/%2e%2e/talks", "/talks", None),
        ("/apis", "/apis", None),
    ] {
        let forged = [("x-forwarded-prefix", "/forged")];
        let answer = door.visit().await.send(get(asked, &forged)).await.unwrap();
        let text = answer.text();
        assert!(
            text.starts_with(&format!("GET {seen}\n")),
            "{asked}: {text}"
        );
        let told: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("x-forwarded-prefix: "))
            .collect();
        assert_eq!(told, Vec::from_iter(prefix), "{asked}");
    }
}

/// Two routes of one app are two places to ask for, also where the app sees one.
#[tokio::test]
async fn answers_are_kept_by_the_address_that_visitors_know() {
    let app = mirror();
    let kept = |route: Route| Route {
        cache: Some(Cache {
            fresh: 3600,
            share: None,
            stale: 0,
        }),
        ..route
    };
    let routes = vec![kept(stripped("/api", &app)), kept(whole("/", &app))];
    let door = Door::start(vec![site(routes)]).await;
    for _ in 0..2 {
        let api = door.get("/api/talks").await;
        assert!(api.text().contains("x-forwarded-prefix: /api\n"));
        let other = door.get("/talks").await;
        assert!(!other.text().contains("x-forwarded-prefix"));
    }
}

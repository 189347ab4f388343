//! The door's own pages: helpful to the developer, silent to everybody else.

use ship_door::limit::Limits;
use ship_door::table::{Maintenance, Pages};

use crate::door::{Answer, Door, get, instances, request, route, site};

async fn door(developer: bool) -> Door {
    let sites = vec![site(vec![route("/app", instances(Vec::new()))])];
    Door::start_with(sites, developer, Limits::default()).await
}

async fn json(door: &Door, path: &str, host: &str) -> (Answer, String) {
    let headers = [("accept", "application/json"), ("host", host)];
    let answer = door.visit().await.send(get(path, &headers)).await.unwrap();
    let mut value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    value["request"] = "ID".into();
    let text = serde_json::to_string_pretty(&value).unwrap();
    (answer, text)
}

#[tokio::test]
async fn the_developer_is_told_what_to_look_at() {
    let door = door(true).await;
    let (answer, text) = json(&door, "/app", "blog.localhost").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    insta::assert_snapshot!(text, @r#"
    {
      "detail": "`blog` (r7) has no running instance for this path.",
      "error": "blog is not running",
      "look_at": [
        "ship logs --app blog    # its last lines",
        "ship ps --app blog      # what runs, since when"
      ],
      "request": "ID",
      "status": 503
    }
    "#);
    let page = door.get("/app").await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (503, "text/html; charset=utf-8")
    );
    assert!(
        page.text().contains("ship logs --app blog"),
        "{}",
        page.text()
    );
}

#[tokio::test]
async fn an_unknown_host_gets_the_list_of_sites() {
    let door = door(true).await;
    let request = get("/", &[("host", "shop.localhost:8000")]);
    let answer = door.visit().await.send(request).await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(
        answer.text().contains("No app answers for shop.localhost"),
        "{}",
        answer.text()
    );
    let link = "<a href=\"http://blog.localhost:8000/\">";
    assert!(answer.text().contains(link), "{}", answer.text());
}

#[tokio::test]
async fn the_public_learns_nothing_of_what_runs() {
    let door = door(false).await;
    for (path, host) in [
        ("/app", "blog.localhost"),
        ("/x", "blog.localhost"),
        ("/", "x.test"),
    ] {
        for accept in ["text/html", "application/json"] {
            let request = get(path, &[("host", host), ("accept", accept)]);
            let answer = door.visit().await.send(request).await.unwrap();
            for secret in ["blog", "ship", "r7", "instance", "release"] {
                let text = answer.text().to_lowercase();
                assert!(
                    !text.contains(secret),
                    "{path} {host} tells `{secret}`: {text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn methods_about_the_way_are_refused() {
    let door = door(true).await;
    let answer = door
        .visit()
        .await
        .send(request("TRACE", "/app", &[], ""))
        .await
        .unwrap();
    assert_eq!(answer.status, 405);
    assert!(!answer.header("allow").is_empty());
}

#[tokio::test]
async fn where_nobody_answers_browsers_see_the_authors_pages() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        Some(path)
    };
    let pages = Pages {
        not_found: page("404.html", "<p>lost?"),
        unavailable: page("sorry.html", "<p>sorry"),
        maintenance: Some(folder.path().join("missing.html")),
    };
    let mut site = site(vec![route("/app", instances(Vec::new()))]);
    site.rules.pages = pages;
    for developer in [false, true] {
        let door = Door::start_with(vec![site.clone()], developer, Limits::default()).await;
        let lost = door.get("/x").await;
        assert_eq!((lost.status, lost.text()), (404, "<p>lost?"));
        assert_eq!(lost.header("content-security-policy"), "");
        // Who develops it is told what happened.
        let away = door.get("/app").await;
        assert_eq!(away.status, 503);
        assert_eq!(away.text() == "<p>sorry", !developer, "{}", away.text());
        let (away, text) = json(&door, "/app", "blog.localhost").await;
        assert_eq!(away.status, 503);
        assert!(!text.contains("sorry"), "{text}");
    }
    // A page that is not there is one of ours.
    site.rules.maintenance = Some(Maintenance::default());
    let door = Door::start_with(vec![site], false, Limits::default()).await;
    let closed = door.get("/app").await;
    assert_eq!(closed.status, 503);
    assert!(closed.text().contains("back soon"), "{}", closed.text());
}

//! The log of requests.

use std::path::Path;

use serde_json::Value;
use ship_door::table::Site;
use ship_observe::log_store::{Query, query};

use crate::door::{App, Door, get, instances, request, route, site, text, until};

fn logged(folder: &Path, app: &App) -> Site {
    Site {
        access_log: Some(folder.join("door")),
        ..site(vec![route("/", instances(vec![app.upstream()]))])
    }
}

/// Every line, once there are so many.
pub(crate) async fn lines(folder: &Path, count: usize) -> Vec<Value> {
    let lines = until("the lines are written", async || {
        let lines = query(folder, &Query::default()).unwrap();
        let lines: Vec<_> = lines.map(|line| line.unwrap()).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await;
    let text = lines.iter().map(|line| line.lossy().into_owned());
    text.map(|text| serde_json::from_str(&text).unwrap())
        .collect()
}

#[tokio::test]
async fn every_request_is_a_line_with_what_the_visitor_sent_and_got() {
    let folder = tempfile::tempdir().unwrap();
    let app = App::http("a", |request| async move {
        match request.uri().path() {
            "/missing" => {
                let mut reply = text("not here");
                *reply.status_mut() = hyper::StatusCode::NOT_FOUND;
                reply
            }
            _ => text("hello"),
        }
    });
    let door = Door::start(vec![logged(folder.path(), &app)]).await;
    let mut visitor = door.visit().await;
    let fields = [("user-agent", "a \"b\""), ("referer", "https://a.test/")];
    visitor.send(get("/%61?q=1", &fields)).await.unwrap();
    visitor
        .send(request("POST", "/missing", &[], "x"))
        .await
        .unwrap();
    let lines = lines(folder.path(), 2).await;
    let shown = |line: &Value| {
        let mut line = line.clone();
        line["took_ms"] = "[TOOK]".into();
        line["request"] = "[ID]".into();
        line.to_string()
    };
    insta::assert_snapshot!(shown(&lines[0]), @r#"{"agent":"a \"b\"","bytes":5,"client":"127.0.0.1","host":"blog.localhost","method":"GET","protocol":"HTTP/1.1","referer":"https://a.test/","request":"[ID]","status":200,"target":"/%61?q=1","took_ms":"[TOOK]"}"#);
    insta::assert_snapshot!(shown(&lines[1]), @r#"{"bytes":8,"client":"127.0.0.1","host":"blog.localhost","method":"POST","protocol":"HTTP/1.1","request":"[ID]","status":404,"target":"/missing","took_ms":"[TOOK]"}"#);
}

#[tokio::test]
async fn a_log_that_cannot_be_written_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("door"), "a file in the folder's place").unwrap();
    let app = App::http("a", |_| async { text("hello") });
    let door = Door::start(vec![logged(folder.path(), &app)]).await;
    let mut visitor = door.visit().await;
    for _ in 0..100 {
        assert_eq!(visitor.get("/").await.text(), "hello");
    }
}

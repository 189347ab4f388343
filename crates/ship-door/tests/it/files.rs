//! Static files.

use std::os::unix::fs::symlink;
use std::path::Path;

use ship_door::table::Target;

use crate::door::{App, Door, get, instances, request, route, site, text};

fn files(folder: &Path, fall_through: bool) -> Target {
    Target::Files {
        folder: folder.to_owned(),
        fall_through,
        fallback: None,
        packed: None,
    }
}

/// A door with one folder at `/static/`, and the folder.
async fn door() -> (Door, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    std::fs::create_dir_all(root.join("docs/empty")).unwrap();
    std::fs::write(root.join("docs/index.html"), "<h1>docs</h1>").unwrap();
    std::fs::write(root.join("site.css"), "body {}").unwrap();
    std::fs::write(root.join("app.5e3b2c1d4f6a.js"), "1").unwrap();
    std::fs::write(root.join("empty.txt"), "").unwrap();
    std::fs::write(root.join(".env"), "SECRET=1").unwrap();
    std::fs::write(root.join("caf\u{e9} \u{e0}.txt"), "c").unwrap();
    std::fs::write(root.join("digits"), "0123456789").unwrap();
    symlink("/etc/passwd", root.join("passwd")).unwrap();
    let routes = vec![route("/static/", files(root, false))];
    (Door::start(vec![site(routes)]).await, folder)
}

#[tokio::test]
async fn a_file_comes_with_all_that_a_browser_needs() {
    let (door, _folder) = door().await;
    let css = door.get("/static/site.css").await;
    assert_eq!((css.status, css.text()), (200, "body {}"));
    assert_eq!(css.header("content-type"), "text/css; charset=utf-8");
    assert_eq!(css.header("content-length"), "7");
    assert_eq!(css.header("accept-ranges"), "bytes");
    assert_eq!(
        css.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
    assert!(css.header("etag").starts_with('"') && !css.header("last-modified").is_empty());
    let hashed = door.get("/static/app.5e3b2c1d4f6a.js").await;
    assert_eq!(
        hashed.header("cache-control"),
        "public, max-age=31536000, immutable"
    );

    let head = door
        .visit()
        .await
        .send(request("HEAD", "/static/site.css", &[], ""))
        .await
        .unwrap();
    assert_eq!((head.header("content-length"), head.text()), ("7", ""));
    let empty = door.get("/static/empty.txt").await;
    assert_eq!((empty.status, empty.header("content-length")), (200, "0"));
    assert_eq!(door.get("/static/caf%C3%A9%20%c3%a0.txt").await.text(), "c");
}

#[tokio::test]
async fn a_copy_that_is_still_good_is_not_sent_again() {
    let (door, folder) = door().await;
    let mut visitor = door.visit().await;
    let first = visitor.get("/static/site.css").await;
    let etag = first.header("etag").to_owned();
    let same = visitor
        .send(get("/static/site.css", &[("if-none-match", &etag)]))
        .await
        .unwrap();
    assert_eq!(
        (same.status, same.text(), same.header("etag")),
        (304, "", etag.as_str())
    );
    let since = first.header("last-modified").to_owned();
    let same = visitor
        .send(get("/static/site.css", &[("if-modified-since", &since)]))
        .await;
    assert_eq!(same.unwrap().status, 304);
    std::fs::write(folder.path().join("site.css"), "BODY {}").unwrap();
    let other = visitor
        .send(get("/static/site.css", &[("if-none-match", &etag)]))
        .await
        .unwrap();
    assert_eq!((other.status, other.text()), (200, "BODY {}"));
    let failed = visitor
        .send(get("/static/site.css", &[("if-match", &etag)]))
        .await
        .unwrap();
    assert_eq!(failed.status, 412);
}

#[tokio::test]
async fn parts_of_a_file_are_sent_as_asked() {
    let (door, _folder) = door().await;
    let mut visitor = door.visit().await;
    let part = visitor
        .send(get("/static/digits", &[("range", "bytes=2-4")]))
        .await
        .unwrap();
    assert_eq!((part.status, part.text()), (206, "234"));
    assert_eq!(part.header("content-range"), "bytes 2-4/10");

    let beyond = visitor
        .send(get("/static/digits", &[("range", "bytes=10-")]))
        .await
        .unwrap();
    assert_eq!(
        (beyond.status, beyond.header("content-range")),
        (416, "bytes */10")
    );

    let stale = [("range", "bytes=2-4"), ("if-range", "\"other\"")];
    let whole = visitor.send(get("/static/digits", &stale)).await.unwrap();
    assert_eq!((whole.status, whole.text()), (200, "0123456789"));

    let two = visitor
        .send(get("/static/digits", &[("range", "bytes=0-1,-2")]))
        .await
        .unwrap();
    let kind = two.header("content-type");
    let boundary = kind
        .strip_prefix("multipart/byteranges; boundary=")
        .unwrap();
    let body = two
        .text()
        .replace(boundary, "BOUNDARY")
        .replace("\r\n", "\n");
    assert_eq!(two.status, 206);
    insta::assert_snapshot!(body, @r"

    --BOUNDARY
    Content-Type: application/octet-stream
    Content-Range: bytes 0-1/10

    01
    --BOUNDARY
    Content-Type: application/octet-stream
    Content-Range: bytes 8-9/10

    89
    --BOUNDARY--
    ");
    assert_eq!(two.header("content-length"), two.body.len().to_string());
}

#[tokio::test]
async fn a_folder_answers_with_its_index_at_an_address_with_a_slash() {
    let (door, _folder) = door().await;
    let page = door.get("/static/docs/").await;
    assert_eq!(
        (page.text(), page.header("content-type")),
        ("<h1>docs</h1>", "text/html; charset=utf-8")
    );
    let moved = door.get("/static//docs?a=b").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, "/static//docs/?a=b")
    );
    assert_eq!(door.get("/static/docs/empty/").await.status, 404);
    assert_eq!(door.get("/static/site.css/").await.status, 404);
}

#[tokio::test]
async fn nothing_hidden_or_outside_is_shown() {
    let (door, _folder) = door().await;
    for path in [
        "/static/.env",
        "/static/%2eenv",
        "/static/passwd",
        "/static/..%2f..%2fetc/passwd",
        "/static/../../etc/passwd",
        "/static/%00",
        "/static/docs/../.env",
    ] {
        let answer = door.get(path).await;
        assert!(
            matches!(answer.status, 400 | 404),
            "{path}: {}",
            answer.status
        );
    }
}

#[tokio::test]
async fn files_are_read_and_not_written() {
    let (door, _folder) = door().await;
    let post = door
        .visit()
        .await
        .send(request("POST", "/static/site.css", &[], "x"))
        .await;
    let post = post.unwrap();
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test]
async fn what_the_folder_does_not_have_is_asked_of_the_app() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("there"), "file").unwrap();
    let app = App::http("blog/web.1@r7", |request| async move {
        text(format!("app {}", request.uri().path()))
    });
    let routes = vec![
        route("/", instances(vec![app.upstream()])),
        route("/media", files(folder.path(), true)),
    ];
    let door = Door::start(vec![site(routes)]).await;
    assert_eq!(door.get("/media/there").await.text(), "file");
    assert_eq!(door.get("/media/else").await.text(), "app /media/else");
    assert_eq!(door.get("/").await.text(), "app /");
}

#[tokio::test]
async fn a_folder_that_comes_later_is_served_when_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later");
    let door = Door::start(vec![site(vec![route("/", files(&later, false))])]).await;
    assert_eq!(door.get("/a").await.status, 404);
    std::fs::create_dir(&later).unwrap();
    std::fs::write(later.join("a"), "now").unwrap();
    assert_eq!(door.get("/a").await.text(), "now");
}

#[tokio::test]
async fn a_large_file_arrives_whole_and_in_any_part() {
    let folder = tempfile::tempdir().unwrap();
    let content: Vec<u8> = (0..3_000_000_u32).map(|n| (n / 3) as u8).collect();
    std::fs::write(folder.path().join("large"), &content).unwrap();
    let door = Door::start(vec![site(vec![route("/", files(folder.path(), false))])]).await;
    let mut visitor = door.visit().await;
    assert!(visitor.get("/large").await.body == content);
    for (first, last) in [
        (0, 0),
        (65_535, 65_536),
        (1, 2_999_998),
        (2_999_999, 2_999_999),
    ] {
        let range = format!("bytes={first}-{last}");
        let part = visitor
            .send(get("/large", &[("range", &range)]))
            .await
            .unwrap();
        assert!(part.body == content[first..=last], "{range}");
    }
}

#[tokio::test]
async fn a_site_answers_with_its_own_page_for_what_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "front").unwrap();
    std::fs::write(folder.path().join("404.html"), "lost?").unwrap();
    let door = Door::start(vec![site(vec![route("/", files(folder.path(), false))])]).await;
    for path in ["/nope", "/nope.html", "/.env", "/a/b/"] {
        let lost = door.get(path).await;
        assert_eq!((lost.status, lost.text()), (404, "lost?"), "{path}");
        assert_eq!(lost.header("content-type"), "text/html; charset=utf-8");
        assert_eq!(lost.header("content-length"), "5");
    }
    let head = request("HEAD", "/nope", &[], "");
    let head = door.visit().await.send(head).await.unwrap();
    assert_eq!((head.status, head.text()), (404, ""));
    assert_eq!(door.get("/").await.text(), "front");
}

#[tokio::test]
async fn a_single_page_app_answers_for_its_pages_and_not_for_missing_files() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("index.html"), "app").unwrap();
    std::fs::write(folder.path().join("app.js"), "1").unwrap();
    let app = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: false,
        fallback: Some("index.html".into()),
        packed: None,
    };
    let door = Door::start(vec![site(vec![route("/", app)])]).await;
    for path in ["/", "/users/jane", "/users/", "/v1.2/x"] {
        let page = door.get(path).await;
        assert_eq!((page.status, page.text()), (200, "app"), "{path}");
    }
    assert_eq!(door.get("/app.js").await.text(), "1");
    assert_eq!(door.get("/old.js").await.status, 404);
    let post = door
        .visit()
        .await
        .send(request("POST", "/users/jane", &[], "x"))
        .await;
    assert_eq!(post.unwrap().status, 404);
}

/// A door with a style sheet that lies ready in brotli and gzip: the test's own bytes, because the
/// door does not look into them.
async fn packed() -> (Door, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let (site_folder, packed) = (folder.path().join("site"), folder.path().join("packed"));
    for (path, content) in [
        (site_folder.join("css/site.css"), "a { b: c }\n".repeat(200)),
        (
            site_folder.join("css/plain.css"),
            "a { b: c }\n".repeat(200),
        ),
        (
            packed.join("css/site.css.br"),
            "0123456789 brotli".to_owned(),
        ),
        (packed.join("css/site.css.gz"), "0123456789 gzip".to_owned()),
    ] {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let files = Target::Files {
        folder: site_folder,
        fall_through: false,
        fallback: None,
        packed: Some(packed),
    };
    (
        Door::start(vec![site(vec![route("/", files)])]).await,
        folder,
    )
}

#[tokio::test]
async fn what_lies_ready_in_a_coding_is_sent_as_it_is() {
    let (door, _folder) = packed().await;
    let mut visitor = door.visit().await;
    for (wish, coding) in [("gzip, br, zstd", "br"), ("gzip, zstd", "gzip")] {
        let asked = get("/css/site.css", &[("accept-encoding", wish)]);
        let answer = visitor.send(asked).await.unwrap();
        assert_eq!(answer.header("content-encoding"), coding, "{wish}");
        assert!(answer.text().starts_with("0123456789 "), "{wish}");
        assert_eq!(answer.header("content-type"), "text/css; charset=utf-8");
        assert_eq!(
            answer.header("content-length"),
            answer.body.len().to_string()
        );
        assert_eq!(answer.header("vary"), "Accept-Encoding");
        let tag = answer.header("etag");
        assert!(
            tag.starts_with('"') && tag.ends_with(&format!("-{coding}\"")),
            "{tag}"
        );
    }
    let plain = visitor.get("/css/site.css").await;
    assert_eq!(
        (plain.body.len(), plain.header("content-encoding")),
        (2200, "")
    );
    assert_eq!(plain.header("vary"), "Accept-Encoding");
    // What does not lie ready is compressed on its way.
    let fresh = get("/css/plain.css", &[("accept-encoding", "br")]);
    let fresh = visitor.send(fresh).await.unwrap();
    assert_eq!(fresh.header("content-encoding"), "br");
    assert!(fresh.header("etag").starts_with("W/"));
    // And what lies ready is nothing that can be asked for.
    assert_eq!(visitor.get("/css/site.css.br").await.status, 404);
}

#[tokio::test]
async fn parts_and_conditions_are_about_the_coding_that_is_sent() {
    let (door, _folder) = packed().await;
    let mut visitor = door.visit().await;
    let br = ("accept-encoding", "br");
    let whole = visitor.send(get("/css/site.css", &[br])).await.unwrap();
    let tag = whole.header("etag").to_owned();
    let part = [br, ("range", "bytes=0-9"), ("if-range", &tag)];
    let part = visitor.send(get("/css/site.css", &part)).await.unwrap();
    assert_eq!((part.status, part.text()), (206, "0123456789"));
    assert_eq!(part.header("content-range"), "bytes 0-9/17");
    assert_eq!(part.header("content-encoding"), "br");

    let same = [br, ("if-none-match", &tag)];
    let same = visitor.send(get("/css/site.css", &same)).await.unwrap();
    assert_eq!((same.status, same.header("etag")), (304, &*tag));
    assert_eq!(same.header("vary"), "Accept-Encoding");
    // Whoever takes another coding has another version.
    let other = [("accept-encoding", "gzip"), ("if-none-match", &tag)];
    let other = visitor.send(get("/css/site.css", &other)).await.unwrap();
    assert_eq!((other.status, other.text()), (200, "0123456789 gzip"));

    let head = request("HEAD", "/css/site.css", &[br], "");
    let head = visitor.send(head).await.unwrap();
    assert_eq!(head.header("content-length"), "17");
    assert_eq!(head.header("content-encoding"), "br");
}

#[tokio::test]
async fn a_small_file_is_the_same_however_often_it_is_asked_for() {
    // One that has not changed for a while: others are not kept.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let content = std::fs::read(folder.join("tables/v1.json")).unwrap();
    let door = Door::start(vec![site(vec![route("/", files(&folder, false))])]).await;
    let mut visitor = door.visit().await;
    let path = "/tables/v1.json";
    let first = visitor.get(path).await;
    assert!(first.body == content);
    for _ in 0..2 {
        let again = visitor.get(path).await;
        assert!(again.body == content);
        for name in ["etag", "last-modified", "content-type", "cache-control"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
        let etag = first.header("etag").to_owned();
        let asks = get(path, &[("if-none-match", &etag)]);
        assert_eq!(visitor.send(asks).await.unwrap().status, 304);
        let asks = get(path, &[("range", "bytes=2-11")]);
        let part = visitor.send(asks).await.unwrap();
        assert_eq!(part.status, 206);
        assert!(part.body == content[2..12]);
        let head = request("HEAD", path, &[], "");
        let head = visitor.send(head).await.unwrap();
        assert_eq!(head.header("content-length"), content.len().to_string());
        assert_eq!(visitor.get(&format!("{path}/")).await.status, 404);
    }
}

#[tokio::test]
async fn parts_and_304_of_a_file_vary_as_the_whole_does() {
    let folder = tempfile::tempdir().unwrap();
    for (name, length) in [("page.html", 2000), ("small.html", 20), ("a.png", 2000)] {
        std::fs::write(folder.path().join(name), "x".repeat(length)).unwrap();
    }
    let door = Door::start(vec![site(vec![route("/", files(folder.path(), false))])]).await;
    let mut visitor = door.visit().await;
    for (path, varies) in [
        ("/page.html", "Accept-Encoding"),
        ("/small.html", ""),
        ("/a.png", ""),
    ] {
        let whole = visitor.get(path).await;
        assert_eq!((whole.status, whole.header("vary")), (200, varies));
        let tag = whole.header("etag");
        for (status, field) in [
            (206, ("range", "bytes=0-9")),
            (206, ("range", "bytes=0-1,3-4")),
            (304, ("if-none-match", tag)),
        ] {
            let answer = visitor.send(get(path, &[field])).await.unwrap();
            let seen = (answer.status, answer.header("vary"));
            assert_eq!(seen, (status, varies), "{path}");
        }
    }
}

#[tokio::test]
async fn an_error_is_not_kept_for_the_file() {
    let (door, _folder) = door().await;
    let mut visitor = door.visit().await;
    for path in ["/static/app.5e3b2c1d4f6a.js", "/static/site.css"] {
        for (status, field) in [
            (416, ("range", "bytes=99-")),
            (412, ("if-match", "\"other\"")),
        ] {
            let error = visitor.send(get(path, &[field])).await.unwrap();
            assert_eq!((error.status, error.text()), (status, ""), "{path}");
            assert_eq!(error.header("cache-control"), "no-store", "{path}");
        }
    }
    let (door, _folder) = packed().await;
    let fields = [("accept-encoding", "br"), ("range", "bytes=99-")];
    let asked = get("/css/site.css", &fields);
    let beyond = door.visit().await.send(asked).await.unwrap();
    assert_eq!(
        (beyond.status, beyond.header("content-encoding")),
        (416, "")
    );
    assert_eq!(beyond.header("content-range"), "bytes */17");
}

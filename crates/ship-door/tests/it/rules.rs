//! What a site and its routes ask of visitors.

use ship_base::base64;
use ship_door::table::{
    BasicAuth, Maintenance, Rate, Route, RouteRules, Site, SiteRules, Table, Target, credential,
};

use crate::door::{App, Door, HOST, get, instances, route, site, text};

fn app() -> App {
    App::http("blog/web.1@r7", |_| async { text("ok") })
}

fn ruled(prefix: &str, app: &App, rules: RouteRules) -> Route {
    Route {
        rules,
        ..route(prefix, instances(vec![app.upstream()]))
    }
}

fn only(network: &str) -> RouteRules {
    RouteRules {
        allow: vec![network.to_owned()],
        ..RouteRules::default()
    }
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again_and_other_routes_are_not_concerned() {
    let app = app();
    let twice_an_hour = RouteRules {
        rate: Some(Rate {
            requests: 2,
            seconds: 3600,
        }),
        ..RouteRules::default()
    };
    let routes = vec![
        ruled("/login", &app, twice_an_hour),
        ruled("/", &app, RouteRules::default()),
    ];
    let door = Door::start(vec![site(routes)]).await;
    for _ in 0..2 {
        assert_eq!(door.get("/login").await.status, 200);
    }
    // Another spelling and another connection are no way around.
    for path in ["/login", "//login/", "/x/../login", "/%6Cogin"] {
        let refused = door.get(path).await;
        assert_eq!(refused.status, 429, "{path}");
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=1800).contains(&wait), "{wait}");
    }
    assert_eq!(door.get("/").await.status, 200);
}

#[tokio::test]
async fn a_route_for_some_networks_is_closed_to_all_others() {
    let app = app();
    let routes = vec![
        ruled("/office", &app, only("192.0.2.0/24")),
        ruled("/here", &app, only("127.0.0.0/8")),
        ruled("/", &app, RouteRules::default()),
    ];
    let door = Door::start(vec![site(routes)]).await;
    assert_eq!(door.get("/here").await.status, 200);
    assert_eq!(door.get("/").await.status, 200);
    for path in ["/office", "/office/x", "//office", "/here/../office"] {
        assert_eq!(door.get(path).await.status, 403, "{path}");
    }
    // What a visitor claims to be does not count.
    let claim = [("x-forwarded-for", "192.0.2.7"), ("x-real-ip", "192.0.2.7")];
    let answer = door.visit().await.send(get("/office", &claim)).await;
    assert_eq!(answer.unwrap().status, 403);
}

/// `anna:correct-horse`
const ANNA: (&str, &str) = ("authorization", "Basic YW5uYTpjb3JyZWN0LWhvcnNl");

fn staff() -> RouteRules {
    RouteRules {
        basic_auth: Some(BasicAuth {
            realm: "blog".to_owned(),
            users: vec![credential("blog", "anna:correct-horse")],
        }),
        ..RouteRules::default()
    }
}

#[tokio::test]
async fn a_route_that_asks_who_it_is_answers_its_users_and_tells_the_app_no_password() {
    let app = App::http("blog/web.1@r7", |request| async move {
        text(match request.headers().get("authorization") {
            Some(_) => "an app knows the password",
            None => "ok",
        })
    });
    let folder = tempfile::tempdir().unwrap();
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: true,
        fallback: None,
        packed: None,
    };
    let routes = vec![
        ruled("/open", &app, RouteRules::default()),
        Route {
            rules: staff(),
            ..route("/static", files)
        },
        ruled("/", &app, staff()),
    ];
    let door = Door::start(vec![site(routes)]).await;
    for path in ["/", "/open/../x", "/static/x.css"] {
        let refused = door.get(path).await;
        assert_eq!(refused.status, 401, "{path}");
        let challenge = refused.header("www-authenticate");
        assert_eq!(challenge, "Basic realm=\"blog\", charset=\"UTF-8\"");
        let wrong = [("authorization", "Basic YW5uYTp3cm9uZw==")];
        let answer = door.visit().await.send(get(path, &wrong)).await.unwrap();
        assert_eq!(answer.status, 401, "{path}");
        let answer = door.visit().await.send(get(path, &[ANNA])).await.unwrap();
        assert_eq!((answer.status, answer.text()), (200, "ok"), "{path}");
    }
    // Elsewhere such a field is the app's.
    let answer = door.visit().await.send(get("/open", &[ANNA])).await;
    assert_eq!(answer.unwrap().text(), "an app knows the password");
}

#[tokio::test]
async fn a_swap_forgives_nobody_and_a_changed_rule_begins_anew() {
    let app = app();
    let rated = |requests| RouteRules {
        rate: Some(Rate {
            requests,
            seconds: 3600,
        }),
        ..RouteRules::default()
    };
    let table = |requests, password: &str| {
        let mut staff = staff();
        let users = vec![credential("blog", &format!("anna:{password}"))];
        staff.basic_auth.as_mut().unwrap().users = users;
        let login = ruled("/login", &app, rated(requests));
        let others = ruled("/", &app, RouteRules::default());
        let another = Site {
            app: "shop".parse().unwrap(),
            hosts: vec!["shop.localhost".to_owned()],
            ..site(vec![ruled("/login", &app, rated(requests))])
        };
        vec![
            site(vec![login, ruled("/staff", &app, staff), others]),
            another,
        ]
    };
    let door = Door::start(table(2, "correct-horse")).await;
    let guess = async |password: &str| {
        let field = format!(
            "Basic {}",
            base64::encode(format!("anna:{password}").as_bytes())
        );
        let request = get("/staff", &[("authorization", &field)]);
        door.visit().await.send(request).await.unwrap().status
    };
    let shop = async || {
        let request = get("/login", &[("host", "shop.localhost")]);
        door.visit().await.send(request).await.unwrap().status
    };
    for _ in 0..2 {
        assert_eq!(door.get("/login").await.status, 200);
    }
    assert_eq!(shop().await, 200);
    for _ in 0..10 {
        assert_eq!(guess("wrong").await, 401);
    }
    // Another app's instance is gone, then all is as before; none of it is this visitor's affair.
    door.swap(table(2, "correct-horse")[..1].to_vec()).await;
    door.swap(table(2, "correct-horse")).await;
    assert_eq!(door.get("/login").await.status, 429);
    assert_eq!(guess("wrong").await, 429);
    assert_eq!(guess("correct-horse").await, 429);
    // A table that is refused changes nothing either.
    let mut wrong = table(3, "battery-staple");
    wrong[1].hosts = vec![HOST.to_owned()];
    let refused = Table {
        sites: wrong,
        ..Table::empty()
    };
    door.client().await.swap(refused).await.unwrap_err();
    door.swap(table(2, "correct-horse")).await;
    assert_eq!(door.get("/login").await.status, 429);
    // What its author changes is another rule.
    door.swap(table(3, "battery-staple")).await;
    assert_eq!(door.get("/login").await.status, 200);
    assert_eq!(guess("battery-staple").await, 200);
}

#[tokio::test]
async fn files_that_are_not_there_are_no_way_around_the_rule_of_the_app() {
    let (app, folder) = (app(), tempfile::tempdir().unwrap());
    let files = Target::Files {
        folder: folder.path().to_owned(),
        fall_through: true,
        fallback: None,
        packed: None,
    };
    let routes = vec![
        ruled("/", &app, only("192.0.2.0/24")),
        route("/static", files),
    ];
    let door = Door::start(vec![site(routes)]).await;
    assert_eq!(door.get("/static/missing.css").await.status, 403);
}

#[tokio::test]
async fn visitors_of_another_name_are_sent_to_the_one_to_show() {
    let app = app();
    let mut one = site(vec![ruled("/", &app, RouteRules::default())]);
    one.hosts
        .extend(["blog.test", "www.blog.test"].map(str::to_owned));
    one.rules.canonical = Some("blog.test".to_owned());
    let door = Door::start(vec![one]).await;
    let ask_for = async |host: &str, target: &str| {
        let request = get(target, &[("host", host)]);
        door.visit().await.send(request).await.unwrap()
    };
    let ask = async |host: &str| ask_for(host, "/a%20b?c=d").await;
    let sent = ask("www.Blog.test:8000").await;
    assert_eq!(sent.status, 308);
    assert_eq!(sent.header("location"), "http://blog.test:8000/a%20b?c=d");
    // Django's own address of its page to log in.
    for target in ["/login?next=/admin/", "/", "/?a=/", "/a/"] {
        let sent = ask_for("www.blog.test", target).await;
        assert_eq!(sent.header("location"), format!("http://blog.test{target}"));
    }
    assert_eq!(ask("blog.test").await.status, 200);
    // On this machine an app is looked at by its local name.
    assert_eq!(ask(HOST).await.status, 200);
}

#[tokio::test]
async fn browsers_are_told_to_be_careful_unless_the_app_has_said_so_itself() {
    let app = App::http("blog/web.1@r7", |request| async move {
        let mut reply = text("ok");
        if request.uri().path() == "/own" {
            let headers = reply.headers_mut();
            headers.insert("x-frame-options", "DENY".parse().unwrap());
            headers.insert("referrer-policy", "no-referrer".parse().unwrap());
        }
        reply
    });
    let mut one = site(vec![ruled("/", &app, RouteRules::default())]);
    one.rules = SiteRules {
        safety: true,
        ..SiteRules::default()
    };
    let door = Door::start(vec![one.clone()]).await;
    let plain = door.get("/").await;
    assert_eq!(plain.header("x-content-type-options"), "nosniff");
    assert_eq!(plain.header("x-frame-options"), "SAMEORIGIN");
    assert_eq!(
        plain.header("referrer-policy"),
        "strict-origin-when-cross-origin"
    );
    let own = door.get("/own").await;
    assert_eq!(own.header("x-frame-options"), "DENY");
    assert_eq!(own.header("referrer-policy"), "no-referrer");
    one.rules.safety = false;
    door.swap(vec![one]).await;
    assert_eq!(door.get("/").await.header("x-frame-options"), "");
}

#[tokio::test]
async fn in_maintenance_visitors_see_a_page_and_insiders_the_site() {
    let app = app();
    let mut one = site(vec![ruled("/", &app, RouteRules::default())]);
    let message = Some("We move <house>, back at 14:00.".to_owned());
    one.rules.maintenance = Some(Maintenance {
        message,
        allow: Vec::new(),
    });
    let door = Door::start(vec![one.clone()]).await;
    for path in ["/", "/any/path?x=y"] {
        let page = door.get(path).await;
        assert_eq!(page.status, 503, "{path}");
        assert_eq!(page.header("retry-after"), "300");
        assert_eq!(page.header("cache-control"), "no-store");
        let body = page.text();
        assert!(
            body.contains("We move &lt;house&gt;, back at 14:00."),
            "{body}"
        );
    }
    let mut maintenance = Maintenance::default();
    maintenance.allow.push("127.0.0.0/8".to_owned());
    one.rules.maintenance = Some(maintenance);
    door.swap(vec![one.clone()]).await;
    assert_eq!(door.get("/").await.status, 200);
    one.rules.maintenance = None;
    door.swap(vec![one]).await;
    assert_eq!(door.get("/").await.status, 200);
}

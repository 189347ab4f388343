//! From what runs to what the door serves: plans and instances become the route table.

use std::cmp::Reverse;
use std::path::PathBuf;

use ship_base::name::{AppName, ProcessName};
use ship_build::packed;
use ship_door::table::{
    self, Address, Certificates, Https, Protocol, Route, Site, Table, Target, Upstream,
};
use ship_project::plan::{self, Plan, RouteTarget};
use ship_run::spec;

use crate::app::App;
use crate::candidate::Candidate;
use crate::instance::Instance;
use crate::server::Server;
use crate::traffic;
use crate::users;

/// The largest request body where the manifest says nothing: PROMISES, "Limits the door ships
/// with".
const BODY_LIMIT: u64 = 10 << 20;

/// The whole table, from every app that is live.
pub(crate) fn of(server: &Server) -> Table {
    let sites = server
        .apps()
        .iter()
        .filter_map(|app| site(server, app))
        .collect();
    Table {
        version: table::VERSION,
        sites,
        certificates: Certificates {
            local: server.config.developer,
            acme: server
                .config
                .public
                .as_ref()
                .and_then(|it| it.acme.clone())
                .map(Box::new),
        },
    }
}

fn site(server: &Server, app: &App) -> Option<Site> {
    let live = app.live()?;
    Some(Site {
        app: app.name.clone(),
        release: Some(live.release),
        hosts: hosts(&live.plan).collect(),
        routes: routes(server, app, &live),
        body_limit: live.plan.limits.body.unwrap_or(BODY_LIMIT),
        https: https(server, &live.plan),
        access_log: Some(server.folders.access_log(&app.name).join("door")),
        rules: table::SiteRules {
            maintenance: maintenance(server, app),
            pages: pages(server, app, &live),
            ..site_rules(&live.plan)
        },
    })
}

fn site_rules(plan: &Plan) -> table::SiteRules {
    table::SiteRules {
        budget: traffic::budget(plan),
        safety: plan.browsers.headers,
        framed: plan.browsers.frames,
        canonical: plan.canonical.as_ref().map(|name| name.value.clone()),
        ..table::SiteRules::default()
    }
}

/// The author's pages, where the release has them.
fn pages(server: &Server, app: &App, live: &Candidate) -> table::Pages {
    let source = server
        .folders
        .release(&app.name, live.release)
        .join("source");
    let page = |path: &Option<PathBuf>| path.as_ref().map(|path| source.join(path));
    table::Pages {
        not_found: page(&live.plan.pages.not_found),
        unavailable: page(&live.plan.pages.unavailable),
        maintenance: page(&live.plan.pages.maintenance),
    }
}

/// What visitors see in the app's place. Where its record cannot be read, they see the app.
fn maintenance(server: &Server, app: &App) -> Option<table::Maintenance> {
    let maintenance = server.record(&app.name).ok()?.maintenance?;
    Some(table::Maintenance {
        message: maintenance.message,
        allow: maintenance.allow,
    })
}

/// What visitors are asked about TLS. A laptop's are asked nothing: `http://NAME.localhost:8000` is
/// what its author was told.
fn https(server: &Server, plan: &Plan) -> Https {
    if server.config.public.is_none() {
        return Https::default();
    }
    let port = server.door.https_port();
    Https {
        redirect: port.filter(|_| plan.https.redirect),
        hsts: plan.https.hsts.map(|hsts| hsts.as_secs()),
    }
}

/// The host names under which an app with this plan is found.
pub(crate) fn hosts(plan: &Plan) -> impl Iterator<Item = String> {
    let domains = plan
        .domains
        .iter()
        .map(|domain| domain.value.to_lowercase());
    std::iter::once(local_host(&plan.name.value)).chain(domains)
}

/// The host name of an app on this machine: RFC 6761 sends every `*.localhost` to loopback.
pub(crate) fn local_host(app: &AppName) -> String {
    format!("{app}.localhost")
}

fn routes(server: &Server, app: &App, live: &Candidate) -> Vec<Route> {
    let own = live.plan.routes.iter().map(|route| Route {
        prefix: route.value.prefix.clone(),
        to: target(server, app, live, &route.value),
        cache: route.value.cache.as_ref().map(cache),
        rules: route_rules(live, &route.value),
    });
    let mut routes: Vec<Route> = own.collect();
    if let Some(web) = live.plan.web()
        && !routes.iter().any(|route| route.prefix == "/")
    {
        routes.push(Route {
            prefix: "/".to_owned(),
            to: instances(app, &web.name, false),
            cache: None,
            rules: table::RouteRules::default(),
        });
    }
    routes
}

/// What a route asks, and where it does not say so itself, what the nearest one above it asks:
/// nobody closes a whole site and means it to be open below `/static`.
fn route_rules(live: &Candidate, route: &plan::Route) -> table::RouteRules {
    let mut above: Vec<&plan::Route> = live.plan.routes.iter().map(|other| &other.value).collect();
    above.retain(|other| is_below(&route.prefix, &other.prefix));
    above.sort_by_key(|other| Reverse(other.prefix.trim_end_matches('/').len()));
    let rules = || above.iter().map(|other| &other.rules);
    let allow = rules().map(|rules| &rules.allow).find(|it| !it.is_empty());
    let rate = rules().find_map(|rules| rules.rate);
    table::RouteRules {
        allow: allow.cloned().unwrap_or_default(),
        rate: rate.map(|rate| table::Rate {
            requests: rate.requests,
            seconds: rate.seconds,
        }),
        basic_auth: match rules().find_map(|rules| rules.basic_auth.as_ref()) {
            Some(plan::BasicAuth::Setting(name)) => Some(basic_auth(live, name)),
            Some(plan::BasicAuth::None) | None => None,
        },
    }
}

/// Who may sign in, by the setting `name`; nobody where it is not there.
fn basic_auth(live: &Candidate, name: &str) -> table::BasicAuth {
    let realm = live.plan.name.value.to_string();
    let users = live.settings.get(name).map(|value| value.reveal().as_str());
    let users = users::of(users.unwrap_or_default());
    let users = users.map(|user| table::credential(&realm, user)).collect();
    table::BasicAuth { realm, users }
}

/// Whole segments count; a prefix is below itself.
fn is_below(prefix: &str, above: &str) -> bool {
    let rest = prefix.strip_prefix(above.trim_end_matches('/'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn cache(rule: &plan::CacheRule) -> table::Cache {
    table::Cache {
        fresh: rule.fresh.as_secs(),
        share: rule.share,
        stale: rule.stale.as_secs(),
    }
}

fn target(server: &Server, app: &App, live: &Candidate, route: &plan::Route) -> Target {
    let release = server.folders.release(&app.name, live.release);
    // The root has nothing to fall through to.
    let fall_through = route.prefix != "/" && live.plan.web().is_some();
    let packed = packed::folder(&release, &route.to).filter(|folder| folder.is_dir());
    let files = |folder| Target::Files {
        folder,
        fall_through,
        fallback: None,
        packed: packed.clone(),
    };
    match &route.to {
        RouteTarget::Static { folder } => files(release.join("source").join(folder)),
        RouteTarget::SinglePage { folder, page } => Target::Files {
            folder: release.join("source").join(folder),
            fall_through: false,
            fallback: Some(page.clone()),
            packed: packed.clone(),
        },
        RouteTarget::Site => files(release.join("assets/site")),
        RouteTarget::Assets => files(release.join("assets/static")),
        RouteTarget::Data { folder } => files(server.folders.app_data(&app.name).join(folder)),
        RouteTarget::Process { process } => instances(app, process, route.strip),
        RouteTarget::Redirect { to, status } => Target::Redirect {
            to: to.clone(),
            status: *status,
        },
    }
}

fn instances(app: &App, process: &ProcessName, strip: bool) -> Target {
    let serving = app.fleet.serving_of(Some(process));
    Target::Instances {
        upstreams: serving.iter().filter_map(|one| upstream(one)).collect(),
        strip,
    }
}

fn upstream(instance: &Instance) -> Option<Upstream> {
    let address = match instance.address()? {
        spec::Address::Unix(path) => Address::Unix(path),
        spec::Address::Tcp(address) => Address::Tcp(address),
    };
    Some(Upstream {
        key: instance.key(),
        address,
        protocol: protocol(instance),
    })
}

fn protocol(instance: &Instance) -> Protocol {
    let process = instance.of.plan.process(&instance.id.process);
    match process.map(|process| &process.role) {
        Some(plan::Role::Web {
            protocol: plan::Protocol::H2c,
            ..
        }) => Protocol::H2c,
        _ => Protocol::Http1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::scene::{Scene, plan, process, web};

    /// The table of one app, with the scene's folder left out of the paths.
    fn table(processes: &[Value], routes: &[Value]) -> Value {
        let scene = Scene::new();
        scene.live("blog", plan(processes, routes));
        let text = serde_json::to_string(&of(&scene.server).sites).unwrap();
        let folder = scene.folder().to_str().unwrap();
        serde_json::from_str(&text.replace(folder, "")).unwrap()
    }

    fn routes(processes: &[Value], routes: &[Value]) -> Value {
        table(processes, routes)[0]["routes"].clone()
    }

    #[test]
    fn a_site_has_its_local_name_and_its_domains() {
        assert_eq!(
            table(&[web()], &[]),
            json!([{
                "app": "blog",
                "release": "r1",
                "access_log": "/apps/blog/access/door",
                "hosts": ["blog.localhost", "blog.example"],
                "routes": [{"prefix": "/", "to": {"kind": "instances", "upstreams": []}}],
                "body_limit": 10 << 20,
                "https": {"redirect": null, "hsts": null},
                "rules": {"safety": true, "framed": false, "canonical": null, "maintenance": null},
            }])
        );
    }

    #[test]
    fn files_that_are_not_there_are_asked_of_the_app_that_answers_the_rest() {
        let files = |folder: &str, fall_through: bool| json!({"kind": "files", "folder": folder, "fall_through": fall_through, "fallback": null});
        let of_files = [
            json!({"prefix": "/docs", "to": {"kind": "static", "folder": "site"}}),
            json!({"prefix": "/static", "to": {"kind": "assets"}}),
            json!({"prefix": "/media", "to": {"kind": "data", "folder": "media"}}),
        ];
        let expected = |fall_through| {
            let release = "/apps/blog/releases/1";
            vec![
                json!({"prefix": "/docs", "to": files(&format!("{release}/source/site"), fall_through)}),
                json!({"prefix": "/static", "to": files(&format!("{release}/assets/static"), fall_through)}),
                json!({"prefix": "/media", "to": files("/apps/blog/data/media", fall_through)}),
            ]
        };
        assert_eq!(routes(&[], &of_files), json!(expected(false)));
        let mut with_web = expected(true);
        with_web.push(json!({"prefix": "/", "to": {"kind": "instances", "upstreams": []}}));
        assert_eq!(routes(&[web()], &of_files), json!(with_web));
    }

    #[test]
    fn the_author_may_own_the_root() {
        let files = json!({"prefix": "/", "to": {"kind": "static", "folder": "public"}});
        let owned = json!([{
            "prefix": "/",
            "to": {
                "kind": "files",
                "folder": "/apps/blog/releases/1/source/public",
                "fall_through": false,
                "fallback": null,
            },
        }]);
        assert_eq!(routes(&[], std::slice::from_ref(&files)), owned);
        assert_eq!(routes(&[web()], &[files]), owned);
    }

    #[test]
    fn other_processes_and_redirects_stand_as_the_author_wrote_them() {
        let redirect = json!({"kind": "redirect", "to": "https://example.org/", "status": 308});
        let own = [
            json!({"prefix": "/api", "to": {"kind": "process", "process": "api"}}),
            json!({"prefix": "/old", "to": redirect}),
        ];
        let api = process("api", json!({"kind": "worker"}));
        assert_eq!(
            routes(&[api], &own),
            json!([
                {"prefix": "/api", "to": {"kind": "instances", "upstreams": []}},
                {"prefix": "/old", "to": redirect},
            ])
        );
    }

    #[test]
    fn what_a_route_asks_is_asked_below_it_as_well() {
        let rate = |requests: u32| json!({"requests": requests, "seconds": 60});
        let process = |prefix: &str, rules: Value| json!({"prefix": prefix, "to": {"kind": "process", "process": "web"}, "rules": rules});
        let own = [
            process("/", json!({"allow": ["192.0.2.0/24"], "rate": rate(100)})),
            json!({"prefix": "/static/", "to": {"kind": "assets"}}),
            process("/hook", json!({"allow": ["0.0.0.0/0", "::/0"]})),
            process("/hook/slow", json!({"rate": rate(1)})),
        ];
        let routes = routes(&[web()], &own);
        let of = |number: usize| routes[number]["rules"].clone();
        let office = json!({"allow": ["192.0.2.0/24"], "rate": rate(100)});
        assert_eq!([of(0), of(1)], [office.clone(), office]);
        let all = ["0.0.0.0/0", "::/0"];
        assert_eq!(of(2), json!({"allow": all, "rate": rate(100)}));
        assert_eq!(of(3), json!({"allow": all, "rate": rate(1)}));
    }

    #[test]
    fn a_prefix_is_below_another_on_whole_segments() {
        assert!(is_below("/admin/x", "/admin"));
        assert!(is_below("/admin", "/admin/"));
        assert!(is_below("/admin", "/"));
        assert!(!is_below("/administration", "/admin"));
        assert!(!is_below("/", "/admin"));
    }

    #[test]
    fn an_app_in_maintenance_says_so_in_its_site() {
        let scene = Scene::new();
        let app = scene.live("blog", plan(&[web()], &[]));
        let record = scene.server.record(&app.name).unwrap();
        let maintenance = Some(ship_store::Maintenance {
            since: ship_base::clock::Moment::now(),
            message: Some("back at six".to_owned()),
            allow: vec!["192.0.2.7".to_owned()],
        });
        let record = ship_store::AppRecord {
            maintenance,
            ..record
        };
        scene.server.store.save_app(&record).unwrap();
        let sites = of(&scene.server).sites;
        let shown = sites[0].rules.maintenance.as_ref().unwrap();
        assert_eq!(shown.message.as_deref(), Some("back at six"));
        assert_eq!(shown.allow, ["192.0.2.7"]);
    }

    #[test]
    fn an_app_that_is_stopped_has_no_site() {
        let scene = Scene::new();
        let app = scene.live("blog", plan(&[web()], &[]));
        assert_eq!(of(&scene.server).sites.len(), 1);
        app.set_live(None);
        assert_eq!(of(&scene.server).sites, []);
    }
}

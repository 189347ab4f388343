//! From what runs to what the door serves: plans and instances become the route table.

use ship_base::name::{AppName, ProcessName};
use ship_door::table::{self, Address, Route, Site, Table, Target, Upstream};
use ship_project::plan::{Plan, RouteTarget};
use ship_run::spec;

use crate::app::App;
use crate::candidate::Candidate;
use crate::instance::Instance;
use crate::server::Server;

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
    })
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
        to: target(server, app, live, &route.value.to),
    });
    let mut routes: Vec<Route> = own.collect();
    if let Some(web) = live.plan.web()
        && !routes.iter().any(|route| route.prefix == "/")
    {
        routes.push(Route {
            prefix: "/".to_owned(),
            to: instances(app, &web.name),
        });
    }
    routes
}

fn target(server: &Server, app: &App, live: &Candidate, to: &RouteTarget) -> Target {
    let release = server.folders.release(&app.name, live.release);
    match to {
        RouteTarget::Static { folder } => Target::Files {
            folder: release.join("source").join(folder),
            fall_through: has_web(&live.plan),
        },
        RouteTarget::Assets => Target::Files {
            folder: release.join("assets/static"),
            fall_through: has_web(&live.plan),
        },
        RouteTarget::Data { folder } => Target::Files {
            folder: server.folders.app_data(&app.name).join(folder),
            fall_through: has_web(&live.plan),
        },
        RouteTarget::Process { process } => instances(app, process),
        RouteTarget::Redirect { to, status } => Target::Redirect {
            to: to.clone(),
            status: *status,
        },
    }
}

fn has_web(plan: &Plan) -> bool {
    plan.web().is_some()
}

fn instances(app: &App, process: &ProcessName) -> Target {
    let serving = app.fleet.serving_of(Some(process));
    Target::Instances {
        upstreams: serving.iter().filter_map(|one| upstream(one)).collect(),
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
    })
}

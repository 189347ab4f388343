//! What unit tests play with: a server with folders of its own that starts nothing, and plans.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use ship_base::name::ReleaseId;
use ship_base::paths::Folders;
use ship_project::plan::Plan;
use ship_store::{AppRecord, Store};
use tempfile::TempDir;

use crate::app::App;
use crate::candidate::Candidate;
use crate::environment::Variables;
use crate::room::Room;
use crate::server::{Config, Public, Server};

/// A server in a temporary folder.
pub(crate) struct Scene {
    pub(crate) server: Arc<Server>,
    folder: TempDir,
}

impl Scene {
    /// A laptop's.
    pub(crate) fn new() -> Self {
        Self::with(None, Room::default())
    }

    /// That of a machine which visitors reach.
    pub(crate) fn public() -> Self {
        let public = Public {
            http: 0,
            https: 0,
            http3: true,
            acme: None,
        };
        Self::with_room(public, Room::default())
    }

    /// The same, where this authority signs certificates.
    pub(crate) fn signed_by(acme: ship_door::table::Acme) -> Self {
        let public = Public {
            http: 0,
            https: 0,
            http3: true,
            acme: Some(acme),
        };
        Self::with_room(public, Room::default())
    }

    /// The same with caps of the test's own.
    pub(crate) fn with_room(public: Public, room: Room) -> Self {
        Self::with(Some(public), room)
    }

    fn with(public: Option<Public>, room: Room) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::under(folder.path().to_owned());
        folders.create().unwrap();
        let config = Config {
            folders: folders.clone(),
            program: "/nothing/of/this/name".into(),
            developer: true,
            role_environment: [].into(),
            tools: [].into(),
            public,
            idle: None,
            room,
            sockets: Arc::default(),
        };
        let server = Arc::new(Server::new(config, Store::open(&folders).unwrap()));
        Self { server, folder }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// An app that runs, as its record says.
    pub(crate) fn app(&self, name: &str, detached: bool) -> Arc<App> {
        let name = name.parse().unwrap();
        let record = AppRecord {
            running: true,
            detached,
            ..AppRecord::new(name, self.folder().to_owned())
        };
        self.server.store.save_app(&record).unwrap();
        self.server.app_or_new(&record.name)
    }

    /// An app whose first release with this plan is live.
    pub(crate) fn live(&self, name: &str, plan: Plan) -> Arc<App> {
        let app = self.app(name, true);
        app.set_live(Some(Arc::new(candidate(plan))));
        app
    }
}

/// The first release, without settings.
pub(crate) fn candidate(plan: Plan) -> Candidate {
    Candidate {
        release: ReleaseId::new(1),
        plan,
        settings: Variables::new(),
    }
}

/// A plan of `blog` with these processes and routes.
pub(crate) fn plan(processes: &[Value], routes: &[Value]) -> Plan {
    let plan = json!({
        "version": 1,
        "name": sourced(json!("blog")),
        "domains": [sourced(json!("Blog.Example"))],
        "framework": sourced(json!({"key": "procfile", "label": "Procfile", "version": null})),
        "python": null,
        "dependencies": null,
        "import_paths": [],
        "processes": processes,
        "release": null,
        "assets": [],
        "routes": routes.iter().cloned().map(sourced).collect::<Vec<_>>(),
        "data": [],
        "env": {},
        "required_env": [],
        "limits": {"memory": null, "body": null},
        "notes": [],
    });
    serde_json::from_value(plan).unwrap()
}

/// A process with this role.
pub(crate) fn process(name: &str, role: Value) -> Value {
    let command = ship_project::command::CommandLine::parse("python x.py").unwrap();
    json!({
        "name": name,
        "role": role,
        "start": sourced(json!({"kind": "command", "command": command, "server": null})),
        "instances": 1,
        "grace": {"secs": 30, "nanos": 0},
    })
}

/// A process that answers HTTP.
pub(crate) fn web() -> Value {
    let within = json!({"secs": 60, "nanos": 0});
    process(
        "web",
        json!({"kind": "web", "health": "/", "ready_within": within}),
    )
}

fn sourced(value: Value) -> Value {
    json!({"value": value, "reason": "", "places": []})
}

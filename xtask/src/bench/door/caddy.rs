//! Caddy, in its own JSON.

use serde_json::{Value, json};
use ship_base::file;

use super::peer::Running;
use super::row::Row;
use super::stage::{Stage, free_port};
use crate::Result;

pub(crate) fn start(stage: &Stage, row: Row) -> Result<Running> {
    let (http, https) = (free_port()?, free_port()?);
    let configuration = stage.path("caddy.json");
    let text = serde_json::to_string(&configuration_of(stage, row, http, https))?;
    file::replace(&configuration, text.as_bytes())?;
    let mut caddy = stage.program(&stage.caddy);
    caddy.args(["run", "--config"]).arg(&configuration);
    caddy.env("HOME", stage.path("caddy"));
    stage.run(&mut caddy, http, https)
}

fn configuration_of(stage: &Stage, row: Row, http: u16, https: u16) -> Value {
    let forward = json!([{
        "handler": "reverse_proxy",
        "upstreams": [{"dial": format!("unix/{}", stage.origin().display())}],
    }]);
    let files = json!({
        "match": [{"path": ["/files/*"]}],
        "handle": [
            {"handler": "rewrite", "strip_path_prefix": "/files"},
            {"handler": "file_server", "root": stage.files()},
        ],
        "terminal": true,
    });
    let of_host = |number| {
        json!({
            "match": [{"host": [format!("h{number}.test")]}],
            "handle": forward.clone(),
            "terminal": true,
        })
    };
    let mut routes: Vec<Value> = (0..row.hosts()).map(of_host).collect();
    routes.extend([files, json!({"handle": forward})]);
    json!({
        "admin": {"disabled": true},
        "apps": {
            "http": {"servers": {
                "plain": {
                    "listen": [format!("127.0.0.1:{http}")],
                    "routes": routes,
                    "automatic_https": {"disable": true},
                },
                "secure": {
                    "listen": [format!("127.0.0.1:{https}")],
                    "routes": [routes[routes.len() - 1]],
                    "automatic_https": {"disable": true},
                    "tls_connection_policies": [{"default_sni": "localhost"}],
                    "protocols": ["h1", "h2"],
                },
            }},
            "tls": {"certificates": {"load_files": [
                {"certificate": stage.certificate(), "key": stage.key()},
            ]}},
        },
        "logging": {"logs": {"default": {"level": "ERROR"}}},
    })
}

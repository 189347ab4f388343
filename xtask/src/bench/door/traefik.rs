//! Traefik, with a file for its routes. It reaches apps over TCP alone.

use serde_json::{Map, Value, json};
use ship_base::file;

use super::peer::Running;
use super::row::Row;
use super::stage::{Stage, free_port};
use crate::Result;

pub(crate) fn start(stage: &Stage, row: Row) -> Result<Running> {
    let (http, https) = (free_port()?, free_port()?);
    let configuration = stage.path("traefik.yml");
    // JSON is YAML.
    let text = serde_json::to_string(&configuration_of(stage, row))?;
    file::replace(&configuration, text.as_bytes())?;
    let mut traefik = stage.program(&stage.traefik);
    traefik.args([
        format!("--entrypoints.plain.address=127.0.0.1:{http}"),
        format!("--entrypoints.secure.address=127.0.0.1:{https}"),
        format!("--providers.file.filename={}", configuration.display()),
        "--providers.file.watch=false".to_owned(),
        "--log.level=ERROR".to_owned(),
        "--global.checknewversion=false".to_owned(),
        "--global.sendanonymoususage=false".to_owned(),
    ]);
    stage.run(&mut traefik, http, https)
}

fn configuration_of(stage: &Stage, row: Row) -> Value {
    let router =
        |rule: String, entry: &str| json!({"rule": rule, "service": "app", "entryPoints": [entry]});
    let mut routers = Map::new();
    for number in 0..row.hosts() {
        let rule = format!("Host(`h{number}.test`)");
        routers.insert(format!("h{number}"), router(rule, "plain"));
    }
    let all = || "PathPrefix(`/`)".to_owned();
    routers.insert("plain".to_owned(), router(all(), "plain"));
    let mut secure = router(all(), "secure");
    secure["tls"] = json!({});
    routers.insert("secure".to_owned(), secure);
    let app = format!("http://127.0.0.1:{}", stage.origin_port);
    json!({
        "http": {
            "routers": routers,
            "services": {"app": {"loadBalancer": {"servers": [{"url": app}]}}},
        },
        "tls": {"stores": {"default": {"defaultCertificate": {
            "certFile": stage.certificate(),
            "keyFile": stage.key(),
        }}}},
    })
}

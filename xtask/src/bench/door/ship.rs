//! The door itself: `ship door`, with the table that control would send it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use ship_base::file;
use ship_base::paths::Folders;
use ship_door::client::DoorClient;
use ship_door::table::{Address, Protocol, Site, Table, Target, Upstream};
use ship_test::wait_until;

use super::peer::Running;
use super::row::Row;
use super::stage::Stage;
use crate::Result;

pub(crate) fn start(stage: &Stage, row: Row) -> Result<Running> {
    let home = stage.path(&format!("ship-{}", stage.next()));
    let folders = Folders::under(home.clone());
    folders.create()?;
    let certificates = folders.door().join("certificates");
    file::create_folder(&certificates)?;
    file::copy(&stage.certificate(), &certificates.join("own.pem"))?;
    file::copy(&stage.key(), &certificates.join("own.key"))?;
    let mut door = stage.program(&stage.ship);
    door.arg("door").env("SHIP_HOME", &home);
    let child = door.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let socket = folders.door_socket();
    wait_until(
        "the door can be told something",
        Duration::from_secs(20),
        || std::os::unix::net::UnixStream::connect(&socket).is_ok(),
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (http, https) = runtime.block_on(tell(&socket, table(stage, row)?))?;
    Ok(Running::new(child, http, https))
}

/// Gives the door its table and two listening sockets; returns their ports.
async fn tell(socket: &Path, table: Table) -> Result<(u16, u16)> {
    let mut door = DoorClient::connect(socket).await?;
    door.swap(table).await?;
    let mut ports = Vec::new();
    for scheme in ["http", "https"] {
        let listener = ship_door::bind(([127, 0, 0, 1], 0).into())?;
        let address = rustix::net::getsockname(&listener)?;
        ports.push(std::net::SocketAddr::try_from(address)?.port());
        door.listen(vec![(scheme.to_owned(), listener)]).await?;
    }
    Ok((ports[0], ports[1]))
}

fn table(stage: &Stage, row: Row) -> Result<Table> {
    let mut table = Table::empty();
    let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
    table.sites.push(site(stage, "app", hosts.to_vec())?);
    for number in 0..row.hosts() {
        let host = format!("h{number}.test");
        table
            .sites
            .push(site(stage, &format!("app-{number}"), vec![host])?);
    }
    Ok(table)
}

/// In JSON, so that a field that is added with a default is none of our business.
fn site(stage: &Stage, app: &str, hosts: Vec<String>) -> Result<Site> {
    let app_itself = Target::Instances {
        upstreams: vec![Upstream {
            // One app behind all names, as the others have it.
            key: "app/web.1@r1".to_owned(),
            address: Address::Unix(stage.origin()),
            protocol: Protocol::Http1,
        }],
        strip: false,
    };
    let files = Target::Files {
        folder: stage.files(),
        fall_through: false,
        fallback: None,
        packed: None,
    };
    Ok(serde_json::from_value(serde_json::json!({
        "app": app,
        "release": null,
        "hosts": hosts,
        "routes": [{"prefix": "/", "to": app_itself}, {"prefix": "/files/", "to": files}],
        "body_limit": 10 << 20,
    }))?)
}

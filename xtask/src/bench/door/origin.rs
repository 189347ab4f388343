//! The app behind every program: an nginx that answers from memory, on a unix socket and on
//! loopback for the one that cannot reach a unix socket.

use std::time::Duration;

use ship_base::file;
use ship_test::wait_until;

use super::peer::Running;
use super::stage::Stage;
use crate::Result;

pub(crate) fn start(stage: &Stage) -> Result<Running> {
    let folder = stage.path("origin");
    file::create_folder(&folder)?;
    let configuration = folder.join("nginx.conf");
    file::replace(&configuration, configuration_of(stage).as_bytes())?;
    let mut nginx = stage.load("nginx");
    nginx.arg("-p").arg(&folder).arg("-c").arg(&configuration);
    let port = stage.origin_port;
    let running = stage.run(&mut nginx, port, port)?;
    let socket = stage.origin();
    wait_until("the app listens", Duration::from_secs(10), || {
        std::os::unix::net::UnixStream::connect(&socket).is_ok()
    });
    Ok(running)
}

fn configuration_of(stage: &Stage) -> String {
    let (socket, port) = (stage.origin(), stage.origin_port);
    let (socket, large) = (socket.display(), stage.path("large"));
    let (large, small, kept) = (large.display(), "x".repeat(100), "x".repeat(1000));
    format!(
        "daemon off;
user root;
worker_processes 1;
error_log stderr crit;
pid nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  default_type application/octet-stream;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen unix:{socket};
    listen 127.0.0.1:{port};
    location = /small {{ return 200 '{small}'; }}
    location = /large {{ alias {large}; }}
    location = /cached {{ add_header Cache-Control 'public, max-age=600'; return 200 '{kept}'; }}
  }}
}}
"
    )
}

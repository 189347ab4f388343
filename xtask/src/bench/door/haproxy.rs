//! HAProxy: one thread, connections to the app kept open, its own small cache.

use std::fmt::Write as _;

use ship_base::file;

use super::peer::Running;
use super::row::Row;
use super::stage::{Stage, free_port};
use crate::Result;

pub(crate) fn start(stage: &Stage, row: Row) -> Result<Running> {
    let (http, https) = (free_port()?, free_port()?);
    let (map, configuration) = (stage.path("haproxy.map"), stage.path("haproxy.cfg"));
    let mut hosts = String::new();
    for number in 0..row.hosts() {
        let _ = writeln!(hosts, "h{number}.test app");
    }
    file::replace(&map, hosts.as_bytes())?;
    let choose = match row.hosts() {
        0 => String::new(),
        _ => format!(
            "  use_backend %[req.hdr(host),lower,map({})]\n",
            map.display()
        ),
    };
    let (both, socket) = (stage.both(), stage.origin());
    let (both, socket) = (both.display(), socket.display());
    let text = format!(
        "global
  maxconn 8192
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  http-reuse always
cache kept
  total-max-size 4
  max-age 600
frontend visitors
  bind 127.0.0.1:{http}
  bind 127.0.0.1:{https} ssl crt {both} alpn h2,http/1.1
  option forwardfor
  http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
  unique-id-format %{{+X}}o%ci%cp%Ts%rt
  unique-id-header X-Request-ID
  use_backend kept if {{ path /cached }}
{choose}  default_backend app
backend kept
  http-request cache-use kept
  http-response cache-store kept
  server app unix@{socket}
backend app
  server app unix@{socket}
"
    );
    file::replace(&configuration, text.as_bytes())?;
    let mut haproxy = stage.program("haproxy");
    haproxy.arg("-db").arg("-f").arg(&configuration);
    stage.run(&mut haproxy, http, https)
}

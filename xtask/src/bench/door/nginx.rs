//! nginx: one worker, connections to the app kept open.

use std::fmt::Write as _;

use ship_base::file;

use super::peer::Running;
use super::row::Row;
use super::stage::{Stage, free_port};
use crate::Result;

pub(crate) fn start(stage: &Stage, row: Row) -> Result<Running> {
    let (http, https) = (free_port()?, free_port()?);
    let folder = stage.path("nginx");
    file::create_folder(&folder)?;
    let configuration = folder.join("nginx.conf");
    let text = configuration_of(stage, row, http, https);
    file::replace(&configuration, text.as_bytes())?;
    let mut nginx = stage.program("nginx");
    nginx.arg("-p").arg(&folder).arg("-c").arg(&configuration);
    stage.run(&mut nginx, http, https)
}

fn configuration_of(stage: &Stage, row: Row, http: u16, https: u16) -> String {
    let (socket, files) = (stage.origin(), stage.files());
    let (socket, files) = (socket.display(), files.display());
    let (certificate, key) = (stage.certificate(), stage.key());
    let (certificate, key) = (certificate.display(), key.display());
    let mut hosts = String::new();
    for number in 0..row.hosts() {
        let _ = writeln!(
            hosts,
            "  server {{ listen 127.0.0.1:{http}; server_name h{number}.test; location / {{ proxy_pass http://app; }} }}"
        );
    }
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
  tcp_nopush on;
  keepalive_requests 1000000000;
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 64;
  default_type application/octet-stream;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  proxy_cache_path cache keys_zone=kept:10m;
  ssl_certificate {certificate};
  ssl_certificate_key {key};
  ssl_protocols TLSv1.2 TLSv1.3;
  upstream app {{ server unix:{socket}; keepalive 64; keepalive_requests 1000000000; }}
  proxy_http_version 1.1;
  proxy_set_header Connection '';
  proxy_set_header Host $host;
  proxy_set_header X-Forwarded-For $remote_addr;
  proxy_set_header X-Forwarded-Proto $scheme;
  proxy_set_header X-Request-ID $request_id;
  server {{
    listen 127.0.0.1:{http} default_server;
    listen 127.0.0.1:{https} ssl http2;
    location /files/ {{ alias {files}/; }}
    location = /cached {{ proxy_cache kept; proxy_pass http://app; }}
    location / {{ proxy_pass http://app; }}
  }}
{hosts}}}
"
    )
}

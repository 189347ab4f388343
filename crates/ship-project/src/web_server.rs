//! The web servers that a project may lock, as rows of a table: how each is told where to listen,
//! what to serve and with how many workers.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::{Interface, ObjectRef};

/// A production web server for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebServer {
    /// <https://github.com/emmett-framework/granian>; added where no other is locked.
    Granian,
    /// <https://gunicorn.org>; WSGI.
    Gunicorn,
    /// <https://www.uvicorn.org>; ASGI.
    Uvicorn,
    /// <https://hypercorn.readthedocs.io>; ASGI and WSGI.
    Hypercorn,
    /// <https://docs.pylonsproject.org/projects/waitress>; WSGI.
    Waitress,
    /// <https://uwsgi-docs.readthedocs.io>; WSGI.
    Uwsgi,
    /// <https://github.com/django/daphne>; ASGI.
    Daphne,
}

/// Where an instance listens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listen {
    /// A unix socket.
    Unix(PathBuf),
    /// A loopback port. Port 0: whoever starts the program chooses; the command says `$PORT`.
    Tcp(SocketAddr),
}

/// What we know of a web server. Templates name `{path}`, `{host}`, `{port}` and `{workers}`.
#[derive(Debug)]
pub struct Row {
    /// Which.
    pub server: WebServer,
    /// The name people use: `Granian`.
    pub label: &'static str,
    /// The package that brings it, normalised (PEP 503).
    pub package: &'static str,
    /// Its program in the environment's `bin`.
    pub program: &'static str,
    /// What it can serve by itself; the first is its home.
    pub interfaces: &'static [Interface],
    /// Flags that make it listen on a unix socket.
    pub unix: &'static [&'static str],
    /// Flags that make it listen on a port.
    pub tcp: &'static [&'static str],
    /// Flags for its number of workers; empty where it has one process only.
    pub workers: &'static [&'static str],
    /// Flags that make it believe the front door's `X-Forwarded-*`: nobody else reaches it.
    pub trust: &'static [&'static str],
    /// Flags that go with our own command, after the others.
    pub defaults: &'static [&'static str],
    /// How it is told that the object is a factory.
    pub factory: Factory,
    /// Flags with a value in an author's command that say where it listens.
    pub listening: &'static [&'static str],
    /// Flags without a value that have no place behind a keeper: reloading, going to the background.
    pub unwanted: &'static [&'static str],
    /// Flags with a value that keep us from understanding the command: configuration elsewhere
    /// decides what is listened on.
    pub opaque: &'static [&'static str],
}

/// How a server is told that the object is a factory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Factory {
    /// By a flag.
    Flag(&'static str),
    /// By writing `module:name()`.
    Call,
    /// It cannot.
    Never,
}

use Interface::{Asgi, Wsgi};

/// All servers, in the order in which a project that names several gets one.
///
/// Sources: each program's `--help`, Granian 2.8, gunicorn 23, uvicorn 0.38, hypercorn 0.18,
/// waitress 3.0, uWSGI 2.0, daphne 4.2.
pub const ROWS: &[Row] = &[
    Row {
        server: WebServer::Granian,
        label: "Granian",
        package: "granian",
        program: "granian",
        interfaces: &[Asgi, Wsgi],
        unix: &["--uds", "{path}"],
        tcp: &["--host", "{host}", "--port", "{port}"],
        workers: &["--workers", "{workers}"],
        trust: &[],
        defaults: &[],
        factory: Factory::Flag("--factory"),
        listening: &["--host", "--port", "--uds"],
        unwanted: &["--reload"],
        opaque: &[],
    },
    Row {
        server: WebServer::Gunicorn,
        label: "Gunicorn",
        package: "gunicorn",
        program: "gunicorn",
        interfaces: &[Wsgi],
        unix: &["--bind", "unix:{path}"],
        tcp: &["--bind", "{host}:{port}"],
        workers: &["--workers", "{workers}"],
        trust: &["--forwarded-allow-ips", "*"],
        // One sync worker answers one request at a time: a slow one would block its health check.
        defaults: &["--threads", "4"],
        factory: Factory::Call,
        listening: &["--bind", "-b"],
        unwanted: &["--reload", "--daemon", "-D", "--reuse-port"],
        opaque: &["--paste", "--paster"],
    },
    Row {
        server: WebServer::Uvicorn,
        label: "Uvicorn",
        package: "uvicorn",
        program: "uvicorn",
        interfaces: &[Asgi],
        unix: &["--uds", "{path}"],
        tcp: &["--host", "{host}", "--port", "{port}"],
        workers: &["--workers", "{workers}"],
        trust: &["--forwarded-allow-ips", "*"],
        defaults: &[],
        factory: Factory::Flag("--factory"),
        listening: &["--host", "--port", "--uds", "--fd"],
        unwanted: &["--reload"],
        opaque: &[],
    },
    Row {
        server: WebServer::Hypercorn,
        label: "Hypercorn",
        package: "hypercorn",
        program: "hypercorn",
        interfaces: &[Asgi, Wsgi],
        unix: &["--bind", "unix:{path}"],
        tcp: &["--bind", "{host}:{port}"],
        workers: &["--workers", "{workers}"],
        trust: &[],
        defaults: &[],
        factory: Factory::Call,
        listening: &["--bind", "-b", "--insecure-bind", "--quic-bind"],
        unwanted: &["--reload"],
        opaque: &[],
    },
    Row {
        server: WebServer::Daphne,
        label: "Daphne",
        package: "daphne",
        program: "daphne",
        interfaces: &[Asgi],
        unix: &["-u", "{path}"],
        tcp: &["-b", "{host}", "-p", "{port}"],
        workers: &[],
        trust: &["--proxy-headers"],
        defaults: &[],
        factory: Factory::Never,
        listening: &[
            "-b",
            "--bind",
            "-p",
            "--port",
            "-u",
            "--unix-socket",
            "--fd",
            "-e",
            "--endpoint",
        ],
        unwanted: &[],
        opaque: &[],
    },
    Row {
        server: WebServer::Waitress,
        label: "Waitress",
        package: "waitress",
        program: "waitress-serve",
        interfaces: &[Wsgi],
        unix: &["--unix-socket={path}"],
        tcp: &["--listen={host}:{port}"],
        workers: &[],
        trust: &[
            "--trusted-proxy=*",
            "--trusted-proxy-headers=x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port",
        ],
        defaults: &[],
        factory: Factory::Flag("--call"),
        listening: &["--listen", "--host", "--port", "--unix-socket"],
        unwanted: &[],
        opaque: &[],
    },
    Row {
        server: WebServer::Uwsgi,
        label: "uWSGI",
        package: "uwsgi",
        program: "uwsgi",
        interfaces: &[Wsgi],
        unix: &["--http-socket", "{path}"],
        tcp: &["--http-socket", "{host}:{port}"],
        workers: &["--processes", "{workers}"],
        trust: &[],
        // uWSGI reloads on SIGTERM and lives on without an application unless told otherwise.
        defaults: &[
            "--master",
            "--die-on-term",
            "--need-app",
            "--enable-threads",
        ],
        factory: Factory::Call,
        listening: &["--http", "--http-socket", "--socket", "-s"],
        unwanted: &["--daemonize"],
        opaque: &["--ini", "--yaml", "--xml", "--json", "--emperor"],
    },
];

impl WebServer {
    /// What we know of it.
    pub fn row(self) -> &'static Row {
        ROWS.iter()
            .find(|row| row.server == self)
            .expect("every server has a row: `every_server_has_one_row`")
    }

    /// The name people use: `Granian`.
    pub fn label(self) -> &'static str {
        self.row().label
    }

    /// The package that brings it.
    pub fn package(self) -> &'static str {
        self.row().package
    }

    /// Its program in the environment's `bin`.
    pub fn program(self) -> &'static str {
        self.row().program
    }

    /// Whether it can serve an application of this interface.
    pub fn supports(self, interface: Interface) -> bool {
        self.row().interfaces.contains(&interface)
    }

    /// Whether it can call a factory itself.
    pub fn runs_factories(self) -> bool {
        self.row().factory != Factory::Never
    }

    /// The server whose package or program has this name.
    pub fn named(name: &str) -> Option<Self> {
        ROWS.iter()
            .find(|row| row.package == name || row.program == name)
            .map(|row| row.server)
    }

    /// The first server among `packages` (normalised names) that serves `interface`.
    pub fn among<'a>(
        packages: impl Iterator<Item = &'a str> + Clone,
        interface: Interface,
    ) -> Option<Self> {
        ROWS.iter()
            .filter(|row| row.interfaces.contains(&interface))
            .find(|row| packages.clone().any(|package| package == row.package))
            .map(|row| row.server)
    }

    /// Flags that make it listen there.
    pub fn listen_flags(self, listen: &Listen) -> Vec<String> {
        let row = self.row();
        match listen {
            Listen::Unix(path) => fill(row.unix, &[("{path}", &path.display().to_string())]),
            Listen::Tcp(address) => {
                let port = match address.port() {
                    0 => "$PORT".to_owned(),
                    port => port.to_string(),
                };
                let host = address.ip().to_string();
                fill(row.tcp, &[("{host}", &host), ("{port}", &port)])
            }
        }
    }

    /// Flags that set its number of workers; none where it has one process only.
    pub fn worker_flags(self, workers: u32) -> Vec<String> {
        fill(self.row().workers, &[("{workers}", &workers.to_string())])
    }

    /// Flags that tell how the object is called, with the object last.
    pub fn object_words(self, object: &ObjectRef, interface: Interface) -> Vec<String> {
        let path = format!("{}:{}", object.module, object.attribute);
        let mut words = Vec::new();
        let mut target = match self.row().factory {
            Factory::Call if object.factory => format!("{path}()"),
            Factory::Flag(flag) if object.factory => {
                words.push(flag.to_owned());
                path
            }
            _ => path,
        };
        match self {
            Self::Granian => words.extend(["--interface".to_owned(), interface.to_string()]),
            Self::Hypercorn if interface == Wsgi => target = format!("wsgi:{target}"),
            Self::Uwsgi => words.push("--module".to_owned()),
            _ => {}
        }
        words.push(target);
        words
    }
}

fn fill(template: &[&str], values: &[(&str, &str)]) -> Vec<String> {
    template
        .iter()
        .map(|word| {
            values
                .iter()
                .fold((*word).to_owned(), |word, (name, value)| {
                    word.replace(name, value)
                })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_server_has_one_row() {
        use WebServer::{Daphne, Granian, Gunicorn, Hypercorn, Uvicorn, Uwsgi, Waitress};
        for server in [
            Granian, Gunicorn, Uvicorn, Hypercorn, Waitress, Uwsgi, Daphne,
        ] {
            assert_eq!(server.row().server, server);
        }
        assert_eq!(ROWS.len(), 7);
    }

    #[test]
    fn what_a_server_listens_by_is_also_taken_out_of_an_authors_command() {
        for row in ROWS {
            for word in row.unix.iter().chain(row.tcp) {
                let flag = word.split('=').next().unwrap();
                if flag.starts_with('-') {
                    assert!(row.listening.contains(&flag), "{}: {flag}", row.label);
                }
            }
        }
    }

    #[test]
    fn the_server_that_fits_the_interface_is_taken() {
        let packages = ["django", "gunicorn", "uvicorn"];
        let among = |interface| WebServer::among(packages.iter().copied(), interface);
        assert_eq!(among(Wsgi), Some(WebServer::Gunicorn));
        assert_eq!(among(Asgi), Some(WebServer::Uvicorn));
        assert_eq!(WebServer::among(["flask"].into_iter(), Wsgi), None);
    }
}

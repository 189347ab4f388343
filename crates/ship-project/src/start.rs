//! From a [`Start`] to the complete command of one instance.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::command::CommandLine;
use crate::plan::{Authored, Interface, OwnPort, Served, Start};
use crate::web_server::{Listen, WebServer};

/// The variable that tells the exchange of ports, which the build adds to the release, what to look
/// for: a port, or `first`.
pub(crate) const OWN_PORT: &str = "SHIP_OWN_PORT";

impl OwnPort {
    /// The words before the program's own. The number of workers is for servers that share one
    /// socket: Uvicorn, called from a program, refuses it.
    fn words(self) -> Vec<String> {
        let asked = match self {
            Self::Given => None,
            Self::Asked(port) => Some(port.to_string()),
            Self::First => Some("first".to_owned()),
        };
        let words = ["env", "-u", "WEB_CONCURRENCY"].map(str::to_owned);
        let setting = asked.map(|asked| format!("{OWN_PORT}={asked}"));
        words.into_iter().chain(setting).collect()
    }
}

impl Start {
    /// Whether the release needs the exchange of ports, see [`OwnPort`].
    pub fn exchanges_port(&self) -> bool {
        let own = match self {
            Self::Command(authored) => authored.own_port,
            Self::Object(_) => None,
        };
        own.is_some_and(|port| port != OwnPort::Given)
    }

    /// Program and arguments of one instance. `listen` is `None` for what does not listen;
    /// `workers` is used by servers of our choice, an author's command keeps its own number
    /// (gunicorn and uvicorn also read `WEB_CONCURRENCY`); `env` fills `$NAME` in an author's
    /// command, where `$PORT` stays when `env` has none.
    pub fn argv(
        &self,
        listen: Option<&Listen>,
        workers: u32,
        env: &BTreeMap<String, String>,
    ) -> Vec<String> {
        match self {
            Self::Object(served) => served.argv(listen, workers),
            Self::Command(authored) => authored.argv(listen, env),
        }
    }

    /// Whether it can be told to listen on a unix socket; else it gets `PORT`.
    pub fn listens_on_unix(&self) -> bool {
        match self {
            Self::Object(_) => true,
            Self::Command(authored) => authored.server.is_some() && !authored.needs_port,
        }
    }

    /// The web server it runs, as far as it is known.
    pub fn server(&self) -> Option<WebServer> {
        match self {
            Self::Object(served) => Some(served.server),
            Self::Command(authored) => authored.server,
        }
    }

    /// The command as a plan shows it: without listening address and workers.
    pub fn summary(&self) -> String {
        match self {
            Self::Object(served) => CommandLine::Argv(served.short()).to_string(),
            Self::Command(authored) => authored.command.to_string(),
        }
    }
}

impl Served {
    /// See [`Start::argv`].
    pub fn argv(&self, listen: Option<&Listen>, workers: u32) -> Vec<String> {
        let row = self.server.row();
        let workers = if self.one_worker { 1 } else { workers };
        let mut argv = vec![row.program.to_owned()];
        argv.extend(listen.iter().flat_map(|to| self.server.listen_flags(to)));
        argv.extend(self.server.worker_flags(workers));
        argv.extend(row.trust.iter().map(|&flag| flag.to_owned()));
        argv.extend(row.defaults.iter().map(|&flag| flag.to_owned()));
        argv.extend(self.arguments.iter().cloned());
        argv.extend(self.object_words());
        argv
    }

    fn short(&self) -> Vec<String> {
        let mut argv = vec![self.server.program().to_owned()];
        argv.extend(self.arguments.iter().cloned());
        argv.extend(self.object_words());
        argv
    }

    fn object_words(&self) -> Vec<String> {
        let interface = self.interface.unwrap_or(Interface::Wsgi);
        self.server.object_words(&self.object, interface)
    }
}

impl Authored {
    /// What the author's line means: the server it starts, if we know one, with the flags that
    /// say where to listen taken out, because the instance is told its own socket.
    pub fn understand(command: CommandLine) -> Self {
        let understood = command.words().and_then(understand_words);
        match understood {
            Some((argv, server)) => Self {
                command: CommandLine::Argv(argv),
                server: Some(server),
                needs_port: false,
                own_port: None,
            },
            None => Self {
                command,
                server: None,
                needs_port: false,
                own_port: None,
            },
        }
    }

    /// The `module:object` that a server is told, where it is written out.
    pub(crate) fn object(&self) -> Option<&str> {
        const VALUED: [&str; 7] = [
            "-c",
            "-k",
            "--config",
            "--log-config",
            "--logger-class",
            "--paste",
            "--worker-class",
        ];
        self.server?;
        let words = self.command.words()?;
        let mut pairs = words.windows(2);
        let object = pairs.find(|pair| !VALUED.contains(&pair[0].as_str()) && is_object(&pair[1]));
        object.map(|pair| pair[1].as_str())
    }

    /// See [`Start::argv`].
    pub fn argv(&self, listen: Option<&Listen>, env: &BTreeMap<String, String>) -> Vec<String> {
        let mut argv = self.command.resolve(env);
        if let (Some(port), Some(_)) = (self.own_port, listen) {
            let at = usize::from(argv.first().is_some_and(|first| first == "env"));
            argv.splice(0..at, port.words());
            return argv;
        }
        let (Some(server), Some(listen)) = (self.server, listen) else {
            return argv;
        };
        let after_program = server_at(&argv).map_or(1, |(_, at)| at + 1);
        let mut flags = server.listen_flags(listen);
        if !argv.iter().any(|word| is_flag(word, server.row().trust)) {
            flags.extend(server.row().trust.iter().map(|&flag| flag.to_owned()));
        }
        // Right behind the program: `waitress-serve` takes no flags after its object.
        argv.splice(after_program..after_program, flags);
        argv
    }
}

/// `shop.web:app`, `shop:create_app()`; no address, no path, no flag.
fn is_object(word: &str) -> bool {
    let is_name = |name: &str| {
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        !name.is_empty()
            && !name.starts_with(|c: char| c.is_ascii_digit())
            && name.chars().all(plain)
    };
    word.split_once(':').is_some_and(|(module, object)| {
        let object = object.split('(').next().unwrap_or_default();
        module.split('.').all(is_name) && object.split('.').all(is_name)
    })
}

/// The flags with which the server that `words` start watches files.
pub(crate) fn reloading(words: &[String]) -> Vec<&'static str> {
    let unwanted = server_at(words).map(|(server, _)| server.row().unwanted);
    let unwanted = unwanted.into_iter().flatten().copied();
    unwanted.filter(|flag| flag.contains("reload")).collect()
}

/// The file that `gunicorn -c FILE` names, or the one it reads by itself.
pub(crate) fn gunicorn_config(words: &[String]) -> &str {
    let flag = |word: &String| word == "-c" || word == "--config";
    let after = words.iter().position(flag).and_then(|at| words.get(at + 1));
    let joined = || words.iter().find_map(|word| word.strip_prefix("--config="));
    after
        .map(String::as_str)
        .or_else(joined)
        .unwrap_or("gunicorn.conf.py")
}

fn understand_words(words: &[String]) -> Option<(Vec<String>, WebServer)> {
    let words = without_runner(words);
    let (server, at) = server_at(words)?;
    let row = server.row();
    let configured_elsewhere = words[at..].iter().any(|word| {
        is_flag(word, row.opaque)
            || (server == WebServer::Uwsgi && !row.opaque.is_empty() && is_file(word))
    });
    if configured_elsewhere {
        return None;
    }
    let mut argv = words[..=at].to_vec();
    argv.extend(without_listening(&words[at + 1..], server));
    Some((argv, server))
}

/// A loopback port that whoever starts the program chooses.
pub(crate) const GIVEN_PORT: Listen =
    Listen::Tcp(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)));

/// The words of a known server with `$PORT` in place of where they listen; `None` where they already
/// name it, or where the server reads it by itself.
pub(crate) fn on_given_port(words: &[String]) -> Option<(Vec<String>, WebServer)> {
    let (mut argv, server) = understand_words(words)?;
    let row = server.row();
    let listens =
        |word: &String| is_flag(word, row.listening) || short_with_value(word, row.listening);
    // Gunicorn looks for `PORT`, uWSGI is told by files.
    let by_itself = matches!(server, WebServer::Gunicorn | WebServer::Uwsgi);
    let is_told = words.iter().any(|word| word.contains("PORT"));
    if is_told || by_itself && !words.iter().any(listens) {
        return None;
    }
    let (_, at) = server_at(&argv)?;
    argv.splice(at + 1..=at, server.listen_flags(&GIVEN_PORT));
    Some((argv, server))
}

fn is_file(word: &str) -> bool {
    [".ini", ".yaml", ".yml", ".xml", ".json"]
        .iter()
        .any(|ending| word.ends_with(ending))
}

/// Environments of other tools are not used here: `poetry run gunicorn` is `gunicorn`.
pub(crate) fn without_runner(words: &[String]) -> &[String] {
    const RUNNERS: [&str; 5] = ["uv", "poetry", "pipenv", "pdm", "hatch"];
    match words {
        [runner, run, program, ..]
            if RUNNERS.contains(&runner.as_str()) && run == "run" && !program.starts_with('-') =>
        {
            &words[2..]
        }
        _ => words,
    }
}

/// The known server that words start.
pub(crate) fn started(words: &[String]) -> Option<WebServer> {
    server_at(without_runner(words)).map(|(server, _)| server)
}

/// The server that is started and the index of its name: `gunicorn`, `bin/gunicorn`, `python -m gunicorn`.
fn server_at(words: &[String]) -> Option<(WebServer, usize)> {
    let first = file_name(words.first()?);
    if is_python(first) && words.get(1).is_some_and(|flag| flag == "-m") {
        let module = words.get(2)?;
        return WebServer::named(module).map(|server| (server, 2));
    }
    // A program is not always named after its package: `waitress-serve`.
    let server = WebServer::named(first).filter(|server| server.program() == first)?;
    Some((server, 0))
}

pub(crate) fn file_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

/// `python`, `python3`, `python3.12`.
pub(crate) fn is_python(program: &str) -> bool {
    program
        .strip_prefix("python")
        .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit() || c == '.'))
}

fn is_flag(word: &str, flags: &[&str]) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    name.starts_with('-')
        && flags
            .iter()
            .any(|flag| flag.split('=').next() == Some(name))
}

fn without_listening(words: &[String], server: WebServer) -> Vec<String> {
    let row = server.row();
    let mut kept = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        if is_flag(word, row.unwanted) || short_with_value(word, row.listening) {
            continue;
        }
        if is_flag(word, row.listening) {
            if !word.contains('=') {
                rest.next();
            }
            continue;
        }
        kept.push(word.clone());
    }
    kept
}

/// `-b0.0.0.0:80`
fn short_with_value(word: &str, flags: &[&str]) -> bool {
    !word.starts_with("--")
        && flags
            .iter()
            .any(|flag| flag.len() == 2 && word.len() > 2 && word.starts_with(flag))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::plan::ObjectRef;
    use crate::web_server::ROWS;

    fn understood(line: &str) -> (String, Option<WebServer>) {
        let authored = Authored::understand(CommandLine::parse(line).unwrap());
        (authored.command.to_string(), authored.server)
    }

    fn unix() -> Listen {
        Listen::Unix(PathBuf::from("/run/web.1"))
    }

    #[test]
    fn an_authors_listening_address_gives_way_to_our_socket() {
        for (line, kept) in [
            (
                "gunicorn app:app --bind 0.0.0.0:$PORT -w 3",
                "gunicorn app:app -w 3",
            ),
            ("gunicorn -b0.0.0.0:5000 app:app", "gunicorn app:app"),
            (
                "gunicorn --bind=[::]:80 -b unix:/x app:app",
                "gunicorn app:app",
            ),
            (
                "uvicorn main:app --host 0.0.0.0 --port ${PORT:-8000} --reload",
                "uvicorn main:app",
            ),
            (
                "python -m gunicorn app:app --bind :1",
                "python -m gunicorn app:app",
            ),
            (
                "poetry run daphne -b 0.0.0.0 -p $PORT x.asgi:application",
                "daphne x.asgi:application",
            ),
            (
                "waitress-serve --listen=*:$PORT app:app",
                "waitress-serve app:app",
            ),
            ("uv run hypercorn a:b --bind 0.0.0.0:1", "hypercorn a:b"),
        ] {
            let (command, server) = understood(line);
            assert_eq!(command, kept, "{line}");
            assert!(server.is_some(), "{line}");
        }
    }

    #[test]
    fn a_port_of_its_own_gives_way_to_the_one_that_is_given() {
        let given = |line: &str| {
            let line = CommandLine::parse(line).unwrap();
            let (words, _) = on_given_port(line.words()?)?;
            Some(CommandLine::Argv(words).to_string())
        };
        for (line, told) in [
            (
                "gunicorn a:b -b :8000 -w 2",
                "gunicorn --bind 127.0.0.1:$PORT a:b -w 2",
            ),
            ("uvicorn a:b", "uvicorn --host 127.0.0.1 --port $PORT a:b"),
            (
                "python -m daphne a:b -p 80",
                "python -m daphne -b 127.0.0.1 -p $PORT a:b",
            ),
        ] {
            assert_eq!(given(line).as_deref(), Some(told), "{line}");
        }
        for line in [
            "gunicorn a:b",
            "uvicorn a:b --port $PORT",
            "python a.py",
            "uwsgi a.ini",
        ] {
            assert_eq!(given(line), None, "{line}");
        }
    }

    #[test]
    fn commands_we_do_not_understand_stay_as_they_are() {
        for line in [
            "python server.py --port $PORT",
            "uwsgi uwsgi.ini",
            "uwsgi --ini deploy/app.conf",
            "gunicorn --paste production.ini",
            "python -m myserver",
            "./gunicorn.sh",
            "a && gunicorn app:app",
        ] {
            assert_eq!(understood(line), (line.to_owned(), None));
        }
    }

    #[test]
    fn a_program_with_a_port_of_its_own_choice_is_told_what_to_exchange() {
        let argv = |line: &str, own_port| {
            let authored = Authored {
                own_port: Some(own_port),
                ..Authored::understand(CommandLine::parse(line).unwrap())
            };
            let port = Listen::Tcp(([127, 0, 0, 1], 0).into());
            CommandLine::Argv(authored.argv(Some(&port), &BTreeMap::new())).to_string()
        };
        assert_eq!(
            argv("python app.py", OwnPort::Asked(8888)),
            "env -u WEB_CONCURRENCY SHIP_OWN_PORT=8888 python app.py"
        );
        assert_eq!(
            argv("env X=$PORT python app.py", OwnPort::First),
            "env -u WEB_CONCURRENCY SHIP_OWN_PORT=first X=$PORT python app.py"
        );
        assert_eq!(
            argv("panel serve --port=$PORT", OwnPort::Given),
            "env -u WEB_CONCURRENCY panel serve --port=$PORT"
        );
    }

    #[test]
    fn our_socket_stands_before_the_object() {
        let authored =
            Authored::understand(CommandLine::parse("waitress-serve --threads=2 a:b").unwrap());
        let argv = authored.argv(Some(&unix()), &BTreeMap::new());
        assert_eq!(argv[1], "--unix-socket=/run/web.1");
        assert_eq!(argv.last().unwrap(), "a:b");
        let module = Authored::understand(CommandLine::parse("python -m gunicorn a:b").unwrap());
        let argv = module.argv(Some(&unix()), &BTreeMap::new());
        assert_eq!(
            argv[..5],
            ["python", "-m", "gunicorn", "--bind", "unix:/run/web.1"]
        );
    }

    #[test]
    fn an_authors_own_trust_is_kept() {
        let line = "gunicorn --forwarded-allow-ips=10.0.0.1 a:b";
        let authored = Authored::understand(CommandLine::parse(line).unwrap());
        let argv = authored.argv(Some(&unix()), &BTreeMap::new());
        assert_eq!(
            argv.iter()
                .filter(|word| word.contains("allow-ips"))
                .count(),
            1
        );
    }

    #[test]
    fn every_server_is_started_with_socket_workers_and_object() {
        let mut seen = Vec::new();
        for row in ROWS {
            for &interface in row.interfaces {
                let served = Served {
                    object: ObjectRef {
                        module: "shop.web".to_owned(),
                        attribute: "create_app".to_owned(),
                        factory: row.server.runs_factories(),
                    },
                    others: Vec::new(),
                    interface: Some(interface),
                    server: row.server,
                    added: false,
                    arguments: Vec::new(),
                    one_worker: false,
                };
                let port = Listen::Tcp(([127, 0, 0, 1], 0).into());
                let start = Start::Object(served);
                for listen in [unix(), port] {
                    let argv = start.argv(Some(&listen), 2, &BTreeMap::new());
                    seen.push(CommandLine::Argv(argv).to_string());
                }
            }
        }
        insta::assert_snapshot!(seen.join("\n"), @r#"
        granian --uds /run/web.1 --workers 2 --factory --interface asgi shop.web:create_app
        granian --host 127.0.0.1 --port $PORT --workers 2 --factory --interface asgi shop.web:create_app
        granian --uds /run/web.1 --workers 2 --factory --interface wsgi shop.web:create_app
        granian --host 127.0.0.1 --port $PORT --workers 2 --factory --interface wsgi shop.web:create_app
        gunicorn --bind unix:/run/web.1 --workers 2 --forwarded-allow-ips "*" --threads 4 "shop.web:create_app()"
        gunicorn --bind 127.0.0.1:$PORT --workers 2 --forwarded-allow-ips "*" --threads 4 "shop.web:create_app()"
        uvicorn --uds /run/web.1 --workers 2 --forwarded-allow-ips "*" --factory shop.web:create_app
        uvicorn --host 127.0.0.1 --port $PORT --workers 2 --forwarded-allow-ips "*" --factory shop.web:create_app
        hypercorn --bind unix:/run/web.1 --workers 2 "shop.web:create_app()"
        hypercorn --bind 127.0.0.1:$PORT --workers 2 "shop.web:create_app()"
        hypercorn --bind unix:/run/web.1 --workers 2 "wsgi:shop.web:create_app()"
        hypercorn --bind 127.0.0.1:$PORT --workers 2 "wsgi:shop.web:create_app()"
        daphne -u /run/web.1 --proxy-headers shop.web:create_app
        daphne -b 127.0.0.1 -p $PORT --proxy-headers shop.web:create_app
        waitress-serve --unix-socket=/run/web.1 --trusted-proxy=* "--trusted-proxy-headers=x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port" --call shop.web:create_app
        waitress-serve --listen=127.0.0.1:$PORT --trusted-proxy=* "--trusted-proxy-headers=x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-port" --call shop.web:create_app
        uwsgi --http-socket /run/web.1 --processes 2 --master --die-on-term --need-app --enable-threads --module "shop.web:create_app()"
        uwsgi --http-socket 127.0.0.1:$PORT --processes 2 --master --die-on-term --need-app --enable-threads --module "shop.web:create_app()"
        "#);
    }
}

//! From the text of `ship.toml` to a [`Manifest`]: unknown keys, wrong values and contradictions
//! are errors with file, line and caret.

use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use ship_base::name::{AppName, ProcessName};
use ship_base::network::Network;
use toml::de::DeTable;

use crate::command::CommandLine;
use crate::cron::Cron;
use crate::error::Result;
use crate::files::pyproject::parse_toml;
use crate::manifest::schema::{INTERFACES, PROTOCOLS, SERVERS};
use crate::manifest::table::{Table, Text, suggest};
use crate::manifest::{Browsers, FILE, Job, Located, Manifest, Named, Pages, Route, Web, quantity};
use crate::plan::{
    BasicAuth, CacheRule, Https, Interface, Limits, Protocol, RouteTarget, Rules, TrafficOver,
};
use crate::web_server::WebServer;

/// Reads a manifest.
pub(crate) fn parse(source: &str) -> Result<Manifest> {
    let document = parse_toml(Path::new(FILE), source)?;
    let text = Text(source);
    refuse_services(text, &document)?;
    let root = Table::new(text, "", format!("`{FILE}`"), 0..0, &document)?;
    let manifest = Manifest {
        name: name(&root)?,
        domains: domains(&root)?,
        python: python(&root)?,
        web: root
            .table("web")?
            .map_or_else(|| Ok(Web::default()), |t| web(&t))?,
        processes: root
            .named("process")?
            .iter()
            .map(process)
            .collect::<Result<_>>()?,
        jobs: root.named("job")?.iter().map(job).collect::<Result<_>>()?,
        release: root
            .table("release")?
            .map_or(Ok(None), |t| t.command("command"))?,
        build: root
            .table("build")?
            .map_or_else(|| Ok(Vec::new()), |t| t.commands("command"))?,
        routes: root
            .named("route")?
            .iter()
            .map(route)
            .collect::<Result<_>>()?,
        data: root
            .table("data")?
            .map_or_else(|| Ok(Vec::new()), |t| data(&t))?,
        env: root
            .table("env")?
            .map_or_else(|| Ok(Vec::new()), |t| env(&t))?,
        required_env: root
            .table("env")?
            .map_or_else(|| Ok(Vec::new()), |t| required(&t))?,
        limits: root
            .table("limits")?
            .map_or_else(|| Ok(Limits::default()), |t| limits(&t))?,
        https: root
            .table("https")?
            .map_or_else(|| Ok(Https::default()), |t| https(&t))?,
        canonical: canonical(&root)?,
        browsers: root
            .table("browsers")?
            .map_or_else(|| Ok(Browsers::default()), |t| browsers(&t))?,
        pages: root
            .table("pages")?
            .map_or_else(|| Ok(Pages::default()), |t| pages(&t))?,
    };
    check_names(&root, &manifest)?;
    check_routes(&root, &manifest)?;
    Ok(manifest)
}

/// Private databases come with the server, not with a laptop.
fn refuse_services(text: Text<'_>, document: &DeTable<'_>) -> Result<()> {
    let Some(span) = key_of(document, "service") else {
        return Ok(());
    };
    let message = "services are not made here yet: this machine runs no private databases";
    let hint = "start one yourself and tell its address: `ship env set DATABASE_URL=…`";
    Err(text.wrong(span, message.to_owned(), Some(hint.to_owned())))
}

fn key_of(table: &DeTable<'_>, name: &str) -> Option<Range<usize>> {
    let key = table.keys().find(|key| key.get_ref() == name)?;
    Some(key.span())
}

fn name(root: &Table<'_>) -> Result<Option<Located<AppName>>> {
    let Some(text) = root.text_of("name")? else {
        return Ok(None);
    };
    match AppName::new(&text.value) {
        Ok(value) => Ok(Some(Located {
            value,
            place: text.place,
        })),
        Err(error) => {
            let hint = AppName::from_free_text(&text.value).map(|n| format!("`name = \"{n}\"`"));
            Err(root.value_wrong("name", error.to_string(), hint))
        }
    }
}

fn domains(root: &Table<'_>) -> Result<Vec<Located<String>>> {
    let mut domains = Vec::new();
    for (domain, span) in root.texts("domains")? {
        let below = domain.value.strip_prefix("*.");
        if domain.value != "*" && !is_host(below.unwrap_or(&domain.value)) {
            let message = format!("`{}` is not a host name", domain.value);
            let hint = "write it without `https://`, port and path: `talkshow.example`";
            return Err(root.text.wrong(span, message, Some(hint.to_owned())));
        }
        if let Some(top) = below.filter(|name| !name.contains('.')) {
            let message = format!("`{}` is every domain below `{top}`", domain.value);
            let hint = "a domain of yours below it: `*.talkshow.example`";
            return Err(root.text.wrong(span, message, Some(hint.to_owned())));
        }
        domains.push(Located {
            value: domain.value.to_ascii_lowercase(),
            place: domain.place,
        });
    }
    Ok(domains)
}

/// One of the domains: a visitor who is sent to a name that the app does not have is lost.
fn canonical(root: &Table<'_>) -> Result<Option<Located<String>>> {
    let Some(canonical) = root.text_of("canonical")? else {
        return Ok(None);
    };
    let value = canonical.value.to_ascii_lowercase();
    let domains = domains(root)?;
    if value.starts_with('*') {
        let message = format!("`{}` is no single name", canonical.value);
        let hint = "one name that visitors are sent to: `canonical = \"www.talkshow.example\"`";
        return Err(root.value_wrong("canonical", message, Some(hint.to_owned())));
    }
    if domains.iter().any(|domain| domain.value == value) {
        return Ok(Some(Located { value, ..canonical }));
    }
    let message = format!("`{}` is none of the `domains`", canonical.value);
    let hint = match &domains[..] {
        [] => format!("`domains = [\"{value}\"]` beside it"),
        [rest] if rest.value == "*" => format!("name it there: `domains = [\"*\", \"{value}\"]`"),
        domains => {
            let domains: Vec<&str> = domains.iter().map(|domain| domain.value.as_str()).collect();
            suggest(&value, &domains)
        }
    };
    Err(root.value_wrong("canonical", message, Some(hint)))
}

/// Letters, digits and `-` in labels of 1 to 63 characters (RFC 1123 2.1).
fn is_host(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn python(root: &Table<'_>) -> Result<Option<Located<String>>> {
    let expected =
        "a version of Python 3 such as `\"3.12\"`, or a range such as `\">=3.11,<3.14\"`";
    root.read("python", expected, |text| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "<>=!~., *".contains(c);
        let fits = text.contains('3') && text.chars().all(plain);
        fits.then(|| text.trim().to_owned())
    })
}

fn web(table: &Table<'_>) -> Result<Web> {
    let web = Web {
        command: table.command("command")?,
        app: table.read("app", "an object such as `\"shop.wsgi:app\"`", object)?,
        server: table.read("server", &one_of(SERVERS), WebServer::named)?,
        interface: table.read("interface", &one_of(INTERFACES), interface)?,
        protocol: table.read("protocol", &one_of(PROTOCOLS), protocol)?,
        health: table
            .read("health", "a path such as `\"/healthz\"`", path)?
            .map(|p| p.value),
        ready_within: table.duration("ready_within")?,
        instances: table.number("instances", 0, 100)?,
        grace: table.duration("grace")?,
    };
    let beside = [
        ("app", web.app.is_some()),
        ("server", web.server.is_some()),
        ("interface", web.interface.is_some()),
    ];
    for (key, there) in beside {
        if there && web.command.is_some() {
            let message = format!("`{key}` has no meaning beside `command`");
            let hint = Some("keep one of the two".to_owned());
            return Err(table.value_wrong(key, message, hint));
        }
    }
    let speaks_http2 = web
        .protocol
        .as_ref()
        .is_some_and(|it| it.value == Protocol::H2c);
    if speaks_http2 && web.health.is_some() {
        let message = "`health` has no meaning beside `protocol = \"h2c\"`".to_owned();
        let hint = "its first words are asked for, and no path";
        return Err(table.value_wrong("health", message, Some(hint.to_owned())));
    }
    if let (Some(server), Some(interface)) = (&web.server, &web.interface)
        && !server.value.supports(interface.value)
    {
        let wanted = interface.value.to_string().to_uppercase();
        let message = format!("{} does not serve {wanted}", server.value.label());
        return Err(table.value_wrong("server", message, None));
    }
    Ok(web)
}

fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

/// `module:object` or `module:factory()`.
fn object(text: &str) -> Option<String> {
    let (module, attribute) = text.split_once(':')?;
    let attribute = attribute.strip_suffix("()").unwrap_or(attribute);
    let word = |word: &str| {
        !word.is_empty()
            && !word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let fits = module.split('.').all(word) && attribute.split('.').all(word);
    fits.then(|| text.to_owned())
}

fn interface(text: &str) -> Option<Interface> {
    match text {
        "wsgi" => Some(Interface::Wsgi),
        "asgi" => Some(Interface::Asgi),
        _ => None,
    }
}

fn protocol(text: &str) -> Option<Protocol> {
    match text {
        "http1" => Some(Protocol::Http1),
        "h2c" => Some(Protocol::H2c),
        _ => None,
    }
}

fn path(text: &str) -> Option<String> {
    let plain =
        text.starts_with('/') && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    plain.then(|| text.to_owned())
}

fn process_name(name: &Located<String>, table: &Table<'_>) -> Result<ProcessName> {
    ProcessName::new(&name.value).map_err(|error| table.wrong(error.to_string(), None))
}

fn required_command(table: &Table<'_>) -> Result<Located<CommandLine>> {
    table
        .command("command")?
        .ok_or_else(|| table.wrong(format!("{} needs a `command`", table.title), None))
}

fn process((name, table): &(Located<String>, Table<'_>)) -> Result<Named> {
    if name.value == "web" {
        return Err(table.wrong(
            "the process `web` has a table of its own",
            Some("write `[web]`"),
        ));
    }
    Ok(Named {
        name: process_name(name, table)?,
        command: required_command(table)?,
        instances: table.number("instances", 0, 100)?,
        grace: table.duration("grace")?,
    })
}

fn job((name, table): &(Located<String>, Table<'_>)) -> Result<Job> {
    let schedule = table.text_of("schedule")?.ok_or_else(|| {
        let hint = "`schedule = \"0 6 * * *\"` is every day at six";
        table.wrong(format!("{} needs a `schedule`", table.title), Some(hint))
    })?;
    Cron::parse(&schedule.value)
        .map_err(|error| table.value_wrong("schedule", error.to_string(), None))?;
    Ok(Job {
        name: process_name(name, table)?,
        command: required_command(table)?,
        schedule: schedule.value,
    })
}

fn route((prefix, table): &(Located<String>, Table<'_>)) -> Result<Route> {
    if path(&prefix.value).is_none() || has_dots(&prefix.value) {
        let message = format!("`{}` is not a path prefix", prefix.value);
        return Err(table.wrong(
            message,
            Some("a prefix begins with `/`: `[route.\"/docs\"]`"),
        ));
    }
    let kinds = ["static", "data", "process", "redirect"];
    let named: Vec<&str> = kinds
        .into_iter()
        .filter(|kind| table.get(kind).is_some())
        .collect();
    let cache = cache(table)?;
    let strip = strip(&prefix.value, table)?;
    let rules = rules(table)?;
    let kind = match named[..] {
        [kind] => kind,
        // What is said about `web` needs no word about who answers.
        [] if cache.is_some() || strip || !rules.is_default() => "process",
        _ => {
            let message = format!(
                "{} needs one of `static`, `data`, `process`, `redirect`",
                table.title
            );
            return Err(table.wrong(message, None));
        }
    };
    beside(table, "build", kind, "static")?;
    beside(table, "fallback", kind, "static")?;
    beside(table, "status", kind, "redirect")?;
    beside(table, "cache", kind, "process")?;
    beside(table, "strip", kind, "process")?;
    Ok(Route {
        prefix: prefix.clone(),
        to: target(table, kind)?,
        build: table.command("build")?,
        open: named.is_empty() && cache.is_none() && !strip,
        cache,
        strip,
        rules,
    })
}

fn strip(prefix: &str, table: &Table<'_>) -> Result<bool> {
    let strip = table.flag("strip")?.unwrap_or_default();
    if strip && prefix.trim_matches('/').is_empty() {
        let message = format!("there is nothing to take off before `{prefix}`");
        return Err(table.value_wrong("strip", message, None));
    }
    Ok(strip)
}

fn cache(table: &Table<'_>) -> Result<Option<CacheRule>> {
    let stale = table.duration("stale")?;
    match table.keeping("cache")? {
        Some((fresh, share)) => Ok(Some(CacheRule {
            fresh,
            share,
            stale: stale.unwrap_or_default(),
        })),
        None if stale.is_some() => {
            let message = "`stale` belongs to `cache`, which is not there".to_owned();
            let hint = Some("`cache = \"60s\"` beside it".to_owned());
            Err(table.value_wrong("stale", message, hint))
        }
        None => Ok(None),
    }
}

fn rules(table: &Table<'_>) -> Result<Rules> {
    let mut allow = Vec::new();
    for (network, span) in table.texts("allow")? {
        if network.value.parse::<Network>().is_err() {
            let message = format!("`{}` is no network", network.value);
            let hint = "an address such as `192.0.2.7`, or a network such as `192.0.2.0/24` or `2001:db8::/32` (the bits beyond its length are zero)";
            return Err(table.text.wrong(span, message, Some(hint.to_owned())));
        }
        allow.push(network.value);
    }
    if allow.is_empty() && table.get("allow").is_some() {
        let message = "`allow` names nobody".to_owned();
        let hint = Some("leave it out to answer everybody".to_owned());
        return Err(table.value_wrong("allow", message, hint));
    }
    let expected = "a number of requests in a time, such as `\"100/m\"` or `\"5/10s\"`";
    let rate = table.read("rate", expected, quantity::rate)?;
    let expected = "the name of a setting, such as `\"STAFF\"`, or `\"none\"`";
    let basic_auth = table.read("basic_auth", expected, |text| match text {
        "none" => Some(BasicAuth::None),
        name => is_variable(name).then(|| BasicAuth::Setting(name.to_owned())),
    })?;
    Ok(Rules {
        allow,
        rate: rate.map(|rate| rate.value),
        basic_auth: basic_auth.map(|it| it.value),
    })
}

/// `key` belongs to routes of the kind `of`.
fn beside(table: &Table<'_>, key: &str, kind: &str, of: &str) -> Result<()> {
    if table.get(key).is_some() && kind != of {
        let message = format!("`{key}` belongs to `{of}`, not to `{kind}`");
        return Err(table.value_wrong(key, message, None));
    }
    Ok(())
}

fn target(table: &Table<'_>, kind: &str) -> Result<RouteTarget> {
    let folder = || {
        table.read(
            kind,
            "a folder below the project, such as `\"site\"`",
            folder,
        )
    };
    let text = table
        .text_of(kind)?
        .map(|text| text.value)
        .unwrap_or_default();
    Ok(match kind {
        "static" => {
            let folder = folder()?.map(|f| f.value).unwrap_or_default();
            match fallback(table)? {
                Some(page) => RouteTarget::SinglePage { folder, page },
                None => RouteTarget::Static { folder },
            }
        }
        "data" => RouteTarget::Data {
            folder: folder()?.map(|f| f.value).unwrap_or_default(),
        },
        "process" => RouteTarget::Process {
            process: ProcessName::new(if text.is_empty() {
                "web".to_owned()
            } else {
                text
            })
            .map_err(|error| table.value_wrong("process", error.to_string(), None))?,
        },
        _ => redirect(table, text)?,
    })
}

fn fallback(table: &Table<'_>) -> Result<Option<PathBuf>> {
    let file = table.read(
        "fallback",
        "a file of the folder, such as `\"index.html\"`",
        folder,
    )?;
    Ok(file.map(|file| file.value))
}

fn redirect(table: &Table<'_>, to: String) -> Result<RouteTarget> {
    let absolute = to.starts_with("https://") || to.starts_with("http://");
    let plain = !to.contains(|c: char| c.is_whitespace() || c.is_control());
    if !plain || !(absolute || to.starts_with('/')) {
        let message = "`redirect` is a path or an absolute URL".to_owned();
        return Err(table.value_wrong("redirect", message, None));
    }
    let status = table.number("status", 301, 308)?.unwrap_or(308);
    if ![301, 302, 307, 308].contains(&status) {
        let message = "`status` is 301, 302, 307 or 308".to_owned();
        return Err(table.value_wrong("status", message, None));
    }
    Ok(RouteTarget::Redirect {
        to,
        status: status as u16,
    })
}

fn has_dots(path: &str) -> bool {
    path.split('/').any(|part| part == "." || part == "..")
}

/// A relative path that stays below the project.
fn folder(text: &str) -> Option<PathBuf> {
    let inside = |part: Component<'_>| matches!(part, Component::Normal(_) | Component::CurDir);
    let path = Path::new(text);
    let fits = !text.is_empty() && !text.contains('\0') && path.components().all(inside);
    fits.then(|| path.components().collect())
}

fn data(table: &Table<'_>) -> Result<Vec<Located<PathBuf>>> {
    let mut paths = Vec::new();
    for (text, span) in table.texts("paths")? {
        let whole_project = Path::new(&text.value)
            .components()
            .all(|part| part == Component::CurDir);
        if whole_project || folder(&text.value).is_none() {
            let message = format!("`{}` is not a path below the project", text.value);
            return Err(table.text.wrong(span, message, None));
        }
        paths.push(Located {
            // Kept as written: a `/` at the end says that it is a folder.
            value: PathBuf::from(text.value),
            place: text.place,
        });
    }
    Ok(paths)
}

fn env(table: &Table<'_>) -> Result<Vec<(String, Located<String>)>> {
    let mut settings = Vec::new();
    for (name, span, value) in table.entries() {
        if name == "required" {
            continue;
        }
        if !is_variable(name) {
            let message = format!("`{name}` is not a name for a setting");
            let hint = "use letters, digits and `_`".to_owned();
            return Err(table.text.wrong(span, message, Some(hint)));
        }
        settings.push((name.to_owned(), table.as_text(name, value)?));
    }
    Ok(settings)
}

fn required(table: &Table<'_>) -> Result<Vec<Located<String>>> {
    let mut names = Vec::new();
    for (name, span) in table.texts("required")? {
        if !is_variable(&name.value) {
            let message = format!("`{}` is not a name for a setting", name.value);
            return Err(table.text.wrong(span, message, None));
        }
        names.push(name);
    }
    Ok(names)
}

/// What the C library and every shell accept (POSIX 8.1).
fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Fewer, and a web server with a few workers does not start.
pub(crate) const LEAST_TASKS: u32 = 16;
/// The most that Linux has (`PID_MAX_LIMIT`).
pub(crate) const MOST_TASKS: u32 = 4_194_304;

fn limits(table: &Table<'_>) -> Result<Limits> {
    Ok(Limits {
        memory: table.size("memory")?,
        cpu: table.cores("cpu")?,
        tasks: table.number("tasks", LEAST_TASKS, MOST_TASKS)?,
        body: table.size("body")?,
        traffic: table.traffic("traffic")?,
        traffic_over: traffic_over(table)?,
    })
}

fn traffic_over(table: &Table<'_>) -> Result<TrafficOver> {
    const KEY: &str = "traffic_over";
    let of = |word: &str| {
        let mut all = TrafficOver::ALL.into_iter();
        all.find(|(name, _)| *name == word).map(|(_, over)| over)
    };
    let over = table.read(KEY, "`\"warn\"`, `\"slow\"` or `\"pause\"`", of)?;
    match over {
        Some(_) if table.get("traffic").is_none() => {
            let message = format!("`{KEY}` says what happens beyond a budget, and there is none");
            let hint = "`traffic = \"2T\"` is one".to_owned();
            Err(table.value_wrong(KEY, message, Some(hint)))
        }
        over => Ok(over.map(|over| over.value).unwrap_or_default()),
    }
}

fn https(table: &Table<'_>) -> Result<Https> {
    let default = Https::default();
    Ok(Https {
        redirect: table.flag("redirect")?.unwrap_or(default.redirect),
        hsts: table.duration("hsts")?,
    })
}

fn browsers(table: &Table<'_>) -> Result<Browsers> {
    Ok(Browsers {
        headers: table.flag("headers")?,
        frames: table.flag("frames")?,
    })
}

fn pages(table: &Table<'_>) -> Result<Pages> {
    let expected = "an HTML file of the project, such as `\"pages/404.html\"`";
    let is_page = |path: &PathBuf| path.extension().is_some_and(|it| it == "html");
    let page = |key: &str| table.read(key, expected, |text| folder(text).filter(is_page));
    Ok(Pages {
        not_found: page("not_found")?,
        unavailable: page("unavailable")?,
        maintenance: page("maintenance")?,
    })
}

/// A process and a job may not share a name: logs and commands know both by it.
fn check_names(root: &Table<'_>, manifest: &Manifest) -> Result<()> {
    for (name, table) in root.named("job")? {
        let taken = manifest
            .processes
            .iter()
            .any(|p| p.name.as_str() == name.value);
        if taken || ["web", "release"].contains(&name.value.as_str()) {
            let message = format!("the name `{}` is taken by a process", name.value);
            return Err(table.wrong(message, None));
        }
    }
    Ok(())
}

/// A route to a process needs that process. One of a Procfile is not known here, so only a
/// manifest that names processes of its own is checked.
fn check_routes(root: &Table<'_>, manifest: &Manifest) -> Result<()> {
    let names: Vec<&str> = manifest.processes.iter().map(|p| p.name.as_str()).collect();
    for (_, table) in root.named("route")? {
        let Some(to) = table.text_of("process")? else {
            continue;
        };
        if !names.is_empty() && to.value != "web" && !names.contains(&to.value.as_str()) {
            let message = format!("there is no process `{}`", to.value);
            return Err(table.value_wrong("process", message, Some(suggest(&to.value, &names))));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Keys as they are and nearly as they are, with values of every kind.
    fn line() -> impl Strategy<Value = String> {
        let key = "(name|web|webb|env|required|command|static|status|paths|memory|\\[web\\]|\\[route.\"/x\"\\]|\\[job.a\\])";
        let value =
            "( = (\"[a-z0-9/.:*$'() ]{0,12}\"|[0-9]{1,20}|true|\\[\"a\"\\]|\\{ a = 1 \\}))?";
        (key, value).prop_map(|(key, value)| format!("{key}{value}\n"))
    }

    proptest! {
        #[test]
        fn any_manifest_is_read_or_refused_with_its_line(lines in prop::collection::vec(line(), 0..8)) {
            let text: String = lines.concat();
            if let Err(error) = parse(&text) {
                prop_assert!(error.excerpt().is_some_and(|excerpt| excerpt.line >= 1));
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_said_is_what_is_read(name in "[a-z][a-z0-9-]{0,38}", instances in 0u32..=100, seconds in 0u64..100_000, megabytes in 0u64..100_000) {
            let text = format!(
                "name = \"{name}\"\n[web]\ninstances = {instances}\ngrace = \"{seconds}s\"\n[limits]\nmemory = \"{megabytes}M\"\n"
            );
            let manifest = parse(&text).unwrap();
            prop_assert_eq!(manifest.name.unwrap().value.to_string(), name);
            prop_assert_eq!(manifest.web.instances, Some(instances));
            prop_assert_eq!(manifest.web.grace, Some(std::time::Duration::from_secs(seconds)));
            prop_assert_eq!(manifest.limits.memory, Some(megabytes << 20));
        }
    }
}

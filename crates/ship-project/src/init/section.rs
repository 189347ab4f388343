//! The sections of a drafted manifest, each in the forms that it can take: saying all, then less,
//! at last nothing but comments.

use std::fmt::Write as _;
use std::time::Duration;

use crate::assemble::{GRACE, READY_WITHIN, Sources};
use crate::check::missing_setting::demanded;
use crate::check::subject::{Given, Subject};
use crate::init::entry::{about, because, comment, key, list, off, quoted};
use crate::manifest::Route as Written;
use crate::plan::{
    AssetStep, CacheRule, Limits, Plan, Process, Protocol, Role, Route, RouteTarget, Sourced,
    Start, TrafficOver,
};

mod visitors;

/// A part of the file, in the forms that it can take.
pub(super) struct Section {
    /// At least one; the first says most.
    pub(super) forms: Vec<String>,
}

impl Section {
    /// Said, or only as a comment.
    fn said(text: String) -> Self {
        Self {
            forms: vec![text.clone(), off(&text)],
        }
    }

    /// Only a comment.
    fn silent(text: &str) -> Self {
        Self {
            forms: vec![off(text)],
        }
    }
}

/// Every section, in the order of the reference page.
pub(super) fn all(sources: &Sources, plan: &Plan) -> Vec<Section> {
    let mut sections = vec![name(plan), domains(plan)];
    sections.extend(python(sources, plan));
    sections.extend(plan.web().map(|process| web(sources, process)));
    sections.extend(
        plan.processes
            .iter()
            .filter(|process| !process.is_web())
            .map(other),
    );
    sections.extend(plan.release.as_ref().map(release));
    sections.extend(build(sources, plan));
    sections.extend(plan.routes.iter().map(|one| route(sources, one)));
    sections.extend(data(plan));
    sections.push(env(sources, plan));
    sections.push(limits(plan));
    sections.push(visitors::https(plan));
    sections.extend(visitors::pages(&plan.pages));
    sections.push(visitors::browsers(
        &sources.manifest.browsers,
        &plan.browsers,
    ));
    sections
}

fn name(plan: &Plan) -> Section {
    let why = comment(&format!("{} {}", about("name"), because(&plan.name)));
    Section::said(format!("{why}name = {}\n", quoted(&plan.name.value)))
}

fn domains(plan: &Plan) -> Section {
    let text = comment(&about("domains"));
    if plan.domains.is_empty() {
        let example = format!("{}.example", plan.name.value);
        return Section::silent(&format!("{text}domains = {}\n", list([example])));
    }
    let names = plan.domains.iter().map(|domain| domain.value.clone());
    let canonical = visitors::canonical(plan);
    Section::said(format!("{text}domains = {}\n{canonical}", list(names)))
}

/// Said here only where no other file says it: other tools read those, too, and two copies part.
fn python(sources: &Sources, plan: &Plan) -> Option<Section> {
    let python = plan.python.as_ref()?;
    let request = &python.value.request;
    if sources.manifest.python.is_some() {
        let text = comment(&about("python"));
        return Some(Section::said(format!(
            "{text}python = {}\n",
            quoted(request)
        )));
    }
    let (why, example) = if request.is_empty() {
        (
            "No file says which: each machine takes its own.".to_owned(),
            "3.13",
        )
    } else {
        (
            format!(
                "{} It stays there: other tools read it, too.",
                because(python)
            ),
            request.as_str(),
        )
    };
    let text = comment(&format!("{} {why}", about("python")));
    Some(Section::silent(&format!(
        "{text}python = {}\n",
        quoted(example)
    )))
}

fn web(sources: &Sources, process: &Process) -> Section {
    let Role::Web {
        health,
        ready_within,
        protocol,
    } = &process.role
    else {
        return Section::silent("");
    };
    let own = &sources.manifest.web;
    let added = matches!(&process.start.value, Start::Object(served) if served.added);
    let start = Sourced {
        // The reason for an added server is told beside the server.
        reason: if added {
            String::new()
        } else {
            process.start.reason.clone()
        },
        ..process.start.clone()
    };
    let why = comment(&because(&start));
    let line = match &process.start.value {
        Start::Object(served) => format!("{why}app = {}\n", quoted(&served.object)),
        Start::Command(authored) => {
            let written = own
                .command
                .as_ref()
                .map(|command| command.value.to_string());
            let entry = sources.entries().find(|entry| entry.name == "web");
            // What stands in for a development server is not as the Procfile has it.
            let program = authored.command.words().and_then(|words| words.first());
            let is_own = |line: &String| program.is_none_or(|program| line.contains(program));
            let written = written.or_else(|| Some(entry?.command.to_string()).filter(is_own));
            let written = written.unwrap_or_else(|| authored.command.to_string());
            format!("{why}command = {}\n", quoted(written))
        }
    };
    let server_reason = if added {
        because(&Sourced::by_default((), process.start.reason.clone()))
    } else {
        String::new()
    };
    let (server, interface) = match &process.start.value {
        Start::Object(served) => (
            format!(
                "{}server = {}\n",
                comment(&format!("{} {}", about("web.server"), server_reason)),
                quoted(served.server.row().package)
            ),
            served
                .interface
                .map(|i| {
                    format!(
                        "{}interface = {}\n",
                        comment(&about("web.interface")),
                        quoted(i)
                    )
                })
                .unwrap_or_default(),
        ),
        Start::Command(_) => (String::new(), String::new()),
    };
    let common = [
        match protocol {
            Protocol::Http1 => line_of("web.health", quoted(health), own.health.is_some()),
            Protocol::H2c => line_of("web.protocol", quoted(protocol), true),
        },
        line_of(
            "web.ready_within",
            quoted(duration(*ready_within)),
            *ready_within != READY_WITHIN,
        ),
        line_of(
            "web.instances",
            process.instances.to_string(),
            process.instances != 1,
        ),
        line_of(
            "web.grace",
            quoted(duration(process.grace)),
            process.grace != GRACE,
        ),
    ]
    .concat();
    let with_server = own.server.is_some();
    let head = "[web]\n";
    let forms = [
        [
            line.clone(),
            said(&server, with_server),
            said(&interface, own.interface.is_some()),
        ],
        [line.clone(), said(&server, with_server), interface.clone()],
        [line.clone(), server.clone(), interface.clone()],
        [
            off(&line),
            said(&server, with_server),
            said(&interface, own.interface.is_some()),
        ],
        [off(&line), off(&server), off(&interface)],
    ];
    Section {
        forms: forms
            .map(|form| format!("{head}{}{common}", form.concat()))
            .to_vec(),
    }
}

fn said(text: &str, really: bool) -> String {
    if really { text.to_owned() } else { off(text) }
}

/// A key with its documentation, as a comment where it is only the default.
fn line_of(path: &str, value: String, really: bool) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    let text = format!("{}{name} = {value}\n", comment(&about(path)));
    said(&text, really)
}

fn other(process: &Process) -> Section {
    let why = comment(&because(&process.start));
    let command = quoted(process.start.value.summary());
    let name = key(process.name.as_str());
    Section::said(match &process.role {
        Role::Job { schedule } => {
            format!(
                "[job.{name}]\n{why}schedule = {}\ncommand = {command}\n",
                quoted(schedule)
            )
        }
        Role::Web { .. } | Role::Worker => {
            let instances = line_of(
                "process.*.instances",
                process.instances.to_string(),
                process.instances != 1,
            );
            let grace = line_of(
                "process.*.grace",
                quoted(duration(process.grace)),
                process.grace != GRACE,
            );
            format!("[process.{name}]\n{why}command = {command}\n{instances}{grace}")
        }
    })
}

fn release(command: &Sourced<crate::command::CommandLine>) -> Section {
    let why = comment(&format!(
        "{} {}",
        about("release.command"),
        because(command)
    ));
    Section::said(format!(
        "[release]\n{why}command = {}\n",
        quoted(&command.value)
    ))
}

/// Commands of `[build]`; those of routes stand with their routes.
fn build(sources: &Sources, plan: &Plan) -> Option<Section> {
    let of_routes: Vec<String> = sources
        .manifest
        .routes
        .iter()
        .filter_map(|route| route.build.as_ref())
        .map(|c| c.value.to_string())
        .collect();
    let commands = plan.assets.iter().filter_map(|step| match &step.value {
        AssetStep::Command { command } => Some(command.to_string()),
        _ => None,
    });
    let commands: Vec<String> = commands
        .filter(|command| !of_routes.contains(command))
        .collect();
    let why = comment(&about("build.command"));
    (!commands.is_empty())
        .then(|| Section::said(format!("[build]\n{why}command = {}\n", list(commands))))
}

fn route(sources: &Sources, route: &Sourced<Route>) -> Section {
    let why = comment(&because(route));
    let head = format!("[route.{}]\n{why}", quoted(&route.value.prefix));
    let own: Option<&Written> = sources
        .manifest
        .routes
        .iter()
        .find(|own| own.prefix.value == route.value.prefix);
    let build = own.and_then(|own| own.build.as_ref());
    let build = build
        .map(|command| format!("build = {}\n", quoted(&command.value)))
        .unwrap_or_default();
    let rules = visitors::rules(&route.value.rules);
    let made = match &route.value.to {
        RouteTarget::Site => Some("the site's generator"),
        RouteTarget::Assets => Some("`collectstatic`"),
        _ => None,
    };
    if let Some(maker) = made {
        let text = comment(&format!(
            "`{}` is answered with what {maker} makes, and needs no key. {}",
            route.value.prefix,
            because(route)
        ));
        return if rules.is_empty() {
            Section::silent(&text)
        } else {
            Section::said(format!("{text}{head}{rules}"))
        };
    }
    let answer = match &route.value.to {
        // Made by a step that needs no key.
        RouteTarget::Site | RouteTarget::Assets => String::new(),
        // The file does not say who answers.
        RouteTarget::Process { .. } if route.value.open => String::new(),
        RouteTarget::Static { folder } => {
            format!("static = {}\n{build}", quoted(folder.display()))
        }
        RouteTarget::SinglePage { folder, page } => format!(
            "static = {}\nfallback = {}\n{build}",
            quoted(folder.display()),
            quoted(page.display())
        ),
        RouteTarget::Data { folder } => format!("data = {}\n", quoted(folder.display())),
        RouteTarget::Process { process } => format!(
            "process = {}\n{}{}",
            quoted(process),
            if route.value.strip {
                "strip = true\n"
            } else {
                ""
            },
            kept(route.value.cache.as_ref())
        ),
        RouteTarget::Redirect { to, status } => {
            format!("redirect = {}\nstatus = {status}\n", quoted(to))
        }
    };
    Section::said(format!("{head}{answer}{rules}"))
}

fn kept(rule: Option<&CacheRule>) -> String {
    rule.map(|rule| {
        let stale = match rule.stale {
            Duration::ZERO => String::new(),
            stale => format!("stale = {}\n", quoted(duration(stale))),
        };
        let fresh = match rule.share {
            None => duration(rule.fresh),
            Some(share) => format!("{share}%"),
        };
        format!("cache = {}\n{stale}", quoted(fresh))
    })
    .unwrap_or_default()
}

fn data(plan: &Plan) -> Option<Section> {
    if plan.data.is_empty() {
        return None;
    }
    let mut why = comment(&about("data.paths"));
    for data in &plan.data {
        why += &comment(&format!(
            "`{}`: {}",
            data.value.path.display(),
            because(data)
        ));
    }
    let paths = plan.data.iter().map(|data| {
        let slash = if data.value.folder { "/" } else { "" };
        format!("{}{slash}", data.value.path.display())
    });
    Some(Section::said(format!(
        "[data]\n{why}paths = {}\n",
        list(paths)
    )))
}

fn env(sources: &Sources, plan: &Plan) -> Section {
    let mut text = "[env]\n".to_owned();
    for (name, value) in &plan.env {
        let why = comment(&because(value));
        let _ = writeln!(text, "{why}{} = {}", key(name), quoted(&value.value));
    }
    let required: Vec<String> = plan
        .required_env
        .iter()
        .map(|name| name.value.clone())
        .collect();
    let about = comment(&about("env.required"));
    if !required.is_empty() {
        let _ = writeln!(text, "{about}required = {}", list(required));
        return Section::said(text);
    }
    let given = Given::default();
    let wanted = demanded(&Subject::new(sources, Ok(plan), &given));
    if wanted.is_empty() {
        text += &off(&format!(
            "{about}required = {}\n",
            list(["API_KEY".to_owned()])
        ));
    } else {
        let places: Vec<String> = wanted
            .iter()
            .map(|(name, place, _)| format!("`{name}` at {place}"))
            .collect();
        let read = comment(&format!(
            "The code reads without a default: {}.",
            places.join(", ")
        ));
        text += &off(&format!(
            "{about}{read}required = {}\n",
            list(wanted.into_iter().map(|(name, ..)| name))
        ));
    }
    if plan.env.is_empty() {
        Section::silent(&text)
    } else {
        Section::said(text)
    }
}

fn limits(plan: &Plan) -> Section {
    let size = |bytes: u64| match bytes {
        _ if bytes.is_multiple_of(1 << 30) => format!("{}G", bytes >> 30),
        _ if bytes.is_multiple_of(1 << 20) => format!("{}M", bytes >> 20),
        _ if bytes.is_multiple_of(1 << 10) => format!("{}K", bytes >> 10),
        _ => bytes.to_string(),
    };
    let limits = &plan.limits;
    let memory = limits.memory.map_or_else(|| "512M".to_owned(), size);
    let cpu = limits.cpu.map_or_else(|| "1.5".to_owned(), cores);
    let tasks = limits.tasks.unwrap_or(512).to_string();
    let body = limits.body.map_or_else(|| "10M".to_owned(), size);
    let traffic = limits.traffic.map_or_else(|| "2T".to_owned(), traffic);
    let mut all = TrafficOver::ALL.into_iter();
    let over = all.find(|(_, over)| *over == limits.traffic_over);
    let over = over.map_or("warn", |(word, _)| word).to_owned();
    let text = format!(
        "[limits]\n{}{}{}{}{}{}",
        line_of("limits.memory", quoted(memory), limits.memory.is_some()),
        line_of("limits.cpu", quoted(cpu), limits.cpu.is_some()),
        line_of("limits.tasks", tasks, limits.tasks.is_some()),
        line_of("limits.body", quoted(body), limits.body.is_some()),
        line_of("limits.traffic", quoted(traffic), limits.traffic.is_some()),
        line_of(
            "limits.traffic_over",
            quoted(over),
            limits.traffic_over != TrafficOver::default()
        )
    );
    if *limits == Limits::default() {
        Section::silent(&text)
    } else {
        Section::said(text)
    }
}

/// As a manifest writes it: `2T`, `1500G`, `512MiB`.
fn traffic(bytes: u64) -> String {
    let units = [
        ("T", 1_000_000_000_000),
        ("G", 1_000_000_000),
        ("M", 1_000_000),
        ("TiB", 1 << 40),
        ("GiB", 1 << 30),
    ];
    let fits = units.iter().find(|(_, unit)| bytes.is_multiple_of(*unit));
    let (unit, size) = *fits.unwrap_or(&("MiB", 1 << 20));
    format!("{}{unit}", bytes / size)
}

/// As a manifest writes it: `1.5`, `2`.
fn cores(thousandths: u32) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// As a manifest writes it: `30s`, `2m`, `500ms`.
fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => "0s".to_owned(),
        _ if millis.is_multiple_of(86_400_000) => format!("{}d", millis / 86_400_000),
        _ if millis.is_multiple_of(3_600_000) => format!("{}h", millis / 3_600_000),
        // `60s` is how the reference page says the default.
        _ if millis.is_multiple_of(60_000) && millis > 60_000 => format!("{}m", millis / 60_000),
        _ if millis.is_multiple_of(1000) => format!("{}s", millis / 1000),
        _ => format!("{millis}ms"),
    }
}

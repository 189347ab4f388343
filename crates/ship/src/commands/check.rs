//! `ship check`: what would stop or endanger the project in production.

mod django;
mod fix;
mod show;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use ship_api::client::Client;
use ship_api::reply::App;
use ship_base::clock::Moment;
use ship_project::check::{self, Finding, Given, Report, Severity};

use crate::cli::Context;
use crate::error::{CommandError, Result};
use crate::exit;

/// Look for what would stop or endanger the project in production
///
/// Reads the project and nothing else, as `ship plan` does: no network, no environment, no code of the project is run, unless `--built` asks for what Django says in the live release. `✗` stops the app or opens it to strangers, `!` will hurt one
/// day, `·` could be better. With a `✗` the exit code is 1, with `--strict` also with a `!`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship check
  ship check --fix
  ship check --built
  ship check --explain secret-key
  ship check --json | jq -r '.findings[].place'")]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    path: PathBuf,
    /// The findings as JSON
    #[arg(long)]
    json: bool,
    /// End with 1 also when there are only warnings
    #[arg(long)]
    strict: bool,
    /// Mend what can be mended safely, and show each change
    #[arg(long, conflicts_with = "json")]
    fix: bool,
    /// Also ask Django, by `manage.py check --deploy` in the live release
    #[arg(long)]
    built: bool,
    /// Leave this check out
    #[arg(long, value_name = "ID")]
    ignore: Vec<String>,
    /// Tell what a check looks for, why, and what to do
    #[arg(long, value_name = "ID", conflicts_with_all = ["fix", "built", "ignore", "strict"])]
    explain: Option<String>,
}

/// Looks, mends where asked to, and shows.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<u8> {
    if let Some(id) = &args.explain {
        let check = known(id)?;
        show::explain(check, &mut context.ui)?;
        return Ok(exit::OK);
    }
    for id in &args.ignore {
        known(id)?;
    }
    let started = Instant::now();
    let project = context.world.resolve(&args.path);
    let mut given = given(&project, context);
    if args.built {
        given.django = django::messages(&project, context)?;
    }
    let mut report = look(&project, &given, args)?;
    if args.fix && fix::apply(&project, &report, &mut context.ui)? {
        report = look(&project, &given, args)?;
    }
    if args.json {
        context.ui.json(&show::Json::of(&report))?;
    } else {
        show::report(&report, started.elapsed(), &mut context.ui)?;
    }
    Ok(code(&report.findings, args.strict))
}

fn known(id: &str) -> Result<&'static check::Check> {
    check::find(id).ok_or_else(|| {
        let all: Vec<&str> = check::CHECKS.iter().map(|check| check.id).collect();
        CommandError::user(format!("there is no check `{id}`"))
            .hint(format!("there are {}", all.join(", ")))
    })
}

fn look(project: &Path, given: &Given, args: &Args) -> Result<Report> {
    let mut report = check::check(project, given)?;
    report
        .findings
        .retain(|finding| args.ignore.iter().all(|id| id != finding.id));
    Ok(report)
}

fn code(findings: &[Finding], strict: bool) -> u8 {
    let most = if strict {
        Severity::Warning
    } else {
        Severity::Error
    };
    let counts = findings.iter().any(|finding| finding.severity <= most);
    if counts { exit::USER } else { exit::OK }
}

/// The date, this machine's memory, and the settings that a running server has for this folder.
fn given(project: &Path, context: &Context) -> Given {
    let today = Moment::now().to_string().chars().take(10).collect();
    Given {
        today,
        set: crate::cli::wait(async { Ok(settings(project, context).await) })
            .ok()
            .flatten()
            .unwrap_or_default(),
        memory: memory(),
        django: Vec::new(),
    }
}

/// `None` where no server runs: a check starts none.
async fn settings(project: &Path, context: &Context) -> Option<BTreeSet<String>> {
    let (client, app) = app(project, context).await?;
    let entries = client.env(&app.name).await.ok()?;
    Some(entries.into_iter().map(|entry| entry.name).collect())
}

/// The app of this folder, on a server that runs.
async fn app(project: &Path, context: &Context) -> Option<(Client, App)> {
    let socket = context.world.folders().ok()?.api_socket();
    let client = Client::connect(&socket).await.ok()?;
    let project = project.canonicalize().ok()?;
    let apps = client.apps().await.ok()?;
    let app = apps.into_iter().find(|app| app.project == project)?;
    Some((client, app))
}

/// `MemTotal` of /proc/meminfo (proc_meminfo(5)), in bytes.
fn memory() -> Option<u64> {
    let text = ship_base::file::read_text(Path::new("/proc/meminfo")).ok()?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_count_only_where_they_are_asked_to() {
        let finding = |severity| Finding {
            id: "debug",
            severity,
            place: None,
            what: String::new(),
            remedy: String::new(),
            fix: None,
        };
        for (severity, plain, strict) in [
            (Severity::Error, 1, 1),
            (Severity::Warning, 0, 1),
            (Severity::Advice, 0, 0),
        ] {
            assert_eq!(code(&[finding(severity)], false), plain);
            assert_eq!(code(&[finding(severity)], true), strict);
        }
    }
}

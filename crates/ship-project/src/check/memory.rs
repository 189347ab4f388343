//! More workers than the memory that they are given holds.

use ship_base::count;

use super::{Check, Finding, Severity};
use crate::check::subject::Subject;
use crate::plan::{Process, Start};
use crate::python::expr::Expr;

pub(super) const CHECK: Check = Check {
    id: "memory",
    severity: Severity::Warning,
    title: "the workers fit into their memory",
    why: "Each worker is a process of its own with the whole program in it: a small Flask app takes about 40 MB, a Django site 80 to 150 MB, one with pandas or machine learning far more. What goes beyond `[limits] memory` is ended by the kernel in the middle of a request. What is seen: workers that a command, `gunicorn.conf.py` or `WEB_CONCURRENCY` asks for, times instances, against `[limits] memory` and this machine's memory, with 40 MB each as the least.",
    remedy: "Fewer workers (`--workers 2`) with threads (`--threads 8`), or a higher limit: `[limits] memory = \"1G\"`.",
    fix: None,
    look,
};

/// The least that a Python web worker takes.
const LEAST: u64 = 40_000_000;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let Ok(plan) = subject.plan else {
        return Vec::new();
    };
    let Some((web, workers)) = plan
        .web()
        .and_then(|web| Some((web, workers(subject, web)?)))
    else {
        return Vec::new();
    };
    let place = web.start.places.first().cloned();
    let need = LEAST.saturating_mul(workers);
    let remedy = "fewer workers with more threads each: `--workers 2 --threads 8`";
    let mut findings = Vec::new();
    if let Some(limit) = plan.limits.memory.filter(|limit| need > *limit) {
        let what = format!(
            "{workers} workers share {}: at 40 MB each, the least, they need {}",
            count::bytes(limit),
            count::bytes(need)
        );
        findings.push(Finding::new(&CHECK, place.clone(), what, remedy));
    }
    let all = need.saturating_mul(u64::from(web.instances));
    if let Some(memory) = subject.given.memory.filter(|memory| all > *memory) {
        let what = format!(
            "{workers} workers in {} need {} at least, and this machine has {}",
            count::plural(web.instances as usize, "instance"),
            count::bytes(all),
            count::bytes(memory)
        );
        findings.push(Finding::new(&CHECK, place, what, remedy));
    }
    findings
}

/// What the command, Gunicorn's configuration or `WEB_CONCURRENCY` asks for.
fn workers(subject: &Subject<'_>, web: &Process) -> Option<u64> {
    let words = match &web.start.value {
        Start::Command(authored) => authored.command.words().unwrap_or_default(),
        Start::Object(served) => served.arguments.as_slice(),
    };
    let flag = words.iter().enumerate().find_map(|(at, word)| {
        if let Some(value) = word.strip_prefix("--workers=") {
            return value.parse().ok();
        }
        let is_flag = word == "-w" || word == "--workers" || word == "--processes";
        is_flag.then(|| words.get(at + 1)?.parse().ok())?
    });
    let file = || {
        let file = crate::start::gunicorn_config(words);
        let module = subject.project().index.get(std::path::Path::new(file))?;
        match module.top.binding("workers")?.value {
            Expr::Number(number) => u64::try_from(number).ok(),
            _ => None,
        }
    };
    let set = || subject.value("WEB_CONCURRENCY")?.0.parse().ok();
    flag.or_else(file).or_else(set)
}

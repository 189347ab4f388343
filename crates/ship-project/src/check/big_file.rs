//! Files that make every release large.

use ship_base::count;

use super::{Check, Finding, Severity};
use crate::check::subject::{SourceFile, Subject};
use crate::plan::Place;

pub(super) const CHECK: Check = Check {
    id: "big-file",
    severity: Severity::Warning,
    title: "the source is small",
    why: "Every release holds a copy of the source, and the last five are kept. A file of more than 50 MB, or 500 MB together, makes each deploy slower and the disk fuller. Files that an ignore file names, environments and caches are not part of it.",
    remedy: "`echo data.csv >> .shipignore` leaves it out of releases and in the repository; what the program needs belongs into the data folder, `[data] paths = [\"models/\"]`.",
    fix: None,
    look,
};

const BIG: u64 = 50_000_000;
const MUCH: u64 = 500_000_000;
/// More are told as a number.
const MOST: usize = 3;

fn look(subject: &Subject<'_>) -> Vec<Finding> {
    let kept = |file: &&SourceFile| {
        let plan = subject.plan.ok();
        let data = plan.map(|plan| plan.data.as_slice()).unwrap_or_default();
        !data
            .iter()
            .any(|data| file.path.starts_with(&data.value.path))
    };
    let mut big: Vec<&SourceFile> = subject
        .files
        .iter()
        .filter(|file| file.bytes > BIG)
        .filter(kept)
        .collect();
    big.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    let mut findings: Vec<Finding> = big
        .iter()
        .take(MOST)
        .map(|file| {
            let name = file.path.display();
            let what = format!(
                "`{name}` has {}, and every release a copy",
                count::bytes(file.bytes)
            );
            Finding::new(
                &CHECK,
                Place::file(&file.path),
                what,
                format!("`echo {name} >> .shipignore`"),
            )
        })
        .collect();
    let whole: u64 = subject
        .files
        .iter()
        .filter(kept)
        .map(|file| file.bytes)
        .sum();
    if whole > MUCH || big.len() > MOST {
        let what = format!(
            "the source has {} in {}",
            count::bytes(whole),
            count::plural(subject.files.len(), "file")
        );
        findings.push(Finding::new(
            &CHECK,
            None,
            what,
            "name in `.shipignore` what the program does not need",
        ));
    }
    findings
}

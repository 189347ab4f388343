//! Findings as people and programs read them.

use std::time::Duration;

use serde::Serialize;
use ship_base::count;
use ship_project::check::{ADVISORIES_COVER, CHECKS, Check, Finding, Report, Severity};

use crate::error::Result;
use crate::text::{BAD, DIM, GOOD, HINT, STRONG, WARN, styled};
use crate::ui::Ui;

/// What `--json` prints.
#[derive(Serialize)]
pub(super) struct Json<'a> {
    findings: &'a [Finding],
    checks: usize,
    files: usize,
}

impl<'a> Json<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            findings: &report.findings,
            checks: CHECKS.len(),
            files: report.files,
        }
    }
}

/// Every finding, then how many.
pub(super) fn report(report: &Report, took: Duration, ui: &mut Ui) -> Result<()> {
    for finding in &report.findings {
        ui.data(&line(finding))?;
    }
    ui.say(&summary(report, took));
    Ok(())
}

/// `✗ what (file:line) [id]`, and the remedy below it.
fn line(finding: &Finding) -> String {
    let mark = match finding.severity {
        Severity::Error => styled(BAD, "✗"),
        Severity::Warning => styled(WARN, "!"),
        Severity::Advice => styled(DIM, "·"),
    };
    let place = finding.place.as_ref();
    let place = place.map_or_else(String::new, |place| format!(" ({place})"));
    let fixable = if finding.fix.is_some() {
        "; `ship check --fix` does it"
    } else {
        ""
    };
    let about = styled(DIM, &format!("{place} [{}]", finding.id));
    format!(
        "{mark} {}{about}\n  {} {}{fixable}",
        finding.what,
        styled(HINT, "hint:"),
        finding.remedy
    )
}

fn summary(report: &Report, took: Duration) -> String {
    let of = |severity| {
        report
            .findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    let counts = [
        (of(Severity::Error), "error"),
        (of(Severity::Warning), "warning"),
        (of(Severity::Advice), "piece"),
    ];
    let told: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| {
            let of_advice = if *noun == "piece" { " of advice" } else { "" };
            format!("{}{of_advice}", count::plural(*count, noun))
        })
        .collect();
    let looked = format!(
        "{} checks, {}, {}",
        CHECKS.len(),
        count::plural(report.files, "Python file"),
        count::duration(took)
    );
    if told.is_empty() {
        return format!("{} nothing found: {looked}", styled(GOOD, "✓"));
    }
    format!(
        "{} ({looked}); `ship check --explain ID` tells more",
        told.join(", ")
    )
}

/// Everything about one check.
pub(super) fn explain(check: &Check, ui: &mut Ui) -> Result<()> {
    ui.data(&styled(STRONG, &format!("{}: {}", check.id, check.title)))?;
    ui.data("")?;
    ui.data(check.why)?;
    ui.data("")?;
    ui.data(&format!("{} {}", styled(HINT, "remedy:"), check.remedy))?;
    if let Some(fix) = check.fix {
        ui.data("")?;
        ui.data(&format!("{} {fix}", styled(HINT, "--fix:")))?;
    }
    if check.id == "vulnerable" {
        ui.data("")?;
        ui.data(&format!("The table covers {ADVISORIES_COVER}:"))?;
        for advisory in ship_project::check::advisories() {
            let mended: Vec<&str> = advisory.ranges.iter().map(|(_, mended)| *mended).collect();
            ui.data(&format!(
                "  {} before {}: {} ({})",
                advisory.package,
                mended.join(", "),
                advisory.what,
                advisory.id
            ))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;

    #[test]
    fn a_finding_is_told_with_place_reason_and_remedy() {
        let finding = |id, severity, place| Finding {
            id,
            severity,
            place,
            what: "`DEBUG = True`: visitors see code".to_owned(),
            remedy: "read it from the environment".to_owned(),
            fix: None,
        };
        let place = ship_project::plan::Place::line("shop/settings.py", 12);
        let findings = vec![
            finding("debug", Severity::Error, Some(place)),
            finding("health", Severity::Advice, None),
        ];
        let (mut ui, captured) = captured::ui(None);
        let shown = Report { findings, files: 1 };
        report(&shown, Duration::from_millis(120), &mut ui).unwrap();
        let text = captured.text().replace(&CHECKS.len().to_string(), "[N]");
        insta::assert_snapshot!(text, @r"
        ✗ `DEBUG = True`: visitors see code (shop/settings.py:12) [debug]
          hint: read it from the environment
        · `DEBUG = True`: visitors see code [health]
          hint: read it from the environment
        1 error, 1 piece of advice ([N] checks, 1 Python file, 0.1 s); `ship check --explain ID` tells more
        ");
    }
}

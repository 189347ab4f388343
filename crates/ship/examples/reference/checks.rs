//! `checks.md`: what `ship check` looks for.

use std::fmt::Write as _;

use ship_project::check::{ADVISORIES_COVER, CHECKS, Severity, advisories};

/// The page.
pub(crate) fn page() -> String {
    let mut page = "# Checks\n\n`ship check` reads the project and tells what would stop or endanger it in production. An error \
                    stops the app or opens it to strangers, a warning will hurt one day, advice could be better; the \
                    table has the most that a finding of each check can be. `ship check --explain ID` shows the same.\n\n\
                    | id | at most | what is looked for |\n|---|---|---|\n"
        .to_owned();
    for check in CHECKS {
        let _ = writeln!(
            page,
            "| [`{0}`](#{0}) | {1} | {2} |",
            check.id,
            severity(check.severity),
            check.title
        );
    }
    for check in CHECKS {
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\nRemedy: {}\n",
            check.id, check.why, check.remedy
        );
        if let Some(fix) = check.fix {
            let _ = writeln!(page, "\n`--fix`: {fix}");
        }
    }
    let _ = write!(
        page,
        "\n# Known holes\n\nThe table of `vulnerable` covers {ADVISORIES_COVER}.\n\n\
         | package | before | what a stranger can do | advisory |\n|---|---|---|---|\n"
    );
    for row in advisories() {
        let mended: Vec<&str> = row.ranges.iter().map(|(_, mended)| *mended).collect();
        let _ = writeln!(
            page,
            "| {} | {} | {} | {} |",
            row.package,
            mended.join(", "),
            row.what,
            row.id
        );
    }
    page
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Advice => "advice",
    }
}

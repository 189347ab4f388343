//! A failure as people read it: what, why, the program's last words, what to do, what still serves.

use ship_api::problem::Problem;
use ship_base::fault::FaultKind;

use crate::text::{BAD, DIM, GOOD, HINT, styled, tame};

/// The lines of a failure:
///
/// ```text
/// error: `web` of `blog` did not become ready within 30 s
///   cause: nothing listens on the socket it was given
///   │ Traceback (most recent call last):
///   hint: `ship logs --app blog --release r42` shows all it wrote
///   r41 still serves http://blog.localhost:8000
/// ```
pub(crate) fn render(problem: &Problem) -> String {
    let mut lines = vec![said(&styled(BAD, "error:"), &problem.message, "  ")];
    for cause in &problem.causes {
        lines.push(said("  cause:", cause, "    "));
    }
    for line in &problem.output {
        lines.push(format!("  {} {}", styled(DIM, "│"), tame(line)));
    }
    for hint in hints(problem) {
        lines.push(said(&format!("  {}", styled(HINT, "hint:")), &hint, "    "));
    }
    if let Some(still) = &problem.still {
        lines.push(format!("  {}", styled(GOOD, still)));
    }
    lines.join("\n")
}

/// `label text`, where further lines of the text (the place in a file, a tool's words) are set in.
fn said(label: &str, text: &str, indent: &str) -> String {
    let text = text.trim_end().replace('\n', &format!("\n{indent}"));
    format!("{label} {text}")
}

fn hints(problem: &Problem) -> Vec<String> {
    let mut hints = problem.hints.clone();
    if problem.kind == FaultKind::Bug {
        hints.push("this is a mistake of ours: please report it with these lines".to_owned());
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;

    fn plain(problem: &Problem) -> String {
        let (mut ui, captured) = captured::ui(None);
        ui.say(&render(problem));
        captured.text()
    }

    #[test]
    fn a_failed_deploy_says_why_what_to_do_and_what_still_serves() {
        let problem = Problem {
            causes: vec!["nothing listens on the socket it was given".into()],
            hints: vec!["`ship logs --app blog --release r42` shows all it wrote".into()],
            output: vec![
                "Traceback (most recent call last):".into(),
                "\x1b[2JKeyError".into(),
            ],
            still: Some("r41 still serves http://blog.localhost:8000".into()),
            ..Problem::new(
                FaultKind::Outside,
                "`web` of `blog` did not become ready within 30 s",
            )
        };
        insta::assert_snapshot!(plain(&problem), @"
        error: `web` of `blog` did not become ready within 30 s
          cause: nothing listens on the socket it was given
          │ Traceback (most recent call last):
          │ KeyError
          hint: `ship logs --app blog --release r42` shows all it wrote
          r41 still serves http://blog.localhost:8000
        ");
    }

    #[test]
    fn a_place_in_a_file_stands_below_the_message() {
        let message =
            "unknown key `comand`\n --> ship.toml:2:1\n  |\n2 | comand = \"x\"\n  | ^^^^^^";
        let problem = Problem {
            hints: vec!["did you mean `command`?".into()],
            ..Problem::new(FaultKind::Manifest, message)
        };
        insta::assert_snapshot!(plain(&problem), @r#"
        error: unknown key `comand`
           --> ship.toml:2:1
            |
          2 | comand = "x"
            | ^^^^^^
          hint: did you mean `command`?
        "#);
    }
}

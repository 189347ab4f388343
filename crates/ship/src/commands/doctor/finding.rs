//! One thing that the doctor looked at.

use serde::Serialize;

use crate::text::{BAD, GOOD, HINT, WARN, pad, styled};

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mark {
    Good,
    Notable,
    Broken,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// `uv`, `python`, `port 8000`, `disk`, …
    pub(crate) area: String,
    pub(crate) mark: Mark,
    /// What is.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) remedy: Option<String>,
}

/// Columns of the area.
const AREA: usize = 11;

impl Finding {
    pub(crate) fn good(area: impl Into<String>, what: impl Into<String>) -> Self {
        Self {
            area: area.into(),
            mark: Mark::Good,
            what: what.into(),
            remedy: None,
        }
    }

    pub(crate) fn notable(
        area: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Notable,
            remedy: Some(remedy.into()),
            ..Self::good(area, what)
        }
    }

    pub(crate) fn broken(
        area: impl Into<String>,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            mark: Mark::Broken,
            ..Self::notable(area, what, remedy)
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.mark == Mark::Broken
    }

    /// `✓ area  what`, and the remedy below it.
    pub(crate) fn line(&self) -> String {
        let mark = match self.mark {
            Mark::Good => styled(GOOD, "✓"),
            Mark::Notable => styled(WARN, "!"),
            Mark::Broken => styled(BAD, "✗"),
        };
        let line = format!("{mark} {} {}", pad(&self.area, AREA), self.what);
        match &self.remedy {
            Some(remedy) => {
                let space = " ".repeat(AREA + 3);
                format!("{line}\n{space}{} {remedy}", styled(HINT, "hint:"))
            }
            None => line,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;

    #[test]
    fn a_finding_has_a_mark_and_where_it_is_needed_a_remedy() {
        let (mut ui, captured) = captured::ui(None);
        ui.say(&Finding::good("uv", "0.13.8 at /usr/bin/uv").line());
        ui.say(&Finding::notable("port 8000", "taken by nginx (pid 1)", "`--port N`").line());
        insta::assert_snapshot!(captured.text(), @"
        ✓ uv          0.13.8 at /usr/bin/uv
        ! port 8000   taken by nginx (pid 1)
                      hint: `--port N`
        ");
    }
}

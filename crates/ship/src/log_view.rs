//! A line of a log as it is shown: for people on a terminal, for `grep` in a pipe, as JSON.

use anstyle::AnsiColor;
use ship_api::event::LogLine;

use crate::access;
use crate::error::Result;
use crate::text::{DIM, pad, styled, tame, width};
use crate::ui::Ui;
use crate::when;

/// One for each instance, in turn; never red, which is for errors.
const COLOURS: [AnsiColor; 5] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Blue,
    AnsiColor::Yellow,
];

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Time of day, instance, text; colours.
    People,
    /// RFC 3339, release, instance, text.
    Plain,
    /// One JSON object a line.
    Json,
    /// A request, in the combined form.
    Request,
    /// The same as JSON, with the time and the release.
    RequestJson,
}

/// Writes the lines of a log.
pub(crate) struct LogView {
    form: Form,
    /// Instances in the order in which they spoke first: their place is their colour.
    seen: Vec<String>,
    columns: usize,
}

impl LogView {
    /// For people where standard output is a terminal, plain elsewhere, JSON where it is asked for.
    /// The lines of requests have a form of their own.
    pub(crate) fn new(ui: &Ui, json: bool, access: bool) -> Self {
        let form = match (json, access, ui.data_on_terminal()) {
            (true, true, _) => Form::RequestJson,
            (true, false, _) => Form::Json,
            (false, true, _) => Form::Request,
            (false, false, true) => Form::People,
            (false, false, false) => Form::Plain,
        };
        Self {
            form,
            seen: Vec::new(),
            columns: 0,
        }
    }

    /// Writes one line.
    pub(crate) fn show(&mut self, ui: &mut Ui, line: &LogLine) -> Result<()> {
        match self.form {
            Form::Json => ui.json_line(line),
            Form::Request => ui.data(&access::combined(line)),
            Form::RequestJson => ui.json_line(&access::object(line)),
            Form::Plain => ui.data(&plain(line)),
            Form::People => {
                let text = self.for_people(line);
                ui.data(&text)
            }
        }
    }

    fn for_people(&mut self, line: &LogLine) -> String {
        let instance = line.instance.local();
        let place = self.place(&instance);
        self.columns = self.columns.max(width(&instance));
        let colour = COLOURS[place % COLOURS.len()].on_default();
        let time = styled(DIM, &when::time_of_day(line.at));
        let instance = styled(colour, &pad(&instance, self.columns));
        let text = tame(&line.text);
        // The keeper's own remarks stand apart from what the program wrote.
        if line.stream == "ship" {
            return format!("{time} {instance} {}", styled(DIM, &format!("· {text}")));
        }
        format!("{time} {instance} {} {text}", styled(colour, "│"))
    }

    fn place(&mut self, instance: &str) -> usize {
        if let Some(place) = self.seen.iter().position(|seen| seen == instance) {
            return place;
        }
        self.seen.push(instance.to_owned());
        self.seen.len() - 1
    }
}

fn plain(line: &LogLine) -> String {
    let mark = if line.stream == "ship" { "· " } else { "" };
    let instance = line.instance.local();
    format!(
        "{} {} {instance} {mark}{}",
        line.at, line.release, line.text
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::captured;

    fn line(instance: &str, stream: &str, text: &str) -> LogLine {
        LogLine {
            at: "2026-11-21T08:00:00.123Z".parse().unwrap(),
            instance: instance.parse().unwrap(),
            release: "r7".parse().unwrap(),
            stream: stream.into(),
            text: text.into(),
        }
    }

    #[test]
    fn a_pipe_gets_lines_that_grep_and_sort_understand() {
        let (mut ui, captured) = captured::ui(None);
        let mut view = LogView::new(&ui, false, false);
        view.show(&mut ui, &line("blog/web.1", "out", "GET /"))
            .unwrap();
        view.show(&mut ui, &line("blog/web.1", "ship", "ended with code 1"))
            .unwrap();
        insta::assert_snapshot!(captured.text(), @"
        2026-11-21T08:00:00.123Z r7 web.1 GET /
        2026-11-21T08:00:00.123Z r7 web.1 · ended with code 1
        ");
    }

    #[test]
    fn people_see_instances_below_each_other() {
        let (ui, _) = captured::ui(Some(80));
        let mut view = LogView::new(&ui, false, false);
        let shown = ["blog/worker.1", "blog/web.1"].map(|instance| {
            let text = view.for_people(&line(instance, "err", "\x1b[2Jhello"));
            let text = anstream::adapter::strip_str(&text).to_string();
            text.split_once(' ').unwrap().1.to_owned()
        });
        assert_eq!(shown, ["worker.1 │ hello", "web.1    │ hello"]);
    }

    #[test]
    fn json_is_one_object_a_line() {
        let (mut ui, captured) = captured::ui(None);
        let mut view = LogView::new(&ui, true, false);
        view.show(&mut ui, &line("blog/web.1", "out", "a\"b"))
            .unwrap();
        insta::assert_snapshot!(captured.text(), @r#"{"at":"2026-11-21T08:00:00.123Z","instance":"blog/web.1","release":"r7","stream":"out","text":"a\"b"}"#);
    }
}

//! What a deploy tells while it works, as people see it.
//!
//! On a terminal the step in hand moves at the end of the story, with its time, its progress and
//! the last line its program wrote; what is done collects in one line. Elsewhere each step is a
//! line when it is done.

use std::time::{Duration, Instant};

use ship_api::event::DeployEvent;
use ship_api::problem::Problem;
use ship_api::reply::NoteView;
use ship_base::count;
use ship_base::name::{AppName, ReleaseId};

use crate::plan_rows;
use crate::text::{BAD, DIM, GOOD, STRONG, cut, styled, tame, width};
use crate::ui::Ui;

/// One frame every [`FRAME`].
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// How often a live story is drawn over.
pub(crate) const FRAME: Duration = Duration::from_millis(80);
/// Cells of a progress bar.
const BAR: usize = 20;
/// Between two steps of one line.
const BETWEEN: &str = "   ";

/// How far the story has come.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Told {
    /// There is more.
    More,
    /// Visitors reach the release.
    Live(Live),
    /// It failed.
    Failed(Box<Problem>),
    /// It is over.
    Finished,
}

/// What visitors reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Live {
    pub(crate) release: ReleaseId,
    /// Empty where nothing of it answers visitors.
    pub(crate) url: String,
}

/// One deploy, promotion, rollback, restart or scale.
pub(crate) struct Story {
    verbose: bool,
    app: Option<AppName>,
    done: Vec<String>,
    running: Vec<Running>,
    /// What the author was told before: a note of the plan comes once in a session.
    told: Vec<String>,
}

struct Running {
    step: String,
    began: Instant,
    progress: Option<(u64, u64)>,
    line: String,
}

impl Story {
    /// Nothing has happened yet. `verbose`: every line of every tool is shown.
    pub(crate) fn new(verbose: bool) -> Self {
        Self {
            verbose,
            app: None,
            done: Vec::new(),
            running: Vec::new(),
            told: Vec::new(),
        }
    }

    /// The app, once its plan is known.
    pub(crate) fn app(&self) -> Option<&AppName> {
        self.app.as_ref()
    }

    /// Tells one event.
    pub(crate) fn tell(&mut self, ui: &mut Ui, event: DeployEvent) -> Told {
        match event {
            DeployEvent::Waiting { holder } => {
                ui.say(&styled(DIM, &format!("  waiting for another: {holder}")));
            }
            DeployEvent::Planned { plan } => {
                self.app = Some(plan.name.clone());
                let lines = plan_rows::lines(&plan, ui.story_columns());
                for line in lines {
                    self.once(ui, &line);
                }
            }
            DeployEvent::Begin { step } => self.begin(step),
            DeployEvent::Progress { step, done, total } => {
                self.running(&step).progress = Some((done, total));
            }
            DeployEvent::Output { step, line } => self.output(ui, &step, &line),
            DeployEvent::Done { step, took, detail } => self.done(ui, &step, took, &detail),
            DeployEvent::Note { text, hint } => {
                let note = NoteView {
                    text,
                    hint,
                    place: None,
                };
                self.settle(ui);
                self.once(ui, &plan_rows::note(&note));
            }
            DeployEvent::Live {
                release,
                url,
                unchanged,
                ..
            } => {
                self.settle(ui);
                ui.say(&live_line(release, &url, unchanged));
                self.draw(ui);
                return Told::Live(Live { release, url });
            }
            DeployEvent::Failed { problem } => {
                self.give_up(ui);
                return Told::Failed(Box::new(problem));
            }
            DeployEvent::Finished => {
                self.settle(ui);
                self.running.clear();
                return Told::Finished;
            }
        }
        self.draw(ui);
        Told::More
    }

    /// Draws the live part; call it every [`FRAME`] while a deploy is under way.
    pub(crate) fn draw(&self, ui: &mut Ui) {
        let Some(columns) = ui.story_columns().filter(|_| ui.is_live()) else {
            return;
        };
        let mut rows = wrap(&self.done, columns);
        rows.extend(self.running.iter().map(|running| running.row(columns)));
        ui.draw(&rows);
    }

    /// The step in hand is marked as what failed.
    pub(crate) fn give_up(&mut self, ui: &mut Ui) {
        for running in std::mem::take(&mut self.running) {
            let mark = format!("{} {}", styled(BAD, "✗"), running.step);
            self.finished(ui, mark);
        }
        self.settle(ui);
    }

    fn begin(&mut self, step: String) {
        self.running.retain(|running| running.step != step);
        self.running.push(Running {
            step,
            began: Instant::now(),
            progress: None,
            line: String::new(),
        });
    }

    fn running(&mut self, step: &str) -> &mut Running {
        if !self.running.iter().any(|running| running.step == step) {
            self.begin(step.to_owned());
        }
        let found = self.running.iter_mut().find(|running| running.step == step);
        found.expect("it was begun just now")
    }

    fn output(&mut self, ui: &mut Ui, step: &str, line: &str) {
        line.trim().clone_into(&mut self.running(step).line);
        if self.verbose {
            let mark = styled(DIM, &format!("{step} │"));
            ui.say(&format!("  {mark} {}", tame(line)));
        }
    }

    fn done(&mut self, ui: &mut Ui, step: &str, took: Duration, detail: &str) {
        self.running.retain(|running| running.step != step);
        let took = styled(DIM, &count::duration(took));
        let what = what(step, detail);
        self.finished(ui, format!("{} {what} {took}", styled(GOOD, "✓")));
    }

    fn finished(&mut self, ui: &mut Ui, mark: String) {
        if ui.is_live() {
            self.done.push(mark);
        } else {
            ui.say(&format!("  {mark}"));
        }
    }

    /// What is done becomes part of the story above the live part.
    fn settle(&mut self, ui: &mut Ui) {
        let columns = ui.story_columns().unwrap_or(usize::MAX);
        for row in wrap(&std::mem::take(&mut self.done), columns) {
            ui.say(&row);
        }
        ui.clear();
    }

    fn once(&mut self, ui: &mut Ui, line: &str) {
        if !self.told.iter().any(|told| told == line) {
            ui.say(line);
            self.told.push(line.to_owned());
        }
    }
}

impl Running {
    fn row(&self, columns: usize) -> String {
        let elapsed = self.began.elapsed();
        let frame = (elapsed.as_millis() / FRAME.as_millis()) as usize % SPINNER.len();
        let mut row = format!(
            "{} {} {}",
            SPINNER[frame],
            self.step,
            count::duration(elapsed)
        );
        if let Some((done, total)) = self.progress {
            row = format!("{row}  {}", bar(done, total));
        }
        let room = columns.saturating_sub(width(&row) + 6);
        let line = anstream::adapter::strip_str(&tame(&self.line)).to_string();
        let line = cut(&line.replace('\t', " "), room);
        let row = cut(&row, columns.saturating_sub(3));
        format!("  {row}  {}", styled(DIM, &line))
    }
}

/// `━━━━━━━━──────  40 %`
fn bar(done: u64, total: u64) -> String {
    let share = if total == 0 {
        0.0
    } else {
        (done as f64 / total as f64).min(1.0)
    };
    let full = (share * BAR as f64) as usize;
    let (full, empty) = ("━".repeat(full), "─".repeat(BAR - full));
    format!("{full}{empty} {:3.0} %", share * 100.0)
}

/// Steps side by side, in as many rows as they need.
fn wrap(steps: &[String], columns: usize) -> Vec<String> {
    let mut rows: Vec<String> = Vec::new();
    let mut used = usize::MAX;
    for step in steps {
        let step_width = width(&anstream::adapter::strip_str(step).to_string());
        if used.saturating_add(BETWEEN.len() + step_width + 1) > columns || rows.is_empty() {
            rows.push(format!("  {step}"));
            used = 2 + step_width;
        } else if let Some(row) = rows.last_mut() {
            row.push_str(BETWEEN);
            row.push_str(step);
            used += BETWEEN.len() + step_width;
        }
    }
    rows
}

/// `environment 41 packages`; `uv 0.13.8` rather than `uv uv 0.13.8`.
fn what(step: &str, detail: &str) -> String {
    match detail.strip_prefix(step) {
        Some(rest) if rest.starts_with(' ') => detail.to_owned(),
        _ => format!("{step} {detail}").trim_end().to_owned(),
    }
}

fn live_line(release: ReleaseId, url: &str, unchanged: bool) -> String {
    let unchanged = if unchanged { ", nothing changed" } else { "" };
    if url.is_empty() {
        return format!("  {release} runs{unchanged}: nothing of it answers visitors");
    }
    format!("  {}   {release} live{unchanged}", styled(STRONG, url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan_rows::sample;
    use crate::ui::captured;

    fn done(step: &str, millis: u64, detail: &str) -> DeployEvent {
        DeployEvent::Done {
            step: step.into(),
            took: Duration::from_millis(millis),
            detail: detail.into(),
        }
    }

    fn begin(step: &str) -> DeployEvent {
        DeployEvent::Begin { step: step.into() }
    }

    fn live() -> DeployEvent {
        DeployEvent::Live {
            release: ReleaseId::new(1),
            url: "http://talkshow.localhost:8000".into(),
            took: Duration::from_secs(3),
            unchanged: false,
        }
    }

    fn told(columns: Option<usize>, verbose: bool, events: Vec<DeployEvent>) -> String {
        let (mut ui, captured) = captured::ui(columns);
        let mut story = Story::new(verbose);
        for event in events {
            story.tell(&mut ui, event);
        }
        captured.text()
    }

    /// What is left on a screen after the controls have done their work.
    fn screen(text: &str) -> String {
        let mut rows: Vec<String> = vec![String::new()];
        let text = text.replace("␛[2K", "\u{1}").replace("␛[1A", "\u{2}");
        for c in text.chars() {
            match c {
                '\n' => rows.push(String::new()),
                '\u{1}' => rows.last_mut().unwrap().clear(),
                '\u{2}' => drop(rows.pop()),
                '␍' => {}
                c => rows.last_mut().unwrap().push(c),
            }
        }
        rows.join("\n")
    }

    #[test]
    fn without_a_terminal_each_step_is_a_line() {
        let events = vec![
            DeployEvent::Planned {
                plan: Box::new(sample::talkshow()),
            },
            begin("environment"),
            DeployEvent::Output {
                step: "environment".into(),
                line: "Resolved 41".into(),
            },
            done("environment", 800, ""),
            done("web.1", 600, "ready"),
            live(),
            DeployEvent::Finished,
        ];
        insta::assert_snapshot!(told(None, false, events), @"
          talkshow  Django 5.2 · Python 3.12 · 41 packages (uv.lock)    from manage.py, .python-version, uv.lock
          web       granian --interface wsgi talkshow.wsgi:application  no server locked: Granian 2.8 added
          release   python manage.py migrate                            Django with migrations
          note: DEBUG is on (talkshow/settings.py:12)
            hint: `ship env set DEBUG=0`
          ✓ environment 0.8 s
          ✓ web.1 ready 0.6 s
          http://talkshow.localhost:8000   r1 live
        ");
    }

    #[test]
    fn workers_alone_have_no_address() {
        let live = DeployEvent::Live {
            release: ReleaseId::new(2),
            url: String::new(),
            took: Duration::from_secs(3),
            unchanged: false,
        };
        let events = vec![live, DeployEvent::Finished];
        insta::assert_snapshot!(told(None, false, events), @"  r2 runs: nothing of it answers visitors");
    }

    #[test]
    fn on_a_terminal_what_is_done_collects_in_one_line() {
        let events = vec![
            begin("environment"),
            DeployEvent::Progress {
                step: "environment".into(),
                done: 10,
                total: 40,
            },
            done("environment", 800, ""),
            begin("assets"),
            done("assets", 400, ""),
            begin("migrate"),
            done("migrate", 900, ""),
            begin("web.1"),
            done("web.1", 600, "ready"),
            live(),
        ];
        let text = told(Some(80), false, events);
        assert!(
            text.contains("environment 0.0 s  ━━━━━───────────────  25 %"),
            "{text}"
        );
        insta::assert_snapshot!(screen(&text), @"
          ✓ environment 0.8 s   ✓ assets 0.4 s   ✓ migrate 0.9 s   ✓ web.1 ready 0.6 s
          http://talkshow.localhost:8000   r1 live
        ");
    }

    #[test]
    fn the_step_that_failed_is_marked() {
        let problem = Problem::new(ship_base::fault::FaultKind::User, "the lock does not fit");
        let events = vec![
            done("source", 100, ""),
            begin("environment"),
            DeployEvent::Failed { problem },
        ];
        insta::assert_snapshot!(screen(&told(Some(80), false, events)), @"  ✓ source 0.1 s   ✗ environment
        ");
    }

    #[test]
    fn a_plan_that_stays_the_same_is_told_once() {
        let planned = || DeployEvent::Planned {
            plan: Box::new(sample::talkshow()),
        };
        let once = told(None, false, vec![planned()]);
        assert_eq!(told(None, false, vec![planned(), planned()]), once);
    }

    #[test]
    fn a_step_does_not_say_its_name_twice() {
        assert_eq!(what("uv", "uv 0.13.8"), "uv 0.13.8");
        assert_eq!(what("uv", "uvx 1"), "uv uvx 1");
        assert_eq!(what("assets", ""), "assets");
    }

    #[test]
    fn verbose_shows_every_line() {
        let events = vec![DeployEvent::Output {
            step: "environment".into(),
            line: "Resolved 41 packages".into(),
        }];
        assert_eq!(
            told(None, true, events),
            "  environment │ Resolved 41 packages\n"
        );
    }
}

//! One project, brought up as its author would for the first time.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde::Serialize;
use ship_base::file;
use ship_test::http;

use super::given::{Given, Servers};
use super::stranger::{Kind, Stranger};
use crate::{Result, workspace};

/// How long `ship up` may take: some of them bring a gigabyte of packages.
const PATIENCE: &str = "420";

/// Where they are tried: an installation of its own, whose packages serve all of them.
pub(crate) struct Bench {
    ship: PathBuf,
    folder: PathBuf,
    servers: Servers,
}

/// How one went.
#[derive(Debug, Serialize)]
pub(crate) struct Trial {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) kind: Kind,
    /// What it cannot do without, and neither its repository nor the machine has.
    pub(crate) lacks: Option<String>,
    /// The framework, and the command of `web` or of the first process.
    pub(crate) plan: String,
    /// What the import in the built environment said.
    pub(crate) proof: String,
    pub(crate) outcome: Outcome,
    /// What was said before it was refused.
    pub(crate) notes: Vec<String>,
    /// How it went once what it lacks was there, where that could be set up.
    pub(crate) given: Option<Outcome>,
    /// From the command to its end, packages included.
    pub(crate) seconds: f64,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum Outcome {
    /// It answers, with this status at `/`.
    Answers { status: u16 },
    /// It runs and answers nobody, as a worker does.
    Runs,
    /// It came up and `/` failed.
    Fails { why: String },
    /// It was refused with these words.
    Refused {
        error: String,
        /// What it came from; where nothing is known of that, the last words of the program or tool.
        why: Option<String>,
        hint: Option<String>,
    },
}

impl Outcome {
    /// Whether it is up as it is. An app may well have nothing at `/`: any answer below 500 is one,
    /// but for 400, by which Django refuses a name.
    pub(crate) fn is_up(&self) -> bool {
        match self {
            Self::Answers { status } => *status < 500 && *status != 400,
            other => *other == Self::Runs,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answers { status } => write!(f, "up, {status}"),
            Self::Runs => write!(f, "runs"),
            Self::Fails { why } => write!(f, "fails: {why}"),
            Self::Refused { error, why, hint } => {
                write!(f, "{error}")?;
                if let Some(why) = why {
                    write!(f, ": {why}")?;
                }
                if let Some(hint) = hint {
                    write!(f, "; hint: {hint}")?;
                }
                Ok(())
            }
        }
    }
}

/// What `ship up` showed.
struct Seen {
    outcome: Outcome,
    notes: Vec<String>,
    proof: String,
}

impl Bench {
    /// An empty one.
    pub(crate) fn new(ship: PathBuf) -> Result<Self> {
        let folder = workspace::target().join("xtask/compat");
        if folder.exists() {
            eprintln!("what the last run left is removed");
            file::remove_folder(&folder)?;
        }
        file::create_folder(&folder)?;
        let servers = Servers::new(folder.join("servers"));
        Ok(Self {
            ship,
            folder,
            servers,
        })
    }

    /// Brings a copy of `project` up, asks it, and takes it away again.
    pub(crate) fn attempt(&self, name: &str, stranger: &Stranger, project: &Path) -> Result<Trial> {
        let copy = self.copy(name, project)?;
        let plan = self.plan(&copy)?;
        let began = Instant::now();
        let Seen {
            outcome,
            notes,
            proof,
        } = self.up(&copy, &app(name))?;
        let seconds = began.elapsed().as_secs_f64();
        self.clear(&copy, &app(name))?;
        Ok(Trial {
            name: name.to_owned(),
            from: stranger.from.clone(),
            kind: stranger.kind,
            lacks: stranger.lacks.clone(),
            plan,
            proof,
            outcome,
            notes,
            given: None,
            seconds,
        })
    }

    /// The same with what the project lacks: that is set up first.
    pub(crate) fn attempt_given(
        &self,
        name: &str,
        given: &Given,
        project: &Path,
    ) -> Result<Outcome> {
        let copy = self.copy(name, project)?;
        let app = app(name);
        self.servers.set_up(given, &copy)?;
        if !given.settings.is_empty() {
            // As it goes: refused, told what to set, and with that brought up.
            self.up(&copy, &app)?;
            let pairs = given.settings.iter();
            let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
            let mut set = self.command(&copy);
            let output = set
                .args(["env", "set", "--app", &app])
                .args(pairs)
                .output()?;
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                return Err(format!("`ship env set` failed: {said}").into());
            }
        }
        let outcome = self.up(&copy, &app)?.outcome;
        self.clear(&copy, &app)?;
        Ok(outcome)
    }

    fn copy(&self, name: &str, project: &Path) -> Result<PathBuf> {
        let copy = self.folder.join(name);
        let copied = Command::new("cp")
            .arg("--archive")
            .arg(project)
            .arg(&copy)
            .status()?;
        if !copied.success() {
            return Err(format!("cannot copy {}", project.display()).into());
        }
        Ok(copy)
    }

    fn clear(&self, copy: &Path, app: &str) -> Result<()> {
        // One that never came to be has nothing to destroy.
        let mut destroy = self.command(copy);
        let _ = destroy.args(["destroy", "--yes", "--app", app]).output()?;
        Ok(file::remove_folder(copy)?)
    }

    /// What `ship plan` decided: the first line, and how the first process starts.
    fn plan(&self, copy: &Path) -> Result<String> {
        let output = self.command(copy).arg("plan").output()?;
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        let rows = lines.lines().filter_map(columns).take(2);
        Ok(rows.collect::<Vec<_>>().join("; "))
    }

    fn up(&self, copy: &Path, app: &str) -> Result<Seen> {
        let mut up = Command::new("timeout");
        up.args(["--signal=INT", "--kill-after=30", PATIENCE]);
        up.arg(&self.ship).args(["up", "--detach", "--name", app]);
        let output = self.settled(&mut up, copy).output()?;
        let story = String::from_utf8_lossy(&output.stderr).into_owned();
        let url = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let proof = said(&story, "✓ proof ").map_or_else(String::new, |step| untimed(&step));
        let outcome = match output.status.code() {
            Some(0) if url.is_empty() => Outcome::Runs,
            Some(0) => asked(&url),
            Some(124 | 137) => Outcome::Fails {
                why: format!("not up after {PATIENCE} s"),
            },
            _ => Outcome::Refused {
                error: said(&story, "error: ").unwrap_or_else(|| last(&story)),
                why: reason(&story),
                hint: advice(&story),
            },
        };
        Ok(Seen {
            outcome,
            notes: notes(&story),
            proof,
        })
    }

    fn command(&self, copy: &Path) -> Command {
        let mut command = Command::new(&self.ship);
        self.settled(&mut command, copy);
        command
    }

    fn settled<'a>(&self, command: &'a mut Command, copy: &Path) -> &'a mut Command {
        command
            .current_dir(copy)
            .env("SHIP_HOME", self.folder.join("home"))
            .env("NO_COLOR", "1")
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.command(&self.folder).args(["server", "stop"]).output();
    }
}

/// What it is called here.
fn app(name: &str) -> String {
    let app = name.replace(['_', '.'], "-").to_lowercase();
    app[..app.len().min(39)].to_owned()
}

fn asked(url: &str) -> Outcome {
    match http::get_url(url) {
        Ok(answer) if answer.status < 500 => Outcome::Answers {
            status: answer.status,
        },
        Ok(answer) => Outcome::Fails {
            why: format!("`/` answers {}", answer.status),
        },
        Err(error) => Outcome::Fails {
            why: error.to_string(),
        },
    }
}

/// The second of the columns of a plan's row, which are two blanks apart.
fn columns(row: &str) -> Option<String> {
    let mut columns = row.trim().split("  ").filter(|column| !column.is_empty());
    Some(columns.nth(1)?.trim().to_owned())
}

/// A step's words without its time, which ends in a unit.
fn untimed(step: &str) -> String {
    let words: Vec<&str> = step.split(' ').collect();
    words[..words.len().saturating_sub(2)].join(" ")
}

/// The rest of the first line that has `mark`.
fn said(story: &str, mark: &str) -> Option<String> {
    let rest = |line: &str| Some(line.split_once(mark)?.1.trim().to_owned());
    story.lines().find_map(rest)
}

/// What we say is to be done: neither a note's hint above the error, nor the words of a program that
/// are shown below it.
fn advice(story: &str) -> Option<String> {
    let lines = story
        .lines()
        .skip_while(|line| !line.starts_with("error: "));
    let mut hints = lines.filter_map(|line| line.trim_start().strip_prefix("hint: "));
    hints.next().map(str::to_owned)
}

/// The causes that stand below the error, else the last line that is quoted there.
fn reason(story: &str) -> Option<String> {
    let below = || {
        let lines = story.lines().map(str::trim_start);
        lines.skip_while(|line| !line.starts_with("error: "))
    };
    let causes: Vec<&str> = below()
        .filter_map(|line| line.strip_prefix("cause: "))
        .collect();
    if !causes.is_empty() {
        return Some(causes.join("; "));
    }
    let quoted = below()
        .filter_map(|line| line.strip_prefix("│ "))
        .map(str::trim);
    quoted
        .filter(|line| !line.is_empty())
        .last()
        .map(str::to_owned)
}

/// What was said above the error.
fn notes(story: &str) -> Vec<String> {
    let above = story
        .lines()
        .take_while(|line| !line.starts_with("error: "));
    let notes = above.filter_map(|line| line.trim_start().strip_prefix("note: "));
    notes.map(str::to_owned).collect()
}

fn last(story: &str) -> String {
    story.lines().last().unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_found_in_a_story() {
        let story =
            "  ✓ proof app:app is WSGI 0.4 s\nerror: no\n  hint: do this\n  hint: or that\n";
        assert_eq!(said(story, "hint: ").unwrap(), "do this");
        assert_eq!(said(story, "✓ proof ").unwrap(), "app:app is WSGI 0.4 s");
        assert_eq!(said(story, "✗ "), None);
        assert_eq!(untimed("app:app is WSGI 0.4 s"), "app:app is WSGI");
        let row = "  web   granian app:app    no server locked (a.py:1)";
        assert_eq!(columns(row).unwrap(), "granian app:app");
    }

    #[test]
    fn advice_is_ours_and_about_the_error() {
        let story = "  note: no\n    hint: of a note\nerror: no\n  │ hint: of uv\n  hint: ours\n";
        assert_eq!(advice(story).unwrap(), "ours");
        assert_eq!(notes(story), ["no"]);
        assert_eq!(advice("error: no\n  │ hint: of uv\n"), None);
    }

    #[test]
    fn the_reason_is_a_cause_or_the_last_words() {
        let story =
            "error: no\n  cause: it answers 500 on /\n  cause: KeyError: 'X' (a.py:1)\n  │ bye\n";
        assert_eq!(
            reason(story).unwrap(),
            "it answers 500 on /; KeyError: 'X' (a.py:1)"
        );
        assert_eq!(
            reason("error: no\n  │ usage: a\n  │ \n  hint: b\n").unwrap(),
            "usage: a"
        );
        assert_eq!(reason("  │ of a build\nerror: no\n"), None);
    }

    #[test]
    fn an_answer_below_500_is_one() {
        assert!(Outcome::Answers { status: 404 }.is_up());
        assert!(!Outcome::Answers { status: 400 }.is_up());
        assert!(!Outcome::Fails { why: String::new() }.is_up());
    }
}

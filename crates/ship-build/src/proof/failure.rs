//! Why an application could not be imported, told so that its author knows where to look.

use std::path::Path;

use serde::Deserialize;
use ship_base::hint::Hints;
use ship_base::name::AppName;
use ship_project::plan::{Place, Plan};

use crate::hints;
use crate::tool::Ended;

/// A failure as the script tells it.
#[derive(Debug, Deserialize)]
pub(super) struct Told {
    pub(super) index: Option<usize>,
    stage: Stage,
    /// The name of the exception's class; empty where we refused the object ourselves.
    #[serde(rename = "type")]
    kind: String,
    line: String,
    /// Further lines of its message.
    #[serde(default)]
    details: Vec<String>,
    frames: Vec<(String, u32, String, String)>,
    /// What it came from, outermost first.
    #[serde(default)]
    causes: Vec<String>,
    #[serde(default)]
    missing_module: Option<String>,
    #[serde(default)]
    missing_variables: Vec<String>,
    /// File, line and name of variables that are read without a default and are not set.
    #[serde(default)]
    unset: Vec<(String, u32, String)>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    text: Vec<String>,
}

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    Import,
    Attribute,
    Call,
    Kind,
    Settings,
    Server,
}

/// A line of the project on the way to the failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where.
    pub place: Place,
    /// The line itself, without its indentation.
    pub source: String,
}

/// The application cannot be imported, or is none.
#[derive(Debug, thiserror::Error)]
#[error("{tried}: {line}")]
pub struct ProofFailure {
    /// What was tried: `` cannot import `shop.wsgi:app` ``.
    pub tried: String,
    /// The traceback's own last line, or what is wrong with the object.
    pub line: String,
    /// The last line of the project itself that was running.
    pub frame: Option<Frame>,
    output: Vec<String>,
    hints: Vec<String>,
    may_be_of_packages: bool,
    missing_module: Option<String>,
    stage: Option<Stage>,
}

impl ProofFailure {
    /// Whether the application is well and its server cannot be imported.
    pub(crate) fn is_of_server(&self) -> bool {
        self.stage == Some(Stage::Server)
    }

    /// The module that was imported and is not there.
    pub(crate) fn missing_module(&self) -> Option<&str> {
        self.missing_module.as_deref()
    }

    /// Whether it may come from a version of a package: no setting is missing, and no package as a
    /// whole.
    pub(crate) fn may_be_of_packages(&self) -> bool {
        self.may_be_of_packages
    }

    /// The message, and those of what it came from.
    pub(crate) fn lines(&self) -> Vec<String> {
        let line = std::iter::once(&self.line);
        line.chain(&self.output).cloned().collect()
    }

    /// The place and the source line, or what the program wrote at the end.
    pub fn output(&self) -> Vec<String> {
        self.output.clone()
    }

    /// A file that the author has and an ignore file keeps out of the release is the likeliest
    /// reason why something is not found.
    pub(super) fn look_for_left_out(mut self, project: &Path, work: &Path) -> Self {
        let folder = work.display().to_string();
        let words = self
            .line
            .split(|c: char| c.is_whitespace() || "'\"`,()".contains(c));
        let names = words.map(|word| word.trim_end_matches(['.', ':', ';']).replace(&folder, ""));
        let mut names: Vec<String> = names
            .map(|name| name.trim_start_matches('/').to_owned())
            .collect();
        let is_left_out = |name: &&String| {
            name.contains('.') && project.join(name).is_file() && !work.join(name).exists()
        };
        if let Some(name) = names.iter().find(is_left_out) {
            self.hints.insert(0, hints::take_in(name));
            return self;
        }
        names = self.files_of_missing_module();
        if let Some(name) = names.iter().find(is_left_out) {
            self.hints = vec![hints::take_in(name)];
        }
        self
    }

    /// Where the module that is missing would stand: beside the file that imports it, or at the top.
    fn files_of_missing_module(&self) -> Vec<String> {
        let Some(module) = &self.missing_module else {
            return Vec::new();
        };
        let path = module.replace('.', "/");
        let importer = self.frame.as_ref().map(|frame| frame.place.file.as_path());
        let folders = importer.map_or(Path::new(""), |file| file.parent().unwrap_or(file));
        let folders = folders.ancestors();
        let files = folders.flat_map(|folder| {
            let file = folder.join(&path);
            [file.with_extension("py"), file.join("__init__.py")]
        });
        files.map(|file| file.display().to_string()).collect()
    }

    /// The child ended without an answer.
    pub(super) fn without_answer(
        what: String,
        ended: Ended,
        output: Vec<String>,
        work: &Path,
        plan: &Plan,
    ) -> Self {
        let folder = format!("{}/", work.display());
        let output: Vec<String> = output
            .iter()
            .map(|line| line.replace(&folder, ""))
            .collect();
        Self {
            tried: format!("cannot import `{what}`"),
            line: format!("Python {ended}"),
            frame: None,
            hints: hints::of_silence(ended, plan),
            output,
            may_be_of_packages: false,
            missing_module: None,
            stage: None,
        }
    }
}

impl Hints for ProofFailure {
    fn hints(&self) -> Vec<String> {
        self.hints.clone()
    }
}

impl Told {
    pub(super) fn failure(self, what: String, work: &Path, plan: &Plan) -> ProofFailure {
        let frame = self.frame(work);
        ProofFailure {
            may_be_of_packages: self.may_be_of_packages(),
            tried: match self.stage {
                Stage::Import | Stage::Attribute => format!("cannot import `{what}`"),
                Stage::Call => format!("cannot call `{what}`"),
                Stage::Kind => format!("cannot serve `{what}`"),
                Stage::Settings => "cannot read Django's settings".to_owned(),
                Stage::Server => "the web server cannot be started".to_owned(),
            },
            hints: [self.hints(frame.as_ref(), work, plan), self.other(plan)].concat(),
            // On the way to what is not there at all are only our own lines.
            output: match self.module_nowhere(work, plan) {
                Some(_) => Vec::new(),
                None => self.output(frame.as_ref(), work),
            },
            line: self.line,
            frame,
            missing_module: self.missing_module,
            stage: Some(self.stage),
        }
    }

    /// What could have been meant in place of what does not work.
    fn other(&self, plan: &Plan) -> Vec<String> {
        let is_broken = matches!(self.stage, Stage::Import | Stage::Call);
        let next = self.index.filter(|_| is_broken).map(|index| index + 1);
        let other = next.and_then(|next| super::candidates(plan).into_iter().nth(next));
        let other = other.map(|other| {
            format!("if `{other}` is meant instead: `[web]` `app = \"{other}\"` in ship.toml")
        });
        other.into_iter().collect()
    }

    fn may_be_of_packages(&self) -> bool {
        let lacks_package = self.missing_module.as_ref().is_some_and(|module| {
            // `werkzeug.contrib` went, and `distutils` with Python 3.12.
            !module.contains('.') && module != "distutils"
        });
        let lacks_setting = !self.missing_variables.is_empty() || !self.unset.is_empty();
        !lacks_package && !lacks_setting && self.stage != Stage::Kind
    }

    /// The innermost frame that lies in the project.
    fn frame(&self, work: &Path) -> Option<Frame> {
        self.frames
            .iter()
            .rev()
            .find_map(|(file, line, _, source)| {
                let file = Path::new(file).strip_prefix(work).ok()?;
                Some(Frame {
                    place: Place::line(file, *line),
                    source: source.clone(),
                })
            })
    }

    /// What to show below the message: the line of the project, or all there is.
    fn output(&self, frame: Option<&Frame>, work: &Path) -> Vec<String> {
        if let Some(frame) = frame {
            /// Enough to see what a message of many lines is about.
            const MOST: usize = 12;
            let mut output: Vec<String> = self.details.iter().take(MOST).cloned().collect();
            output.extend([frame.place.to_string(), format!("    {}", frame.source)]);
            output.extend(self.causes.iter().map(|cause| format!("from {cause}")));
            return output;
        }
        let folder = format!("{}/", work.display());
        let lines = self.text.iter().flat_map(|text| text.lines());
        lines.map(|line| line.replace(&folder, "")).collect()
    }

    fn hints(&self, frame: Option<&Frame>, work: &Path, plan: &Plan) -> Vec<String> {
        if !self.missing_variables.is_empty() {
            return self
                .missing_variables
                .iter()
                .map(|name| hints::set(name, &plan.name.value))
                .collect();
        }
        let files = self.frames.iter().map(|(file, ..)| file.as_str());
        if let Some(hint) = hints::version::hint(&self.line, files) {
            return vec![hint];
        }
        if let Some(hint) = self.module_nowhere(work, plan) {
            return vec![hint];
        }
        if let Some(module) = &self.missing_module {
            let dependencies = plan.dependencies.as_ref().map(|sourced| &sourced.value);
            return vec![hints::add_package(module, dependencies)];
        }
        if self.stage == Stage::Attribute && self.line.starts_with("module `__main__`") {
            return vec![
                "a server that imports the application is itself called `__main__`: give the file another name, such as `app.py`"
                    .to_owned(),
            ];
        }
        if !self.names.is_empty() && self.stage == Stage::Attribute {
            return vec![format!(
                "it has {}; name the right one in ship.toml: `[web]` `app = \"module:name\"`",
                quoted(&self.names)
            )];
        }
        if self.stage == Stage::Kind {
            return vec![
                "name the application in ship.toml: `[web]` `app = \"module:name\"`".to_owned(),
            ];
        }
        if !self.unset.is_empty() {
            return self.unset_reads(work, &plan.name.value);
        }
        let lines = std::iter::once(&self.line).chain(&self.causes);
        let mut hints =
            lines.map(|line| hints::of_exception(&self.kind, line, frame, &plan.name.value));
        hints.find(|hints| !hints.is_empty()).unwrap_or_default()
    }

    /// The module that is to be served is neither in the project nor among its packages.
    fn module_nowhere(&self, work: &Path, plan: &Plan) -> Option<String> {
        let missing = self.missing_module.as_deref()?;
        let web = plan.web()?;
        let wanted = super::candidates(plan).into_iter().next()?;
        // What the module itself imports has a line of the project.
        if missing != wanted.module || self.frame(work).is_some() {
            return None;
        }
        let place = web.start.places.first();
        let place = place.map_or_else(|| "the plan".to_owned(), |place| format!("`{place}`"));
        Some(format!(
            "{place} names `{wanted}`, and neither the project nor a package has a module `{missing}`: name the one that holds the application"
        ))
    }

    fn unset_reads(&self, work: &Path, app: &AppName) -> Vec<String> {
        /// More variables than this are no help.
        const MOST: usize = 3;
        let reads = self.unset.iter().take(MOST);
        let reads = reads.map(|(file, line, name)| {
            let file = Path::new(file);
            let place = Place::line(file.strip_prefix(work).unwrap_or(file), *line);
            format!(
                "`{place}` reads `{name}`, which is not set: {}",
                hints::set(name, app)
            )
        });
        reads.collect()
    }
}

fn quoted(names: &[String]) -> String {
    /// More names than this are no help.
    const MOST: usize = 6;
    let names: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(json: &str) -> Told {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_last_frame_of_the_project_is_shown() {
        let told = told(
            r#"{"index":0,"stage":"import","type":"KeyError","line":"KeyError: 'X'",
                "frames":[["/w/app.py",1,"<module>","import conf"],["/w/conf.py",7,"<module>","X = os.environ['X']"],
                          ["/usr/lib/os.py",9,"__getitem__","raise KeyError(key)"]],
                "missing_variables":["X"]}"#,
        );
        let frame = told.frame(Path::new("/w")).unwrap();
        assert_eq!(frame.place, Place::line("conf.py", 7));
        assert_eq!(
            told.output(Some(&frame), Path::new("/w")),
            ["conf.py:7", "    X = os.environ['X']"]
        );
    }
}

//! Front ends whose pages a server of Node makes for each visitor.

use std::path::Path;

use serde_json::Value;

use super::output::value_of;
use crate::plan::{FrontEnd, Note, Place};
use crate::project::Project;

/// What makes such pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node {
    package: &'static str,
    label: &'static str,
    /// The script that makes it, which another of its verbs would not.
    builds: &'static str,
    /// How it makes files in their place.
    files: &'static str,
    /// Where they are then.
    output: &'static str,
    /// Its configuration asks for files already.
    as_files: bool,
}

const ALL: [Node; 2] = [
    Node {
        package: "next",
        label: "Next.js",
        builds: "next build",
        files: "`output: \"export\"` in `next.config.js` makes files in their place",
        output: "out",
        as_files: false,
    },
    Node {
        package: "nuxt",
        label: "Nuxt",
        builds: "nuxt build",
        files: "`nuxt generate` as the script `build` makes files in their place",
        output: ".output/public",
        as_files: false,
    },
];

impl Node {
    pub(super) fn of(
        project: &Project,
        folder: &Path,
        package: &Value,
        script: &str,
    ) -> Option<Self> {
        let has = |name: &str| {
            let kinds = ["dependencies", "devDependencies"];
            let mut kinds = kinds.iter().filter_map(|kind| package.get(kind));
            kinds.any(|all| all.get(name).is_some())
        };
        let mut all = ALL.into_iter();
        let one = all.find(|one| has(one.package) && script.contains(one.builds))?;
        let files =
            ["js", "mjs", "cjs", "ts"].map(|ending| format!("{}.config.{ending}", one.package));
        let mut texts = files
            .iter()
            .filter_map(|file| project.tree.text(folder.join(file)).ok()?);
        let as_files = texts.any(|text| value_of(&text, "output").as_deref() == Some("export"));
        Some(Self { as_files, ..one })
    }

    pub(super) fn note(self, front_end: &FrontEnd, place: &Place) -> Note {
        let output = Path::new(&front_end.folder).join(self.output);
        let output = crate::python::index::plain(&output);
        let output = output.display();
        let label = self.label;
        let routes = format!(
            "`[route.\"/\"]` with `static = \"{output}\"` serves them, and `[route.\"/api\"]` with `process = \"web\"` is for the Python code"
        );
        let (text, hint) = if self.as_files {
            (
                format!("nothing serves the files that {label} makes in `{output}`"),
                format!("in ship.toml: {routes}"),
            )
        } else {
            (
                format!(
                    "{label} makes its pages with a server of Node, which runs nowhere: nothing serves them"
                ),
                format!("{}; in ship.toml {routes}", self.files),
            )
        };
        Note {
            text,
            hint: Some(hint),
            place: Some(place.clone()),
        }
    }
}

//! Where the build of a front end writes, and whether a page comes out of it.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::project::Project;

/// The tool that a script starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tool {
    Vite,
    CreateReactApp,
    VueCli,
    Angular,
    Parcel,
    Webpack,
    Astro,
}

const TOOLS: [(Tool, &str, &str); 7] = [
    (Tool::Vite, "vite", "vite"),
    (Tool::CreateReactApp, "react-scripts", "react-scripts"),
    (Tool::VueCli, "vue-cli-service", "@vue/cli-service"),
    (Tool::Angular, "ng", "@angular/cli"),
    (Tool::Parcel, "parcel", "parcel"),
    (Tool::Webpack, "webpack", "webpack"),
    (Tool::Astro, "astro", "astro"),
];

impl Tool {
    /// The tool of a script, else the one among the packages.
    pub(super) fn of(package: &Value, script: &str) -> Option<Self> {
        let words = || script.split(|c: char| c.is_whitespace() || "&|;".contains(c));
        let named = TOOLS
            .iter()
            .find(|(_, program, _)| words().any(|word| word.rsplit('/').next() == Some(program)));
        let has = |name: &str| {
            ["dependencies", "devDependencies"]
                .iter()
                .any(|kind| package.get(kind).is_some_and(|all| all.get(name).is_some()))
        };
        let tool = named.or_else(|| TOOLS.iter().find(|(_, _, name)| has(name)))?;
        Some(tool.0)
    }

    /// Whether a page comes out: its own `index.html` goes in.
    pub(super) fn page(self, project: &Project, folder: &Path) -> bool {
        let places: &[&str] = match self {
            Self::Vite => &["index.html"],
            Self::CreateReactApp | Self::VueCli => &["public/index.html"],
            Self::Angular => &["src/index.html"],
            Self::Parcel => &["index.html", "src/index.html"],
            // What webpack makes of a template only its plugins know.
            Self::Webpack => &["src/index.html", "public/index.html"],
            Self::Astro => &["src/pages/index.astro"],
        };
        places
            .iter()
            .any(|place| project.tree.has(folder.join(place)))
    }

    fn default_output(self) -> Option<&'static str> {
        match self {
            Self::CreateReactApp => Some("build"),
            Self::Vite | Self::VueCli | Self::Parcel | Self::Webpack | Self::Astro => Some("dist"),
            Self::Angular => None,
        }
    }

    /// The stem of its configuration and the key of its output there.
    fn configuration(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Vite => Some(("vite.config", "outDir")),
            Self::VueCli => Some(("vue.config", "outputDir")),
            Self::Astro => Some(("astro.config", "outDir")),
            Self::Webpack => Some(("webpack.config", "path")),
            Self::CreateReactApp | Self::Angular | Self::Parcel => None,
        }
    }
}

/// Flags of the script that name the output: `vite build --outDir ../static`.
const FLAGS: [&str; 4] = ["--outDir", "--out-dir", "--dist-dir", "--output-path"];

/// The folder that the build makes, relative to the project; `None` where it cannot be read or lies
/// outside.
pub(super) fn of(
    project: &Project,
    folder: &Path,
    tool: Option<Tool>,
    script: &str,
) -> Option<PathBuf> {
    if let Some(flagged) = flag(script) {
        return below(folder, &flagged);
    }
    let tool = tool?;
    let configured = tool.configuration().and_then(|(stem, key)| {
        let endings = [
            "js", "ts", "mjs", "mts", "cjs", "cts", "babel.js", "prod.js",
        ];
        let mut files = endings.iter().map(|ending| format!("{stem}.{ending}"));
        let text = files.find_map(|file| project.tree.text(folder.join(file)).ok().flatten())?;
        value_of(&text, key)
    });
    below(folder, configured.as_deref().or(tool.default_output())?)
}

fn flag(script: &str) -> Option<String> {
    let words: Vec<&str> = script.split_whitespace().collect();
    if let Some(path) = words
        .iter()
        .find_map(|word| word.strip_prefix("BUILD_PATH="))
    {
        return Some(unquoted(path));
    }
    FLAGS.iter().find_map(|flag| {
        let at = words.iter().position(|word| word == flag);
        let next = at.and_then(|at| words.get(at + 1)).copied();
        let joined = || {
            let mut words = words.iter();
            words.find_map(|word| word.strip_prefix(flag)?.strip_prefix('='))
        };
        next.or_else(joined).map(unquoted)
    })
}

fn unquoted(word: &str) -> String {
    word.trim_matches(['"', '\'']).to_owned()
}

/// The text behind `key:` in JavaScript: a string, or the strings of `path.resolve(__dirname, 'a',
/// 'b')` joined. Comments are skipped; anything else is not understood, and not guessed.
pub(super) fn value_of(text: &str, key: &str) -> Option<String> {
    let text: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut rest = text.as_str();
    while let Some(at) = rest.find(key) {
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let before = rest[..at].chars().next_back();
        let after = rest[at + key.len()..]
            .trim_start_matches(['"', '\''])
            .trim_start();
        rest = &rest[at + key.len()..];
        if before.is_some_and(is_word) {
            continue;
        }
        if let Some(value) = after.strip_prefix(':') {
            return read_value(value.trim_start());
        }
    }
    None
}

fn read_value(value: &str) -> Option<String> {
    if let Some(text) = string(value) {
        return Some(text);
    }
    let (function, rest) = value.split_once('(')?;
    let joins = ["resolve", "join", "path.resolve", "path.join"];
    if !joins.contains(&function.trim()) {
        return None;
    }
    let mut parts = Vec::new();
    for argument in rest.split(')').next()?.split(',').map(str::trim) {
        match string(argument) {
            Some(text) => parts.push(text),
            None if argument == "__dirname" || argument == "import.meta.dirname" => {}
            None => return None,
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// `'dist'`, `"dist"`, `` `dist` `` at the beginning.
fn string(text: &str) -> Option<String> {
    let quote = text.chars().next().filter(|c| "'\"`".contains(*c))?;
    let (inside, _) = text[1..].split_once(quote)?;
    (!inside.contains("${")).then(|| inside.to_owned())
}

/// `../static/dist` from `frontend` is `static/dist`.
fn below(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut below = PathBuf::new();
    for part in folder.join(path.trim_start_matches("./")).components() {
        match part {
            Component::Normal(part) => below.push(part),
            Component::CurDir => {}
            Component::ParentDir if below.pop() => {}
            _ => return None,
        }
    }
    (below.iter().next().is_some()).then_some(below)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_output_is_read_where_it_is_plain_and_not_guessed_where_it_is_not() {
        for (text, output) in [
            (
                "build: {\n  outDir: '../static/dist',\n}",
                Some("../static/dist"),
            ),
            (
                "build: { outDir: resolve(__dirname, '..', \"web\") }",
                Some("../web"),
            ),
            (
                "// outDir: 'old'\nbuild: { \"outDir\": `out` }",
                Some("out"),
            ),
            ("build: { outDir: process.env.OUT }", None),
            ("build: { outDir: `${here}/x` }", None),
            ("build: { myoutDir: 'x' }", None),
            ("export default {}", None),
        ] {
            assert_eq!(value_of(text, "outDir").as_deref(), output, "{text}");
        }
    }

    #[test]
    fn flags_of_the_script_name_it_too() {
        for (script, output) in [
            ("vite build --outDir ../static", Some("../static")),
            (
                "parcel build src/index.html --dist-dir=public",
                Some("public"),
            ),
            ("BUILD_PATH='./out' react-scripts build", Some("./out")),
            ("vite build", None),
        ] {
            assert_eq!(flag(script).as_deref(), output, "{script}");
        }
        assert_eq!(below(Path::new("a/b"), "../../c"), Some("c".into()));
        assert_eq!(below(Path::new("a"), "../../c"), None);
        assert_eq!(below(Path::new("a"), "/c"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,60}|(outDir|[:'\"`(),. \n/a-z$\\{\\}]){0,60}") {
            let _ = (value_of(&text, "outDir"), flag(&text));
        }
    }
}

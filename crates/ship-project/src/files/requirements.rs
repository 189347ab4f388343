//! `requirements.txt`: what pip reads.
//!
//! Rules: <https://pip.pypa.io/en/stable/reference/requirements-file-format/> and PEP 508. Only
//! names, extras and exact versions matter here; uv reads the rest at build.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::plan::Place;

/// One requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Requirement {
    /// Normalised (PEP 503); empty for a path or an archive without a name.
    pub(crate) name: String,
    pub(crate) extras: Vec<String>,
    /// The version of `==`, without wildcard.
    pub(crate) version: Option<String>,
    /// Every `--hash=sha256:…`, in hexadecimal.
    pub(crate) hashes: Vec<String>,
    pub(crate) place: Place,
}

/// What a file and its includes say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    pub(crate) entries: Vec<Requirement>,
    /// Includes (`-r`) that are not there, with the line that asks for them.
    pub(crate) missing: Vec<(PathBuf, Place)>,
    /// Paths that lead out of the project, as they are written.
    pub(crate) outside: Vec<(String, Place)>,
}

impl Requirements {
    /// Reads `file` with its includes; `text_of` gives the text of a file relative to the project.
    pub(crate) fn read(file: &Path, text_of: &dyn Fn(&Path) -> Option<String>) -> Self {
        let mut read = Self::default();
        let mut seen = BTreeSet::new();
        if let Some(text) = text_of(file) {
            read.file(file, &text, text_of, &mut seen);
        }
        read
    }

    /// Whether every line is an exact version.
    pub(crate) fn pinned(&self) -> bool {
        !self.entries.is_empty() && self.entries.iter().all(|entry| entry.version.is_some())
    }

    fn file(
        &mut self,
        file: &Path,
        text: &str,
        text_of: &dyn Fn(&Path) -> Option<String>,
        seen: &mut BTreeSet<PathBuf>,
    ) {
        if !seen.insert(file.to_owned()) {
            return;
        }
        for (line, content) in logical_lines(text) {
            let place = Place::line(file, line);
            match Line::read(&content) {
                Line::Include(text) | Line::Limits(text) if is_outside(file, text) => {
                    self.outside.push((text.to_owned(), place));
                }
                Line::Include(path) => {
                    let path = beside(file, path);
                    match text_of(&path) {
                        Some(text) => self.file(&path, &text, text_of, seen),
                        None => self.missing.push((path, place)),
                    }
                }
                Line::Needs(text) if leads_out(file, text) => {
                    self.outside.push((text.to_owned(), place));
                }
                Line::Needs(text) => self.entries.extend(requirement(text, place)),
                Line::Limits(_) | Line::Nothing => {}
            }
        }
    }
}

/// Every line of a file and of those that it includes; constraints are named from the project.
pub(crate) fn flat_lines(file: &Path, text_of: &dyn Fn(&Path) -> Option<String>) -> Vec<String> {
    let mut lines = Vec::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![file.to_owned()];
    while let Some(file) = open.pop() {
        let Some(text) = text_of(&file).filter(|_| seen.insert(file.clone())) else {
            continue;
        };
        for (_, line) in logical_lines(&text) {
            if let Line::Include(path) = Line::read(&line) {
                open.push(beside(&file, path));
            } else if let Line::Limits(path) = Line::read(&line) {
                lines.push(format!("-c {}", beside(&file, path).display()));
            } else {
                lines.push(line);
            }
        }
    }
    lines
}

/// `-e git+https://…#egg=name` as `name @ git+https://…`; `None` for every other line.
pub(crate) fn plain(line: &str) -> Option<String> {
    let address = option(line, &["-e", "--editable"])?;
    let is_repository = ["git+", "hg+", "svn+", "bzr+"]
        .iter()
        .any(|kind| address.starts_with(kind));
    if !is_repository {
        return None;
    }
    let (place, fragment) = address.split_once('#').unwrap_or((address, ""));
    let parts = || fragment.split('&').filter_map(|part| part.split_once('='));
    let value = |key| parts().find_map(|(name, value)| (name == key).then_some(value));
    let folder = value("subdirectory").map(|folder| format!("#subdirectory={folder}"));
    let address = format!("{place}{}", folder.unwrap_or_default());
    Some(match value("egg") {
        Some(name) => format!("{name} @ {address}"),
        None => address,
    })
}

enum Line<'a> {
    Include(&'a str),
    Needs(&'a str),
    /// Constraints name versions, not packages.
    Limits(&'a str),
    Nothing,
}

impl<'a> Line<'a> {
    fn read(line: &'a str) -> Self {
        if let Some(path) = option(line, &["-r", "--requirement"]) {
            return Self::Include(path);
        }
        if let Some(path) = option(line, &["-e", "--editable"]) {
            return Self::Needs(path);
        }
        if let Some(path) = option(line, &["-c", "--constraint"]) {
            return Self::Limits(path);
        }
        // The other options are for uv.
        if line.starts_with('-') || line.is_empty() {
            return Self::Nothing;
        }
        Self::Needs(line)
    }
}

fn option<'a>(line: &'a str, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| {
        let after = line.strip_prefix(name)?;
        let value = after.trim_start_matches(['=', ' ', '\t']);
        // `--requirements` is another word; `-rbase.txt` is allowed.
        let is_own_word = value.len() < after.len() || name.len() == 2;
        (is_own_word && !value.is_empty()).then_some(value)
    })
}

/// `..`, `../lib`, `./../lib[extra]`, `/home/me/lib`, `lib @ file:///home/me/lib`.
fn leads_out(file: &Path, text: &str) -> bool {
    // What a variable stands for only the build knows.
    let of_machine = text.contains("file:///") && !text.contains('$');
    text.starts_with(['.', '/']) && is_outside(file, text) || of_machine
}

/// Whether the path of a file that is read lies outside the project.
fn is_outside(file: &Path, path: &str) -> bool {
    let path = beside(file, path);
    path.is_absolute() || path.starts_with("..")
}

fn beside(file: &Path, path: &str) -> PathBuf {
    let joined = file.parent().unwrap_or(Path::new("")).join(path);
    let mut plain = PathBuf::new();
    for part in joined.components() {
        match part {
            Component::ParentDir if plain.pop() => {}
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// Lines with `\` at their end are joined; comments are dropped.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let mut lines: Vec<(u32, String)> = Vec::new();
    let mut open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let (content, goes_on) = match line.strip_suffix('\\') {
            Some(content) => (content, true),
            None => (line, false),
        };
        match lines.last_mut().filter(|_| open) {
            Some((_, before)) => before.push_str(content),
            None => lines.push((number, content.to_owned())),
        }
        open = goes_on;
    }
    for (_, line) in &mut lines {
        *line = without_comment(line).trim().to_owned();
    }
    lines.retain(|(_, line)| !line.is_empty());
    lines
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    line.split_once(" #").map_or(line, |(before, _)| before)
}

/// `Django[argon2]==5.2 ; python_version >= "3.10" --hash=…`
pub(crate) fn requirement(text: &str, place: Place) -> Option<Requirement> {
    let hashes = hashes(text);
    let text = text.split(" --").next().unwrap_or(text);
    let text = text.split(';').next().unwrap_or(text).trim();
    if text.is_empty() {
        return None;
    }
    let is_path = text.starts_with(['.', '/']) || text.contains("://") && !text.contains(" @ ");
    if is_path {
        let name = text.split_once("#egg=").map(|(_, name)| normalise(name));
        return Some(Requirement {
            name: name.unwrap_or_default(),
            extras: Vec::new(),
            version: None,
            hashes,
            place,
        });
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && !"-_.".contains(c))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let (extras, rest) = split_extras(rest.trim_start());
    (!name.is_empty()).then(|| Requirement {
        name: normalise(name),
        extras,
        version: exact(rest),
        hashes,
        place,
    })
}

fn hashes(text: &str) -> Vec<String> {
    let options = text.split_whitespace();
    options
        .filter_map(|option| option.strip_prefix("--hash=sha256:"))
        .map(str::to_ascii_lowercase)
        .collect()
}

fn split_extras(rest: &str) -> (Vec<String>, &str) {
    let Some((extras, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) else {
        return (Vec::new(), rest);
    };
    let extras = extras.split(',').map(|extra| normalise(extra.trim()));
    (extras.collect(), after)
}

fn exact(rest: &str) -> Option<String> {
    let rest = rest.trim().trim_start_matches('(').trim_end_matches(')');
    let version = rest
        .strip_prefix("===")
        .or_else(|| rest.strip_prefix("=="))?;
    let version = version.trim();
    let plain = !version.is_empty() && !version.contains([',', '*', ' ']);
    plain.then(|| version.to_owned())
}

/// A line of a list in another format, as [`requirement`] reads it; `-e ./folder` too.
pub(crate) fn line_of(text: &str, place: Place) -> Option<Requirement> {
    match Line::read(text) {
        Line::Needs(text) => requirement(text, place),
        Line::Include(_) | Line::Limits(_) | Line::Nothing => None,
    }
}

/// PEP 503: lower case, runs of `-`, `_` and `.` are one `-`.
pub(crate) fn normalise(name: &str) -> String {
    let mut normal = String::new();
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(files: &[(&str, &str)]) -> Requirements {
        Requirements::read(Path::new(files[0].0), &|path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path)?;
            Some(file.1.to_owned())
        })
    }

    #[test]
    fn names_versions_and_extras_are_found_in_what_pip_accepts() {
        let text = "\
# ours
Django==5.2.8
uvicorn[standard]>=0.30 ; python_version >= '3.9'
psycopg2_binary == 2.9.9 --hash=sha256:aa \\
    --hash=sha256:bb
zope.interface (==6.0)
-e git+https://example.org/x.git#egg=My_Package
-e .
./local
mypkg @ https://example.org/mypkg.zip
--index-url https://example.org/simple
-c constraints.txt
flask==3.*   # any
";
        let read = read(&[("requirements.txt", text)]);
        let told: Vec<String> = read
            .entries
            .iter()
            .map(|r| format!("{}{:?} {:?} :{}", r.name, r.extras, r.version, r.place.line))
            .collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        django[] Some("5.2.8") :2
        uvicorn["standard"] None :3
        psycopg2-binary[] Some("2.9.9") :4
        zope-interface[] Some("6.0") :6
        my-package[] None :7
        [] None :8
        [] None :9
        mypkg[] None :10
        flask[] None :13
        "#);
        assert!(!read.pinned());
    }

    #[test]
    fn includes_are_followed_once_and_missing_ones_are_named() {
        let read = read(&[
            (
                "requirements/prod.txt",
                "-r base.txt\n-r ../requirements/prod.txt\n-r gone.txt\ngunicorn==23.0.0\n",
            ),
            ("requirements/base.txt", "flask==3.0.0\n"),
        ]);
        let names: Vec<&str> = read.entries.iter().map(|r| r.name.as_str()).collect();
        assert_eq!(names, ["flask", "gunicorn"]);
        assert!(read.pinned());
        assert_eq!(read.missing[0].0, Path::new("requirements/gone.txt"));
        assert_eq!(read.missing[0].1.to_string(), "requirements/prod.txt:3");
    }

    #[test]
    fn paths_that_lead_out_of_the_project_are_named() {
        let lines = "-r ../common.txt\n-c ../../limits.txt\n-e /home/me/lib\n../lib[x]\nlib @ file:///home/me/lib\n-c ../own.txt\n-e ../own\n./more\nx @ file:///${PROJECT_ROOT}/x\n";
        let read = read(&[("requirements/all.txt", lines)]);
        let outside: Vec<u32> = read.outside.iter().map(|(_, place)| place.line).collect();
        assert_eq!(outside, [2, 3, 5]);
        assert_eq!(read.missing.len(), 1);
    }

    #[test]
    fn a_commit_that_was_editable_is_a_plain_requirement() {
        let git = "git+https://example.org/x.git@v1";
        for (line, told) in [
            (format!("-e {git}#egg=shop"), Some(format!("shop @ {git}"))),
            (
                format!("--editable={git}#egg=shop&subdirectory=py"),
                Some(format!("shop @ {git}#subdirectory=py")),
            ),
            (format!("-e {git}"), Some(git.to_owned())),
            ("-e .".to_owned(), None),
            ("flask".to_owned(), None),
        ] {
            assert_eq!(plain(&line), told, "{line}");
        }
    }

    #[test]
    fn lines_of_includes_are_one_list() {
        let files = [
            (
                "requirements/prod.txt",
                "-r base.txt\n-c ../all.txt\ngunicorn\n",
            ),
            ("requirements/base.txt", "flask  # web\n"),
        ];
        let lines = flat_lines(Path::new(files[0].0), &|path| {
            let file = files.iter().find(|(name, _)| Path::new(name) == path)?;
            Some(file.1.to_owned())
        });
        assert_eq!(lines, ["-c all.txt", "gunicorn", "flask"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).*") {
            let _ = text.lines().filter_map(plain).count();
            let _ = flat_lines(Path::new("r.txt"), &|_| Some(text.clone()));
            let _ = read(&[("r.txt", &text)]);
        }

        #[test]
        fn pins_read_back(name in "[a-z][a-z0-9]{0,9}(-[a-z0-9]{1,5}){0,2}", major in 0u8..99, minor in 0u8..99) {
            let read = read(&[("r.txt", &format!("{name}=={major}.{minor}\n"))]);
            prop_assert_eq!(&read.entries[0].name, &name);
            prop_assert_eq!(read.entries[0].version.clone(), Some(format!("{major}.{minor}")));
        }

        #[test]
        fn normal_names_are_normal(name in "[A-Za-z0-9._-]{0,20}") {
            let once = normalise(&name);
            prop_assert_eq!(normalise(&once), once);
        }
    }
}

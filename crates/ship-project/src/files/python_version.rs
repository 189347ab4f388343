//! The files that name a Python: `.python-version`, `runtime.txt`, `.tool-versions` and mise's.
//!
//! What they name becomes a name that uv knows; what is none, such as a virtual environment of pyenv
//! or "the latest", is told as it is written.

use toml::{Table, Value};

/// Implementations that uv knows, by the words that people write.
const OTHERS: [(&str, &str); 2] = [("pypy", "pypy"), ("graalpy", "graalpy")];

/// What a file says of Python.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    /// A name that uv knows.
    Python(String),
    /// What names no Python here, as it is written.
    Unknown(String),
}

/// What `.python-version` asks for: its first line that is neither blank nor a comment, as uv and
/// pyenv read it.
///
/// ```text
/// 3.12        -> 3.12
/// cpython-3.12.4, python-3.12, v3.12, cp312 -> the number
/// cpython-3.12.4-linux-x86_64-gnu -> 3.12.4
/// 3.13t, 3.13t-dev, 3.13+freethreaded -> 3.13t
/// pypy3.10-7.3.17 -> pypy@3.10
/// >=3.11, pypy -> the same
/// my-env -> unknown
/// ```
pub(crate) fn python_version(text: &str) -> Option<(Named, u32)> {
    first_line(text).map(|(content, line)| (named(content), line))
}

/// What `runtime.txt` asks for: `python-3.12.4`, `pypy3.10-7.3.17`.
pub(crate) fn runtime_txt(text: &str) -> Option<(Named, u32)> {
    python_version(text)
}

/// What `.tool-versions` of asdf and mise asks for: `python 3.12.4`, the first of several.
pub(crate) fn tool_versions(text: &str) -> Option<(Named, u32)> {
    (1..).zip(text.lines()).find_map(|(number, line)| {
        let line = line.split('#').next().unwrap_or(line);
        let mut words = line.split_whitespace();
        (words.next()? == "python").then_some(())?;
        let words = words.filter(|word| *word != "system");
        let mut read = words.map(named).peekable();
        let first = read.peek().cloned()?;
        let known = read.find(|it| matches!(it, Named::Python(_)));
        Some((known.unwrap_or(first), number))
    })
}

/// What `[tools]` of a mise file asks for: a text, the first of a list, or a table's `version`.
pub(crate) fn mise(text: &str) -> Option<(Named, u32)> {
    let table: Table = text.parse().ok()?;
    let tools = table.get("tools")?;
    let value = tools.get("python").or_else(|| tools.get("core:python"))?;
    let version = match value {
        Value::Array(several) => several.first()?,
        one => one,
    };
    let version = version
        .as_str()
        .or_else(|| version.get("version")?.as_str())?;
    let at = text.find(version).unwrap_or(0);
    let line = text[..at].matches('\n').count() as u32 + 1;
    (version != "system").then(|| (named(version), line))
}

fn named(text: &str) -> Named {
    match request(text) {
        Some(request) => Named::Python(request),
        None => Named::Unknown(text.to_owned()),
    }
}

fn first_line(text: &str) -> Option<(&str, u32)> {
    let says = |line: &str| !line.is_empty() && !line.starts_with('#');
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (line.split(" #").next().unwrap_or(line).trim(), number))
        .find(|(line, _)| says(line))
}

/// A name that uv knows.
fn request(text: &str) -> Option<String> {
    let text = text.trim();
    for (written, name) in OTHERS {
        if let Some(rest) = text.strip_prefix(written) {
            let rest = rest.trim_start_matches(['@', '-']);
            // `pypy3.10-7.3.17`: the second number is PyPy's own.
            let version = rest.split('-').next().unwrap_or(rest);
            return match version {
                "" => Some(name.to_owned()),
                version => Some(format!("{name}@{}", number(version)?)),
            };
        }
    }
    if text.starts_with(['>', '<', '=', '~', '!']) {
        return specifier(text);
    }
    // As a wheel is named after it.
    if let Some(minor) = text.strip_prefix("cp3") {
        return number(&format!("3.{minor}"));
    }
    let whole = text
        .strip_prefix("cpython")
        .map(|rest| rest.trim_start_matches(['@', '-']));
    let rest = ["cpython", "python", "prefix:", "latest:", "v"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text)
        .trim_start_matches(['@', '-']);
    let rest = rest.strip_suffix("-dev").unwrap_or(rest);
    let free = ["t", "+freethreaded"]
        .iter()
        .find_map(|suffix| rest.strip_suffix(suffix));
    if let Some(version) = free.and_then(number) {
        return Some(format!("{version}t"));
    }
    // `cpython-3.12.4-linux-x86_64-gnu`, uv's own name for one build.
    let build = || whole?.split_once('-').map(|(version, _)| version);
    number(rest).or_else(|| number(build()?))
}

/// `>=3.11, <3.14` without blanks.
fn specifier(text: &str) -> Option<String> {
    let parts: Vec<String> = text
        .split(',')
        .map(|part| part.split_whitespace().collect())
        .collect();
    let fits = |part: &String| {
        let at = part
            .find(|c: char| !"<>=!~".contains(c))
            .unwrap_or(part.len());
        let (sign, version) = part.split_at(at);
        let known = ["<", ">", "<=", ">=", "==", "!=", "~=", "==="].contains(&sign);
        known && number(version).is_some()
    };
    parts.iter().all(fits).then(|| parts.join(","))
}

/// `3`, `3.12` or `3.12.4`, with a pre-release `3.14.0rc1`, and with a star for what follows.
fn number(text: &str) -> Option<String> {
    let number = text.trim_end_matches(".x").trim_end_matches(".*");
    let parts: Vec<&str> = number.split('.').collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (last, first) = parts.split_last()?;
    let fits = first.iter().all(|part| digits(part))
        && last.starts_with(|c: char| c.is_ascii_digit())
        && last.bytes().all(|b| b.is_ascii_alphanumeric())
        && parts.len() <= 3
        && ["2", "3"].contains(&parts[0]);
    fits.then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_found_in_what_people_write() {
        for (text, version) in [
            ("3.12\n", Some("3.12")),
            ("# pinned\n\n3.12.4 # for now\n3.11\n", Some("3.12.4")),
            ("cpython-3.12", Some("3.12")),
            ("cpython@3.12", Some("3.12")),
            ("python-3.11.2", Some("3.11.2")),
            ("3.14.0rc1", Some("3.14.0rc1")),
            ("3.12.x", Some("3.12")),
            ("3.14-dev", Some("3.14")),
            ("3.13t", Some("3.13t")),
            ("3.13t-dev", Some("3.13t")),
            ("3.14+freethreaded", Some("3.14t")),
            ("pypy3.10-7.3.17", Some("pypy@3.10")),
            ("pypy-3.10", Some("pypy@3.10")),
            ("pypy@3.11", Some("pypy@3.11")),
            ("2.7.18", Some("2.7.18")),
            ("cp312", Some("3.12")),
            ("pypy", Some("pypy")),
            ("graalpy", Some("graalpy")),
            (">=3.11", Some(">=3.11")),
            (">=3.11, <3.14", Some(">=3.11,<3.14")),
            ("cpython-3.12.3-linux-x86_64-gnu", Some("3.12.3")),
            ("python3.11", Some("3.11")),
            ("my-env", None),
            ("latest", None),
            ("", None),
        ] {
            let found = python_version(text).and_then(|(named, _)| known(named));
            assert_eq!(found.as_deref(), version, "{text}");
        }
        for text in ["python-3.6.8", "3.6.8", "python3.6.8"] {
            assert_eq!(runtime_txt(text), python(1, "3.6.8"), "{text}");
        }
    }

    fn known(named: Named) -> Option<String> {
        match named {
            Named::Python(version) => Some(version),
            Named::Unknown(_) => None,
        }
    }

    #[expect(clippy::unnecessary_wraps, reason = "as the readers give it")]
    fn python(line: u32, version: &str) -> Option<(Named, u32)> {
        Some((Named::Python(version.to_owned()), line))
    }

    #[test]
    fn what_names_no_python_is_told_as_it_is_written() {
        let unknown = |text: &str| Some((Named::Unknown(text.to_owned()), 1));
        for text in [
            "my-env",
            "graalpy-24.1",
            "jython-2.7.3",
            "miniconda3-latest",
            ">=3.x.y",
            "cp",
        ] {
            assert_eq!(python_version(text), unknown(text));
        }
        assert_eq!(runtime_txt("# none\n"), None);
        assert_eq!(tool_versions("python latest"), unknown("latest"));
        let mise_file = "[tools]\npython = \"latest\"\n";
        assert_eq!(
            mise(mise_file),
            Some((Named::Unknown("latest".to_owned()), 2))
        );
    }

    #[test]
    fn files_of_version_managers_are_read() {
        let tools = "nodejs 20.1.0\npython 3.12.3 3.11.9 # both\n";
        assert_eq!(tool_versions(tools), python(2, "3.12.3"));
        assert_eq!(tool_versions("python latest:3.12\n"), python(1, "3.12"));
        assert_eq!(tool_versions("python system\n"), None);
        for text in [
            "[tools]\npython = \"3.12\"\n",
            "[tools]\npython = [\"3.12\", \"3.11\"]\n",
            "[tools]\npython = { version = \"3.12\" }\n",
        ] {
            assert_eq!(mise(text), python(2, "3.12"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = (python_version(&text), runtime_txt(&text));
            let _ = (tool_versions(&text), mise(&text));
        }

        #[test]
        fn numbers_read_back(minor in 0u8..99, patch in 0u8..99) {
            let version = format!("3.{minor}.{patch}");
            let found = python(1, &version);
            prop_assert_eq!(&python_version(&version), &found);
            prop_assert_eq!(&runtime_txt(&format!("python-{version}\n")), &found);
            prop_assert_eq!(&tool_versions(&format!("python {version}\n")), &found);
        }
    }
}

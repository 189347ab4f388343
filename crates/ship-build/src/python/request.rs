//! What a project asks for, and whether an interpreter is that.

use ship_project::plan::PythonRequest;

use super::Interpreter;
use super::version::{self, Version};

/// A request that we understand; others are left to uv.
#[derive(Debug)]
pub(super) struct Request {
    implementation: Option<String>,
    free_threaded: bool,
    conditions: Vec<Condition>,
}

/// One comparison of a version specifier (PEP 440), for the three numbers of Python's versions.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// `3.12`, `==3.12.*`: these first numbers.
    Like(Vec<u32>),
    /// `!=3.12.*`
    Unlike(Vec<u32>),
    /// `==3.12` as PEP 440 has it.
    Is(Version),
    IsNot(Version),
    AtLeast(Version),
    Above(Version),
    AtMost(Version),
    Below(Version),
}

impl Condition {
    fn allows(&self, version: Version) -> bool {
        match self {
            Self::Like(numbers) => version.starts_with(numbers),
            Self::Unlike(numbers) => !version.starts_with(numbers),
            Self::Is(this) => version == *this,
            Self::IsNot(this) => version != *this,
            Self::AtLeast(this) => version >= *this,
            Self::Above(this) => version > *this,
            Self::AtMost(this) => version <= *this,
            Self::Below(this) => version < *this,
        }
    }
}

impl Request {
    /// The request together with `requires-python`; `None` when it is none of the forms we know.
    pub(super) fn of(wanted: &PythonRequest) -> Option<Self> {
        let mut request = Self::parse(wanted.request.trim())?;
        if let Some(requires) = &wanted.requires {
            request.conditions.extend(specifiers(requires)?);
        }
        Some(request)
    }

    /// `3.12`, `3.12.4`, `>=3.10,<3.14`, `cpython@3.12`, `pypy3.10`, `3.13t`, or nothing.
    fn parse(text: &str) -> Option<Self> {
        let starts_version = |c: char| c.is_ascii_digit() || "<>=!~".contains(c);
        let at = text.find(starts_version).unwrap_or(text.len());
        let name = text[..at].trim_end_matches(['@', '-']).to_ascii_lowercase();
        let implementation = match name.as_str() {
            "" => None,
            "python" | "cpython" | "cp" => Some("CPython".to_owned()),
            "pypy" | "pp" => Some("PyPy".to_owned()),
            _ => return None,
        };
        let version = &text[at..];
        let locked = version
            .strip_suffix("+freethreaded")
            .or_else(|| version.strip_suffix('t'));
        Some(Self {
            implementation,
            free_threaded: locked.is_some(),
            conditions: specifiers(locked.unwrap_or(version))?,
        })
    }

    /// Whether it is the kind that is asked for, whatever its version.
    pub(super) fn is_of(&self, found: &Interpreter) -> bool {
        let named = self.implementation.as_ref();
        named.is_none_or(|name| *name == found.about.implementation)
            && (!self.free_threaded || found.is_free_threaded())
    }

    /// The one version that is asked for, when it is named to its third number.
    pub(super) fn exact(&self) -> Option<Version> {
        self.conditions
            .iter()
            .find_map(|condition| match condition {
                Condition::Like(numbers) if numbers.len() == 3 => Version::of(numbers),
                Condition::Is(version) => Some(*version),
                _ => None,
            })
    }

    pub(super) fn allows(&self, found: &Interpreter) -> bool {
        self.is_of(found)
            && self
                .conditions
                .iter()
                .all(|condition| condition.allows(found.about.version))
    }
}

fn specifiers(text: &str) -> Option<Vec<Condition>> {
    let parts = text
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let mut conditions = Vec::new();
    for part in parts {
        conditions.extend(specifier(part)?);
    }
    Some(conditions)
}

fn specifier(text: &str) -> Option<Vec<Condition>> {
    let at = text.find(|c: char| !"<>=!~".contains(c))?;
    let (operator, version) = (&text[..at], text[at..].trim());
    if let Some(numbers) = version.strip_suffix(".*") {
        let numbers = version::numbers(numbers)?;
        return match operator {
            "" | "==" => Some(vec![Condition::Like(numbers)]),
            "!=" => Some(vec![Condition::Unlike(numbers)]),
            _ => None,
        };
    }
    let exact: Version = version.parse().ok()?;
    Some(match operator {
        "" => vec![Condition::Like(version::numbers(version)?)],
        "==" | "===" => vec![Condition::Is(exact)],
        "!=" => vec![Condition::IsNot(exact)],
        ">=" => vec![Condition::AtLeast(exact)],
        ">" => vec![Condition::Above(exact)],
        "<=" => vec![Condition::AtMost(exact)],
        "<" => vec![Condition::Below(exact)],
        "~=" => {
            let mut numbers = version::numbers(version)?;
            numbers.pop().filter(|_| !numbers.is_empty())?;
            vec![Condition::AtLeast(exact), Condition::Like(numbers)]
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::About;

    fn allows(request: &str, requires: Option<&str>, version: &str) -> Option<bool> {
        let wanted = PythonRequest {
            request: request.to_owned(),
            requires: requires.map(str::to_owned),
        };
        let found = Interpreter {
            path: "/usr/bin/python3".into(),
            about: About {
                version: version.parse().unwrap(),
                is_final: true,
                implementation: "CPython".to_owned(),
                abi: "cpython-312-x86_64-linux-gnu".to_owned(),
                cache_tag: "cpython-312".to_owned(),
                platform: "linux-x86_64".to_owned(),
            },
        };
        Some(Request::of(&wanted)?.allows(&found))
    }

    #[test]
    fn versions_are_compared_as_pep_440_does() {
        for (request, version, fits) in [
            ("", "3.12.4", true),
            ("3.12", "3.12.4", true),
            ("3.12", "3.1.2", false),
            ("3.12.4", "3.12.4", true),
            ("3.12.4", "3.12.5", false),
            ("3", "3.12.4", true),
            (">=3.10,<3.14", "3.13.0", true),
            (">=3.10, <3.13", "3.13.0", false),
            ("==3.12.*", "3.12.9", true),
            ("==3.12", "3.12.9", false),
            ("!=3.12.*", "3.12.9", false),
            ("~=3.10", "3.13.0", true),
            ("~=3.10", "4.0.0", false),
            ("~=3.10.2", "3.10.1", false),
            ("~=3.10.2", "3.11.0", false),
            ("cpython@3.12", "3.12.1", true),
            ("python-3.12.1", "3.12.1", true),
            ("pypy3.10", "3.10.1", false),
            ("3.13t", "3.13.0", false),
            ("3.13+freethreaded", "3.13.0", false),
            ("pypy@3.10", "3.10.1", false),
        ] {
            assert_eq!(
                allows(request, None, version),
                Some(fits),
                "{request} {version}"
            );
        }
    }

    #[test]
    fn requires_python_holds_beside_the_request() {
        assert_eq!(allows("3.12", Some(">=3.12.3"), "3.12.1"), Some(false));
        assert_eq!(allows("", Some(">=3.9"), "3.12.1"), Some(true));
    }

    #[test]
    fn what_is_not_understood_is_left_to_uv() {
        for text in ["graalpy", "latest", "3.12rc1", ">=3.x", "~=3"] {
            assert_eq!(allows(text, None, "3.12.1"), None, "{text}");
        }
    }
}

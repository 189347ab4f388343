//! The files that name a Python: `.python-version` and `runtime.txt`.

/// What `.python-version` asks for: its first line that is neither blank nor a comment, as uv and
/// pyenv read it. `None` for what only pyenv knows, such as the name of a virtual environment.
///
/// ```text
/// 3.12        -> 3.12
/// cpython-3.12.4, python-3.12, v3.12 -> the number
/// pypy3.10-7.3.17, my-env -> none
/// ```
pub(crate) fn python_version(text: &str) -> Option<(String, u32)> {
    first_line(text).and_then(|(content, line)| Some((number(content)?, line)))
}

/// What `runtime.txt` asks for: `python-3.12.4`.
pub(crate) fn runtime_txt(text: &str) -> Option<(String, u32)> {
    let (content, line) = first_line(text)?;
    content.starts_with("python-").then_some(())?;
    Some((number(content)?, line))
}

fn first_line(text: &str) -> Option<(&str, u32)> {
    let says = |line: &str| !line.is_empty() && !line.starts_with('#');
    (1..)
        .zip(text.lines())
        .map(|(number, line)| (line.split(" #").next().unwrap_or(line).trim(), number))
        .find(|(line, _)| says(line))
}

/// `3`, `3.12` or `3.12.4`, also as `python-3.12` and with a pre-release `3.14.0rc1`.
fn number(text: &str) -> Option<String> {
    let number = ["cpython-", "cpython", "python-", "python", "v"]
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text)
        .trim_end_matches(".x");
    let parts: Vec<&str> = number.split('.').collect();
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let (last, first) = parts.split_last()?;
    let fits = first.iter().all(|part| digits(part))
        && last.starts_with(|c: char| c.is_ascii_digit())
        && last.bytes().all(|b| b.is_ascii_alphanumeric())
        && parts.len() <= 3
        && parts[0] == "3";
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
            ("python-3.11.2", Some("3.11.2")),
            ("3.14.0rc1", Some("3.14.0rc1")),
            ("3.12.x", Some("3.12")),
            ("my-env", None),
            ("pypy3.10-7.3.17", None),
            ("2.7", None),
            ("", None),
        ] {
            let found = python_version(text).map(|(version, _)| version);
            assert_eq!(found.as_deref(), version, "{text}");
        }
        assert_eq!(runtime_txt("python-3.6.8"), Some(("3.6.8".to_owned(), 1)));
        assert_eq!(runtime_txt("3.6.8"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(?s).*") {
            let _ = (python_version(&text), runtime_txt(&text));
        }

        #[test]
        fn numbers_read_back(minor in 0u8..99, patch in 0u8..99) {
            let version = format!("3.{minor}.{patch}");
            prop_assert_eq!(python_version(&version), Some((version.clone(), 1)));
            prop_assert_eq!(runtime_txt(&format!("python-{version}\n")), Some((version, 1)));
        }
    }
}

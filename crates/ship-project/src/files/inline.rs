//! Packages that a script names in a comment of its own (PEP 723): `# /// script`.

use serde::Deserialize;

/// What the comment says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Inline {
    pub(crate) requires_python: Option<String>,
    /// As requirement lines.
    #[serde(default)]
    pub(crate) dependencies: Vec<String>,
}

/// Reads the comment of a script; `None` where it has none, or one that is not TOML.
///
/// The block ends with the last `# ///` of its run of comment lines, as the regular expression of
/// <https://packaging.python.org/en/latest/specifications/inline-script-metadata/> finds it.
pub(crate) fn parse(text: &str) -> Option<Inline> {
    let mut lines = text.lines().skip_while(|line| *line != "# /// script");
    lines.next()?;
    let run: Vec<&str> = lines
        .take_while(|line| *line == "#" || line.starts_with("# "))
        .collect();
    let end = run.iter().rposition(|line| *line == "# ///")?;
    let content = run[..end]
        .iter()
        .map(|line| line.get(2..).unwrap_or_default());
    toml::from_str(&content.collect::<Vec<_>>().join("\n")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_comment_of_a_script_is_read() {
        let text = "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.12\"\n# dependencies = [\n#   \"flask>=3\",\n#\n#   \"rich\",\n# ]\n# ///\nimport flask\n";
        let read = parse(text).unwrap();
        assert_eq!(read.requires_python.as_deref(), Some(">=3.12"));
        assert_eq!(read.dependencies, ["flask>=3", "rich"]);
        for text in [
            "import flask\n",
            "# /// script\n# dependencies = []\n",
            "# /// script\n# dependencies = x\n# ///\n",
            "# /// pyproject\n# dependencies = []\n# ///\n",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(# /// script\n)?(?s).*") {
            let _ = parse(&text);
        }

        #[test]
        fn what_is_written_reads_back(names in prop::collection::vec("[a-z]{1,9}", 0..5)) {
            let list: Vec<String> = names.iter().map(|name| format!("#   \"{name}\",\n")).collect();
            let text = format!("# /// script\n# dependencies = [\n{}# ]\n# ///\n", list.concat());
            prop_assert_eq!(parse(&text).unwrap().dependencies, names);
        }
    }
}

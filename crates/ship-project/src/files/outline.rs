//! As much of YAML as `mkdocs.yml` needs: top-level keys, the `name` below one, the items below one.
//!
//! Not a parser: anchors, tags and nested structures pass by unread. MkDocs itself reads the file
//! at build, and says what is wrong with it.

/// A scalar with its line, from 1.
pub(crate) type Scalar = (String, u32);

/// The value of a top-level `key`, or the value of `name` below it: `theme: material`,
/// `theme:` with `name: material`.
pub(crate) fn name_of(text: &str, key: &str) -> Option<Scalar> {
    let block = Block::of(text, key)?;
    if !block.inline.is_empty() {
        return Some((block.inline, block.line));
    }
    block.lines.iter().find_map(|(line, content)| {
        let value = content.trim().strip_prefix("name:")?;
        Some((scalar(value), *line))
    })
}

/// The items of the list below a top-level `key`: texts, or the only key of mappings.
pub(crate) fn items_of(text: &str, key: &str) -> Vec<Scalar> {
    let Some(block) = Block::of(text, key) else {
        return Vec::new();
    };
    if let Some(inside) = block.inline.strip_prefix('[') {
        let items = inside.trim_end_matches(']').split(',').map(scalar);
        return items
            .filter(|item| !item.is_empty())
            .map(|item| (item, block.line))
            .collect();
    }
    let depth = |content: &str| content.len() - content.trim_start().len();
    let Some(outer) = block.lines.iter().map(|(_, content)| depth(content)).min() else {
        return Vec::new();
    };
    let items = block.lines.iter().filter_map(|(line, content)| {
        let item = content.trim().strip_prefix("- ")?;
        let name = item.split(": ").next().unwrap_or(item);
        (depth(content) == outer).then(|| (scalar(name.trim_end_matches(':')), *line))
    });
    items.filter(|(item, _)| !item.is_empty()).collect()
}

struct Block {
    line: u32,
    inline: String,
    lines: Vec<(u32, String)>,
}

impl Block {
    fn of(text: &str, key: &str) -> Option<Self> {
        let mut lines = (1..).zip(text.lines());
        let (line, inline) = lines.find_map(|(number, line)| {
            let value = line.strip_prefix(key)?.strip_prefix(':')?;
            Some((number, scalar(value)))
        })?;
        // A list may stand as far left as its key.
        let belongs = |line: &str| {
            let bare = line.trim();
            bare.is_empty() || line.starts_with([' ', '\t', '#']) || line.starts_with("- ")
        };
        let below = lines.take_while(|(_, line)| belongs(line));
        let told = below.filter(|(_, line)| {
            let bare = line.trim();
            !bare.is_empty() && !bare.starts_with('#')
        });
        let lines = told
            .map(|(number, line)| (number, line.to_owned()))
            .collect();
        Some(Self {
            line,
            inline,
            lines,
        })
    }
}

/// Without comment and quotes.
fn scalar(text: &str) -> String {
    let text = text.split(" #").next().unwrap_or(text).trim();
    let text = if text.starts_with('#') { "" } else { text };
    text.trim_matches(['"', '\'']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const FILE: &str = "\
site_name: Docs # ours
theme:
  # the one
  name: material
  features:
    - navigation.tabs
plugins:
- search
- mkdocstrings:
    handlers:
      python: {}
- 'macros'
markdown_extensions:
  - toc:
      permalink: true
extra_css: [a.css, \"b.css\"]
";

    #[test]
    fn names_and_lists_are_read_with_their_lines() {
        assert_eq!(name_of(FILE, "site_name"), Some(("Docs".to_owned(), 1)));
        assert_eq!(name_of(FILE, "theme"), Some(("material".to_owned(), 4)));
        assert_eq!(name_of(FILE, "repo_url"), None);
        let names = |key| -> Vec<String> {
            items_of(FILE, key)
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        assert_eq!(names("plugins"), ["search", "mkdocstrings", "macros"]);
        assert_eq!(names("markdown_extensions"), ["toc"]);
        assert_eq!(names("extra_css"), ["a.css", "b.css"]);
        assert_eq!(items_of(FILE, "plugins")[1].1, 9);
        assert_eq!(
            name_of("theme: readthedocs\n", "theme").unwrap().0,
            "readthedocs"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,80}|([a-z: \n#'\"\\[\\],-]){0,80}") {
            let _ = (name_of(&text, "a"), items_of(&text, "a"));
        }
    }
}

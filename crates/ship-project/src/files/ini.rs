//! Ini files as `configparser` reads them, as far as detection asks: sections, keys, values.

use std::collections::BTreeMap;

/// A file: its sections by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ini {
    sections: BTreeMap<String, BTreeMap<String, (String, u32)>>,
}

impl Ini {
    /// Reads `text`; lines that say nothing are left out.
    pub(crate) fn read(text: &str) -> Self {
        let mut ini = Self::default();
        let mut section = String::new();
        // The value that lines which are set in go on with.
        let mut open: Option<String> = None;
        for (line, number) in text.lines().zip(1..) {
            let written = line.trim();
            if written.is_empty() || written.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = written
                .strip_prefix('[')
                .and_then(|rest| rest.split_once(']'))
            {
                open = None;
                name.0.trim().clone_into(&mut section);
                ini.sections.entry(section.clone()).or_default();
            } else if line.starts_with([' ', '\t']) {
                let value = open
                    .as_ref()
                    .and_then(|key| ini.sections.get_mut(&section)?.get_mut(key));
                if let Some((value, _)) = value {
                    value.push('\n');
                    value.push_str(written);
                }
            } else if let Some((key, value)) = written.split_once(['=', ':']) {
                let keys = ini.sections.entry(section.clone()).or_default();
                let key = key.trim().to_lowercase();
                let is_new = !keys.contains_key(&key);
                open = is_new.then(|| key.clone());
                keys.entry(key).or_insert((value.trim().to_owned(), number));
            }
        }
        ini
    }

    /// Whether there is a section of this name.
    pub(crate) fn has(&self, section: &str) -> bool {
        self.sections.contains_key(section)
    }

    /// A value with the lines that go on with it, and its line from 1.
    pub(crate) fn get(&self, section: &str, key: &str) -> Option<(&str, u32)> {
        let (value, line) = self.sections.get(section)?.get(key)?;
        Some((value, *line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sections_hold_their_keys_and_lines_that_are_set_in_belong_to_the_value_above() {
        let ini = Ini::read(
            "; a comment\n[app:main]\nUse = egg:shop\n# x = y\npyramid.includes =\n    debug = on\n[server:main]\nlisten: *:6543\n",
        );
        assert_eq!(ini.get("app:main", "use"), Some(("egg:shop", 3)));
        assert_eq!(ini.get("app:main", "debug"), None);
        let includes = ini.get("app:main", "pyramid.includes");
        assert_eq!(includes, Some(("\ndebug = on", 5)));
        assert_eq!(ini.get("server:main", "listen"), Some(("*:6543", 8)));
        assert!(ini.has("server:main") && !ini.has("x"));
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "(?s).{0,200}") {
            let _ = Ini::read(&text);
        }
    }
}

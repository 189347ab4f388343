//! What interpreters said of themselves, so that each is asked once.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use ship_base::file;
use ship_base::paths::Folders;

use super::About;

/// Answers by path. A file that was replaced (another inode or time of change) is asked again.
#[derive(Debug, Default)]
pub(super) struct Known {
    answers: BTreeMap<PathBuf, Answer>,
    changed: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Answer {
    inode: u64,
    changed: (i64, i64),
    /// `None`: it does not answer, so it is no Python we can use.
    about: Option<About>,
}

impl Known {
    /// What was kept; nothing where there is nothing to be read, for it is only a saving of time.
    pub(super) fn read(folders: &Folders) -> Self {
        let text = file::read_text(&path(folders)).unwrap_or_default();
        Self {
            answers: serde_json::from_str(&text).unwrap_or_default(),
            changed: false,
        }
    }

    pub(super) fn about(
        &mut self,
        path: &Path,
        ask: impl FnOnce(&Path) -> Option<About>,
    ) -> Option<About> {
        let metadata = path.metadata().ok()?;
        let (inode, changed) = (metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()));
        let kept = self.answers.get(path);
        if let Some(answer) = kept.filter(|kept| (kept.inode, kept.changed) == (inode, changed)) {
            return answer.about.clone();
        }
        let about = ask(path);
        let answer = Answer {
            inode,
            changed,
            about: about.clone(),
        };
        self.answers.insert(path.to_owned(), answer);
        self.changed = true;
        about
    }

    /// Writes what is new. A failure costs the next build a moment and is no failure of this one.
    pub(super) fn keep(self, folders: &Folders) {
        if self.changed
            && let Ok(text) = serde_json::to_vec_pretty(&self.answers)
        {
            let _ = file::write_whole(&path(folders), &text);
        }
    }
}

fn path(folders: &Folders) -> PathBuf {
    folders.pythons().join("known.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about() -> About {
        serde_json::from_str(
            r#"{"version":"3.12.4","final":true,"implementation":"CPython","abi":"a","cache_tag":"c","platform":"p"}"#,
        )
        .unwrap()
    }

    #[test]
    fn an_interpreter_is_asked_once_until_it_changes() {
        let home = tempfile::tempdir().unwrap();
        let folders = Folders::under(home.path().to_owned());
        file::create_folder(&folders.pythons()).unwrap();
        let python = home.path().join("python");
        file::write_whole(&python, b"1").unwrap();

        let mut known = Known::read(&folders);
        assert_eq!(known.about(&python, |_| Some(about())), Some(about()));
        known.keep(&folders);

        let mut known = Known::read(&folders);
        let unasked = known.about(&python, |_| panic!("it is known"));
        assert_eq!(unasked, Some(about()));

        file::write_whole(&python, b"2").unwrap();
        assert_eq!(known.about(&python, |_| None), None);
    }
}

//! Changes of files that a finding can make, as whole new contents.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::check::Finding;

/// What a finding changes to be gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix {
    pub(super) edits: Vec<Edit>,
}

/// A piece of a file that becomes another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    /// Relative to the project.
    file: PathBuf,
    /// The content that the edit was made for; `None` where there is no such file.
    old: Option<String>,
    /// Bytes of `old`.
    span: Range<usize>,
    new: String,
}

impl Edit {
    /// A file that is not there yet.
    pub(super) fn create(file: &Path, content: &str) -> Self {
        Self {
            file: file.to_owned(),
            old: None,
            span: 0..0,
            new: content.to_owned(),
        }
    }

    /// A further line at the end of a file.
    pub(super) fn append(file: &Path, old: &str, line: &str) -> Self {
        let needs_end = !old.is_empty() && !old.ends_with('\n');
        let end = if needs_end { "\n" } else { "" };
        Self {
            file: file.to_owned(),
            span: old.len()..old.len(),
            new: format!("{end}{line}\n"),
            old: Some(old.to_owned()),
        }
    }

    /// Line `number` (from 1), which must read `from`, becomes `to`; `None` where it does not.
    pub(super) fn line(file: &Path, old: &str, number: u32, from: &str, to: &str) -> Option<Self> {
        let before = (number as usize).checked_sub(1)?;
        let start: usize = old.split_inclusive('\n').take(before).map(str::len).sum();
        let is_it = old.get(start..)?.lines().next() == Some(from);
        is_it.then(|| Self {
            file: file.to_owned(),
            old: Some(old.to_owned()),
            span: start..start + from.len(),
            new: to.to_owned(),
        })
    }

    /// A further line before line `number` (from 1).
    pub(super) fn before(file: &Path, old: &str, number: u32, line: &str) -> Option<Self> {
        let before = (number as usize).checked_sub(1)?;
        let start: usize = old.split_inclusive('\n').take(before).map(str::len).sum();
        Some(Self {
            file: file.to_owned(),
            old: Some(old.to_owned()),
            span: start..start,
            new: format!("{line}\n"),
        })
    }
}

/// A file with all its changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// Relative to the project.
    pub file: PathBuf,
    /// What it holds now; `None`: it is not there.
    pub old: Option<String>,
    /// What it will hold.
    pub new: String,
}

/// The files that the fixes of `findings` change, by path. Where two fixes want the same piece, the
/// first has it.
pub fn patches(findings: &[Finding]) -> Vec<Patch> {
    let mut files: BTreeMap<&Path, Vec<&Edit>> = BTreeMap::new();
    for edit in findings
        .iter()
        .filter_map(|f| f.fix.as_ref())
        .flat_map(|fix| &fix.edits)
    {
        files.entry(&edit.file).or_default().push(edit);
    }
    files.into_values().filter_map(patch).collect()
}

fn patch(edits: Vec<&Edit>) -> Option<Patch> {
    let first = *edits.first()?;
    let mut kept: Vec<&Edit> = Vec::new();
    for edit in edits {
        let apart =
            |other: &&Edit| edit.span.end <= other.span.start || other.span.end <= edit.span.start;
        if edit.old == first.old && kept.iter().all(apart) && !kept.contains(&edit) {
            kept.push(edit);
        }
    }
    kept.sort_by_key(|edit| edit.span.start);
    let old = first.old.as_deref().unwrap_or_default();
    let (mut new, mut at) = (String::new(), 0);
    for edit in kept {
        new.push_str(&old[at..edit.span.start]);
        new.push_str(&edit.new);
        at = edit.span.end;
    }
    new.push_str(&old[at..]);
    Some(Patch {
        file: first.file.clone(),
        old: first.old.clone(),
        new,
    })
}

impl Patch {
    /// The changed lines, as `diff` marks them: `-` what goes, `+` what comes.
    pub fn lines(&self) -> Vec<String> {
        let old: Vec<&str> = self.old.as_deref().unwrap_or_default().lines().collect();
        let new: Vec<&str> = self.new.lines().collect();
        let same = |(a, b): &(&&str, &&str)| a == b;
        let head = old.iter().zip(&new).take_while(same).count();
        let (old, new) = (&old[head..], &new[head..]);
        let tail = old
            .iter()
            .rev()
            .zip(new.iter().rev())
            .take_while(same)
            .count();
        difference(&old[..old.len() - tail], &new[..new.len() - tail])
    }
}

/// What goes and what comes, by the longest common subsequence.
fn difference(old: &[&str], new: &[&str]) -> Vec<String> {
    let mut longest = vec![vec![0u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] = if old[i] == new[j] {
                longest[i + 1][j + 1] + 1
            } else {
                longest[i + 1][j].max(longest[i][j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && longest[i + 1][j] >= longest[i][j + 1] {
            lines.push(format!("-{}", old[i]));
            i += 1;
        } else {
            lines.push(format!("+{}", new[j]));
            j += 1;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::{Severity, debug};

    fn finding(edits: Vec<Edit>) -> Finding {
        let mut finding = Finding::new(&debug::CHECK, None, "", "").severity(Severity::Advice);
        finding.fix = Some(Fix { edits });
        finding
    }

    #[test]
    fn changes_of_one_file_come_together_and_no_piece_changes_twice() {
        let (file, old) = (Path::new("s.py"), "a\nDEBUG = True\nb");
        let line = |to| Edit::line(file, old, 2, "DEBUG = True", to).unwrap();
        let findings = [
            finding(vec![
                line("DEBUG = os"),
                Edit::before(file, old, 1, "import os").unwrap(),
            ]),
            finding(vec![line("DEBUG = no"), Edit::append(file, old, "c")]),
        ];
        let [patch] = patches(&findings).try_into().unwrap();
        assert_eq!(patch.new, "import os\na\nDEBUG = os\nb\nc\n");
        let lines = ["+import os", "-DEBUG = True", "+DEBUG = os", "+c"];
        assert_eq!(patch.lines(), lines);
    }

    #[test]
    fn a_line_that_reads_otherwise_is_not_touched() {
        let file = Path::new("s.py");
        for old in ["DEBUG = True  # dev\n", "if x:\n    DEBUG = True\n", ""] {
            assert_eq!(Edit::line(file, old, 1, "DEBUG = True", "x"), None);
        }
    }
}

//! Laying the projects out from clones of the repositories that they are in.
//!
//! A clone may be bare; what counts is its newest commit. Each project gets the time of the last
//! commit that changed it, as a checkout of its author would have, because `ship` looks at it.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use ship_base::file;

use super::stranger::Stranger;
use crate::Result;

/// The folder with the clones, each at `OWNER/NAME`.
pub(crate) struct Clones<'a>(pub(crate) &'a Path);

impl Clones<'_> {
    /// Lays `stranger` out as `folder`, if its repository is among the clones.
    pub(crate) fn lay_out(&self, stranger: &Stranger, folder: &Path) -> Result<()> {
        let (repository, path) = match stranger.from.split_once(": ") {
            Some((repository, path)) => (repository, path),
            None => (stranger.from.as_str(), ""),
        };
        let clone = self.0.join(repository);
        if !clone.is_dir() {
            return Ok(());
        }
        let changed = if path.is_empty() { "." } else { path };
        let time = git(&clone, &["log", "-1", "--format=%cI", "--", changed])?;
        let time = time.trim();
        if time.is_empty() {
            return Err(format!("{repository} has no `{path}`").into());
        }
        file::create_folder(folder)?;
        if Path::new(path).extension().is_some_and(|it| it == "rst") {
            let page = git(&clone, &["show", &format!("HEAD:{path}")])?;
            write_page(&page, folder)?;
            return touch(folder, time);
        }
        extract(&clone, path, time, folder)
    }
}

/// The tree `path` of the newest commit, unpacked.
fn extract(clone: &Path, path: &str, time: &str, folder: &Path) -> Result<()> {
    let mut archive = Command::new("git")
        .arg("-C")
        .arg(clone)
        .args(["archive", "--format=tar"])
        .arg(format!("--mtime={time}"))
        .arg(format!("HEAD:{path}"))
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = archive.stdout.take().ok_or("`git archive` has no output")?;
    let unpacked = Command::new("tar")
        .args(["--extract", "--directory"])
        .arg(folder)
        .stdin(stdout)
        .status()?;
    if !archive.wait()?.success() || !unpacked.success() {
        return Err(format!("cannot unpack `{path}` of {}", clone.display()).into());
    }
    Ok(())
}

/// The code blocks of a page as `app.py`, and what they import as `requirements.txt`.
fn write_page(page: &str, folder: &Path) -> Result<()> {
    let code = code_blocks(page);
    let mut requirements = String::new();
    for package in ["klein", "treq", "werkzeug"] {
        let is_imported = |line: &str| {
            let mut words = line.split_whitespace();
            matches!(words.next(), Some("import" | "from"))
                && words.next().and_then(|name| name.split('.').next()) == Some(package)
        };
        if code.lines().any(is_imported) {
            writeln!(requirements, "{package}")?;
        }
    }
    file::write_whole_with_mode(&folder.join("app.py"), code.as_bytes(), 0o644)?;
    let path = folder.join("requirements.txt");
    file::write_whole_with_mode(&path, requirements.as_bytes(), 0o644)?;
    Ok(())
}

/// The Python of all blocks, without their indent.
fn code_blocks(page: &str) -> String {
    let mut code = String::new();
    let mut is_code = false;
    for line in page.lines() {
        if line.trim() == ".. code-block:: python" {
            is_code = true;
        } else if is_code && (line.starts_with("    ") || line.trim().is_empty()) {
            code.push_str(line.get(4..).unwrap_or_default());
            code.push('\n');
        } else {
            is_code = false;
        }
    }
    code
}

fn touch(folder: &Path, time: &str) -> Result<()> {
    let files = file::entries(folder)?;
    let touched = Command::new("touch")
        .args(["--date", time])
        .args(files.iter().map(std::fs::DirEntry::path))
        .status()?;
    if touched.success() {
        Ok(())
    } else {
        Err(format!("cannot set the time of {}", folder.display()).into())
    }
}

fn git(clone: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .arg("-C")
        .arg(clone)
        .args(arguments)
        .output()?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(format!("`git {}`: {}", arguments.join(" "), words.trim()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_of_a_page_is_all_its_blocks() {
        let page = "Title\n\n.. code-block:: python\n\n    import a\n\n    if a:\n        b()\n\nWords.\n\n.. code-block:: python\n\n    c()\n";
        assert_eq!(code_blocks(page), "\nimport a\n\nif a:\n    b()\n\n\nc()\n");
    }
}

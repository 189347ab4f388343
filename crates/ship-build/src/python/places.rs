//! Where Pythons are on machines.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use ship_base::file;
use ship_base::paths::Folders;

use crate::uv::Variables;

/// Names of interpreters in a folder of programs. `python3` first: where it is a link, the numbered
/// name is the same file.
const NAMES: &[&str] = &[
    "python3",
    "python3.15",
    "python3.14",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
    "python3.9",
    "python3.8",
    "python3.14t",
    "python3.13t",
    "pypy3",
];

/// Folders of programs that a daemon's PATH may lack.
const USUAL: &[&str] = &["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];

/// Files that may be interpreters; the same one may come several times.
pub(super) fn files(tools: &Variables, folders: &Folders) -> impl Iterator<Item = PathBuf> {
    let programs = on_path(tools)
        .into_iter()
        .chain(USUAL.iter().map(PathBuf::from))
        .chain(installations(tools, folders));
    let named = programs.flat_map(|folder| NAMES.iter().map(move |name| folder.join(name)));
    named.filter(|file| file.is_file())
}

/// The folders on the PATH, without shims: they start another program by rules of their own.
fn on_path(tools: &Variables) -> Vec<PathBuf> {
    let path = tools.get("PATH").map(|path| path.reveal().as_str());
    std::env::split_paths(path.unwrap_or_default())
        .filter(|folder| folder.is_absolute() && !folder.ends_with("shims"))
        .collect()
}

/// `bin` of every version that a version manager, uv or we ourselves have installed.
pub(crate) fn installations(tools: &Variables, folders: &Folders) -> impl Iterator<Item = PathBuf> {
    let path = |name: &str| tools.get(name).map(|value| PathBuf::from(value.reveal()));
    let home = path("HOME").unwrap_or_default();
    let data = path("XDG_DATA_HOME").unwrap_or_else(|| home.join(".local/share"));
    let roots = [
        folders.pythons(),
        path("PYENV_ROOT")
            .unwrap_or_else(|| home.join(".pyenv"))
            .join("versions"),
        path("UV_PYTHON_INSTALL_DIR").unwrap_or_else(|| data.join("uv/python")),
        data.join("mise/installs/python"),
        home.join(".asdf/installs/python"),
    ];
    roots
        .into_iter()
        .filter(|root| root.is_absolute())
        .flat_map(|root| versions(&root))
}

/// Whether every user may enter all folders above a file, and run it.
pub(crate) fn others_reach(file: &Path) -> bool {
    file.ancestors().all(|path| {
        path.metadata()
            .is_ok_and(|facts| facts.permissions().mode() & 0o001 != 0)
    })
}

fn versions(root: &Path) -> Vec<PathBuf> {
    let entries = file::entries_if_there(root).unwrap_or_default();
    entries
        .iter()
        .map(|entry| entry.path().join("bin"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_closed_folder_is_for_its_owner_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("bin");
        file::create_folder(&folder).unwrap();
        let python = folder.join("python3");
        file::write_whole_with_mode(&python, b"#!", 0o755).unwrap();
        file::set_mode(home.path(), 0o755).unwrap();
        assert!(others_reach(&python));
        file::set_mode(home.path(), 0o700).unwrap();
        assert!(!others_reach(&python));
        file::set_mode(home.path(), 0o711).unwrap();
        file::set_mode(&python, 0o744).unwrap();
        assert!(!others_reach(&python));
    }
}

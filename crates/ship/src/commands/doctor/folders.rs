//! Whether our folders can be written and are ours alone.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{Access, access};
use ship_base::paths::Folders;

use super::finding::Finding;

/// The folder of data and the folder of sockets.
pub(crate) fn check(folders: &Folders) -> Vec<Finding> {
    let used = folders.database().exists();
    vec![
        folder("data", folders.data(), used),
        folder("sockets", folders.runtime(), used),
    ]
}

/// One folder. The first server makes it private: before that (`used`), its mode says nothing.
fn folder(area: &str, path: &Path, used: bool) -> Finding {
    let shown = path.display();
    let Some(there) = path.ancestors().find(|folder| folder.exists()) else {
        return Finding::broken(
            area,
            format!("{shown}: no folder above it exists"),
            remedy(),
        );
    };
    if let Err(error) = access(there, Access::WRITE_OK | Access::EXEC_OK) {
        let what = format!("{shown}: `{}` cannot be written: {error}", there.display());
        return Finding::broken(area, what, remedy());
    }
    if there != path {
        return Finding::good(area, format!("{shown} (made when it is needed)"));
    }
    if !used || is_private(path) {
        return Finding::good(area, shown.to_string());
    }
    let remedy = format!("`chmod 700 {shown}`, and `ls -ld {shown}` says whose it is");
    Finding::broken(area, format!("{shown} can be entered by others"), remedy)
}

fn remedy() -> String {
    "`SHIP_HOME=/some/folder ship …` puts everything into another folder".to_owned()
}

/// Whether it is this user's alone (none of the last six bits of the mode is set): sockets in it
/// are as good as a login.
fn is_private(path: &Path) -> bool {
    let own = rustix::process::getuid().as_raw();
    path.metadata()
        .is_ok_and(|folder| folder.uid() == own && folder.mode().trailing_zeros() >= 6)
}

#[cfg(test)]
mod tests {
    use super::folder as look_at;

    #[test]
    fn a_folder_that_others_can_enter_is_broken() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("ship");
        assert!(!look_at("data", &folder, true).is_broken());
        ship_base::file::create_private_folder(&folder).unwrap();
        assert!(!look_at("data", &folder, true).is_broken());
        ship_base::file::set_mode(&folder, 0o755).unwrap();
        assert!(look_at("data", &folder, true).is_broken());
    }
}

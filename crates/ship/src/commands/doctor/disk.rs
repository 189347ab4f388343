//! How much room there is, and what Shipsmith holds of it.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use ship_base::count;
use ship_base::file;
use ship_base::paths::Folders;

use super::finding::Finding;

/// Below this a build may fail.
const LITTLE: u64 = 1_000_000_000;
/// Below this almost everything does.
const NONE: u64 = 50_000_000;

/// Room, and what is held.
pub(crate) fn check(folders: &Folders) -> Vec<Finding> {
    vec![room(folders.data()), held(folders)]
}

fn room(data: &Path) -> Finding {
    let there = data.ancestors().find(|folder| folder.exists());
    let stat = there.and_then(|folder| rustix::fs::statvfs(folder).ok());
    let Some(stat) = stat else {
        return Finding::broken("disk", "cannot be asked for its room", "`df -h`");
    };
    let free = stat.f_bavail.saturating_mul(stat.f_frsize);
    let what = format!("{} free", count::bytes(free));
    let remedy = "free some space; `ship destroy` removes an app with all it holds";
    if free < NONE {
        Finding::broken("disk", what, remedy)
    } else if free < LITTLE {
        Finding::notable("disk", what, remedy)
    } else {
        Finding::good("disk", what)
    }
}

fn held(folders: &Folders) -> Finding {
    let mut scale = Scale::default();
    let mut apps = [
        ("releases", 0),
        ("work", 0),
        ("data", 0),
        ("logs", 0),
        ("build", 0),
    ];
    for app in file::entries_if_there(&folders.apps()).unwrap_or_default() {
        for (kind, bytes) in &mut apps {
            *bytes += scale.weigh(&app.path().join(kind));
        }
    }
    let store = [
        ("environments", scale.weigh(&folders.environments())),
        ("byte code", scale.weigh(&folders.byte_code())),
        ("Pythons", scale.weigh(&folders.pythons())),
        ("uv", scale.weigh(&folders.uv())),
    ];
    let parts: Vec<(&str, u64)> = apps.into_iter().chain(store).collect();
    let whole: u64 = parts.iter().map(|(_, bytes)| bytes).sum();
    if whole == 0 {
        return Finding::good("held", "nothing yet");
    }
    let parts = parts.iter().filter(|(_, bytes)| *bytes > 0);
    let parts: Vec<String> = parts
        .map(|(kind, bytes)| format!("{kind} {}", count::bytes(*bytes)))
        .collect();
    Finding::good(
        "held",
        format!("{}: {}", count::bytes(whole), parts.join(", ")),
    )
}

/// Weighs folders by the blocks they take; a file with several names counts once, where it is
/// met first.
#[derive(Default)]
struct Scale {
    met: HashSet<(u64, u64)>,
}

impl Scale {
    fn weigh(&mut self, path: &Path) -> u64 {
        let Ok(metadata) = path.symlink_metadata() else {
            return 0;
        };
        if metadata.nlink() > 1
            && !metadata.is_dir()
            && !self.met.insert((metadata.dev(), metadata.ino()))
        {
            return 0;
        }
        // st_blocks counts 512 bytes each, whatever the file system's own block is (stat(2)).
        let own = metadata.blocks() * 512;
        if !metadata.is_dir() {
            return own;
        }
        let entries = file::entries(path).unwrap_or_default();
        own + entries
            .iter()
            .map(|entry| self.weigh(&entry.path()))
            .sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "a test makes files of its own")]

    use super::*;

    #[test]
    fn a_file_with_two_names_weighs_once() {
        let folder = tempfile::tempdir().unwrap();
        let one = folder.path().join("one");
        std::fs::write(&one, vec![1; 100_000]).unwrap();
        let before = Scale::default().weigh(folder.path());
        std::fs::hard_link(&one, folder.path().join("two")).unwrap();
        assert_eq!(Scale::default().weigh(folder.path()), before);
        assert!(before >= 100_000);
    }
}

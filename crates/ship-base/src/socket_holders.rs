//! Which processes of this machine hold which sockets (proc(5), `/proc/PID/fd`), for people.

use std::collections::BTreeMap;
use std::path::Path;

use crate::file;

/// The holders of all sockets, as far as this user may see.
#[derive(Debug)]
pub struct SocketHolders(BTreeMap<u64, String>);

impl SocketHolders {
    /// Looks at all processes.
    pub fn look() -> Self {
        Self::below(Path::new("/proc"))
    }

    fn below(proc: &Path) -> Self {
        let entries = file::entries(proc).unwrap_or_default();
        let mut processes: Vec<u32> = entries
            .iter()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .collect();
        // The first of all processes keeps sockets for services while these are restarted (systemd's
        // descriptor store): it is named only where nobody else has them.
        processes.sort_by_key(|pid| (*pid == 1, *pid));
        let mut holders = BTreeMap::new();
        for pid in processes {
            let folder = proc.join(pid.to_string());
            let descriptors = file::entries(&folder.join("fd")).unwrap_or_default();
            let links = descriptors
                .iter()
                .filter_map(|descriptor| descriptor.path().read_link().ok());
            for inode in links.filter_map(|link| inode(link.to_str()?)) {
                holders.entry(inode).or_insert_with(|| {
                    let name = file::read_text(&folder.join("comm")).unwrap_or_default();
                    format!("{} (pid {pid})", name.trim())
                });
            }
        }
        Self(holders)
    }

    /// Who holds the socket with this inode: `nginx (pid 812)`.
    pub fn of(&self, inode: u64) -> Option<&str> {
        self.0.get(&inode).map(String::as_str)
    }
}

fn inode(link: &str) -> Option<u64> {
    let inode = link.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_service_is_named_before_the_manager_that_keeps_its_sockets() {
        let proc = tempfile::tempdir().unwrap();
        for (pid, name, sockets) in [
            (1, "systemd", &[7, 8][..]),
            (20, "ship-control", &[7]),
            (812, "ship-door", &[7, 9]),
        ] {
            let folder = proc.path().join(pid.to_string());
            file::create_folder(&folder.join("fd")).unwrap();
            file::write_whole(&folder.join("comm"), name.as_bytes()).unwrap();
            for socket in sockets {
                let link = format!("socket:[{socket}]");
                symlink(link, folder.join("fd").join(socket.to_string())).unwrap();
            }
        }
        let holders = SocketHolders::below(proc.path());
        assert_eq!(holders.of(7), Some("ship-control (pid 20)"));
        assert_eq!(holders.of(8), Some("systemd (pid 1)"));
        assert_eq!(holders.of(9), Some("ship-door (pid 812)"));
        assert_eq!(holders.of(10), None);
    }
}

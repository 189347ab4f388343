//! What died and left something behind: all of it is cleaned by the next server.

use std::os::unix::net::UnixStream;
use std::path::Path;

use ship_base::file;
use ship_base::paths::Folders;
use ship_run::event::Report;

use super::finding::Finding;

/// Drafts of builds, sockets without anybody behind them, keepers without a server. While a server
/// runs, drafts and sockets may be in use and are its business.
pub(crate) fn check(folders: &Folders, server_runs: bool) -> Vec<Finding> {
    if server_runs {
        return vec![Finding::good(
            "leftovers",
            "none: the server looks after them",
        )];
    }
    let counts = [
        (
            keepers(folders),
            "instance that runs without a server",
            "instances that run without a server",
        ),
        (drafts(folders), "half-made release", "half-made releases"),
        (dead_sockets(folders), "dead socket", "dead sockets"),
    ];
    let found: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| format!("{count} {}", if count == 1 { one } else { many }))
        .collect();
    if found.is_empty() {
        return vec![Finding::good("leftovers", "none")];
    }
    vec![Finding::notable(
        "leftovers",
        found.join(", "),
        "`ship ps` starts the server, which takes the living back and clears the rest",
    )]
}

/// Keepers that live, by the state files they write.
fn keepers(folders: &Folders) -> usize {
    let states = file::entries_if_there(&folders.keepers()).unwrap_or_default();
    let reports = states
        .iter()
        .filter(|entry| entry.path().extension().is_some_and(|end| end == "json"))
        .filter_map(|entry| file::read(&entry.path()).ok())
        .filter_map(|text| serde_json::from_slice::<Report>(&text).ok());
    reports.filter(|report| report.keeper.is_alive()).count()
}

fn drafts(folders: &Folders) -> usize {
    let apps = file::entries_if_there(&folders.apps()).unwrap_or_default();
    let releases = apps.iter().map(|app| app.path().join("releases"));
    let entries = releases.flat_map(|folder| file::entries_if_there(&folder).unwrap_or_default());
    entries
        .filter(|entry| entry.file_name().as_encoded_bytes().starts_with(b"."))
        .count()
}

fn dead_sockets(folders: &Folders) -> usize {
    let rooms = [
        folders.runtime().to_owned(),
        folders.keepers(),
        folders.sockets(),
    ];
    let entries = rooms
        .iter()
        .flat_map(|room| file::entries_if_there(room).unwrap_or_default());
    let sockets = entries.filter(|entry| {
        use std::os::unix::fs::FileTypeExt as _;
        entry.file_type().is_ok_and(|kind| kind.is_socket())
    });
    sockets.filter(|socket| is_dead(&socket.path())).count()
}

fn is_dead(socket: &Path) -> bool {
    UnixStream::connect(socket)
        .is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drafts_and_dead_sockets_are_found() {
        let home = tempfile::tempdir_in("/tmp").unwrap();
        let folders = Folders::under(home.path().to_owned());
        folders.create().unwrap();
        assert_eq!(check(&folders, false)[0].what, "none");
        let draft = folders.apps().join("blog/releases/.draft-7");
        file::create_folder(&draft).unwrap();
        drop(std::os::unix::net::UnixListener::bind(folders.api_socket()).unwrap());
        assert_eq!(
            check(&folders, false)[0].what,
            "1 half-made release, 1 dead socket"
        );
    }
}

//! Every folder, file and socket that Shipsmith owns, in one place.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::file::{self, FileError};
use crate::hash::ContentHash;
use crate::name::{AppName, InstanceId, ProcessName, ReleaseId};

/// The longest path a socket of ours may have. The kernel's limit is 108 bytes with the closing
/// NUL (unix(7)); the longest name we append is `<app>.<process>.<n>.r<n>.keep`.
const LONGEST_RUNTIME: usize = 40;

/// What the sockets of doors that leave begin with.
const LEFT: &str = "left-";

/// The folders of one installation: a user's own (XDG), a server's, or all below one folder.
///
/// ```
/// use ship_base::paths::Folders;
/// let folders = Folders::under("/srv/ship".into());
/// assert!(folders.database().ends_with("ship.db"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    data: PathBuf,
    runtime: PathBuf,
    /// Other users' programs come through to what is theirs.
    shared: bool,
}

/// No folder could be chosen.
#[derive(Debug, thiserror::Error)]
#[error("cannot choose a folder for Shipsmith's data: neither SHIP_HOME nor HOME is set")]
pub struct NoHome;

impl Folders {
    /// The folders of this user, from the environment given by `get`:
    /// `SHIP_HOME` puts everything below one folder; else `ship` in `XDG_DATA_HOME` (or
    /// `~/.local/share`), as the XDG Base Directory Specification 0.8 has it.
    ///
    /// `XDG_RUNTIME_DIR` is not for us: by that specification its life ends with the user's last
    /// session, and what `ship up --detach` started must not.
    pub fn of_user(get: impl Fn(&str) -> Option<OsString>) -> Result<Self, NoHome> {
        let absolute = |name: &str| {
            get(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        if let Some(home) = absolute("SHIP_HOME") {
            return Ok(Self::under(home));
        }
        let data = match absolute("XDG_DATA_HOME") {
            Some(data) => data,
            None => absolute("HOME").ok_or(NoHome)?.join(".local/share"),
        };
        Ok(Self::under(data.join("ship")))
    }

    /// The folders of a server: `/var/lib/ship` and `/run/ship`.
    pub fn of_server() -> Self {
        Self {
            data: "/var/lib/ship".into(),
            runtime: "/run/ship".into(),
            shared: true,
        }
    }

    /// Everything below one folder.
    pub fn under(home: PathBuf) -> Self {
        Self {
            runtime: fitting_runtime(home.join("run")),
            data: home,
            shared: false,
        }
    }

    /// Whether programs of other users come through to what is theirs: on a server.
    pub fn are_shared(&self) -> bool {
        self.shared
    }

    /// Creates the folders that must exist before anything else. They are the owner's alone; those of
    /// a server can be entered by the users of its apps, and not be listed.
    pub fn create(&self) -> Result<(), FileError> {
        let mode = if self.shared { 0o711 } else { 0o700 };
        for folder in [&self.data, &self.runtime] {
            file::create_folder(folder)?;
            file::set_mode(folder, mode)?;
        }
        for folder in [
            self.apps(),
            self.environments(),
            self.pythons(),
            self.uv(),
            self.byte_code(),
            self.door(),
            self.keepers(),
            self.sockets(),
        ] {
            file::create_folder(&folder)?;
        }
        Ok(())
    }

    /// The root of what must outlive a reboot.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The root of what need not outlive a reboot: sockets and the keepers' state.
    pub fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// `ship.db`: apps, settings, deploys.
    pub fn database(&self) -> PathBuf {
        self.data.join("ship.db")
    }

    /// The folder of all apps.
    pub fn apps(&self) -> PathBuf {
        self.data.join("apps")
    }

    /// The folder of one app.
    pub fn app(&self, app: &AppName) -> PathBuf {
        self.apps().join(app.as_str())
    }

    /// The releases of one app.
    pub fn releases(&self, app: &AppName) -> PathBuf {
        self.app(app).join("releases")
    }

    /// One release: `plan.json`, `source/`, `assets/`, `env`, `lock`. Read-only once whole.
    pub fn release(&self, app: &AppName, release: ReleaseId) -> PathBuf {
        self.releases(app).join(release.number().to_string())
    }

    /// The working copies of one app's releases: where instances run, and what they write outside
    /// the data folder; gone when the release stops.
    pub fn work(&self, app: &AppName, release: ReleaseId) -> PathBuf {
        self.app(app)
            .join("work")
            .join(release.number().to_string())
    }

    /// What an app keeps from release to release (`SHIP_DATA_DIR`).
    pub fn app_data(&self, app: &AppName) -> PathBuf {
        self.app(app).join("data")
    }

    /// The builder's own folder on a server: the caches of its tools.
    pub fn build_home(&self, app: &AppName) -> PathBuf {
        self.app(app).join("build")
    }

    /// The project as it was last sent by a deploy from afar.
    pub fn sent_project(&self, app: &AppName) -> PathBuf {
        self.app(app).join("project")
    }

    /// The content of what deploys from afar sent: a file per piece, named after its hash.
    pub fn sent_pieces(&self, app: &AppName) -> PathBuf {
        self.app(app).join("sent")
    }

    /// The repository that `git push` sends to, beside the folder that a commit is laid out in.
    pub fn pushed(&self, app: &AppName) -> PathBuf {
        self.app(app).join("git")
    }

    /// The lock that a deploy of this app holds.
    pub fn deploy_lock(&self, app: &AppName) -> PathBuf {
        self.app(app).join("deploy.lock")
    }

    /// The logs of one app, a folder per process.
    pub fn logs(&self, app: &AppName) -> PathBuf {
        self.app(app).join("logs")
    }

    /// The log of an app's requests, with a folder for the front door.
    pub fn access_log(&self, app: &AppName) -> PathBuf {
        self.app(app).join("access")
    }

    /// The log segments of one process.
    pub fn process_logs(&self, app: &AppName, process: &ProcessName) -> PathBuf {
        self.logs(app).join(process.as_str())
    }

    /// All environments.
    pub fn environments(&self) -> PathBuf {
        self.data.join("store/env")
    }

    /// The environment with this address.
    pub fn environment(&self, hash: &ContentHash) -> PathBuf {
        self.environments().join(hash.short())
    }

    /// Interpreters that we fetched.
    pub fn pythons(&self) -> PathBuf {
        self.data.join("store/python")
    }

    /// Our own pinned uv, by version.
    pub fn uv(&self) -> PathBuf {
        self.data.join("store/uv")
    }

    /// Byte code by package, shared by environments.
    pub fn byte_code(&self) -> PathBuf {
        self.data.join("store/pyc")
    }

    /// The door's own: its last route table and its certificates.
    pub fn door(&self) -> PathBuf {
        self.data.join("door")
    }

    /// The socket of the API.
    pub fn api_socket(&self) -> PathBuf {
        self.runtime.join("api.sock")
    }

    /// The socket through which deploy keys come to the API: each caller says first which it is.
    pub fn key_socket(&self) -> PathBuf {
        self.runtime.join("key.sock")
    }

    /// The same of a door that is to take the place of the one there, until it has it.
    pub fn next_door_socket(&self) -> PathBuf {
        self.runtime.join("next.sock")
    }

    /// The socket through which the door is told its routes.
    pub fn door_socket(&self) -> PathBuf {
        self.runtime.join("door.sock")
    }

    /// The socket of the door `pid` once another has its place, while it finishes what it has in its
    /// hands.
    pub fn left_door_socket(&self, pid: i32) -> PathBuf {
        self.runtime.join(format!("{LEFT}{pid}.sock"))
    }

    /// The sockets of all doors that are leaving, or have left and could not say so.
    pub fn left_door_sockets(&self) -> Result<Vec<PathBuf>, FileError> {
        let entries = file::entries_if_there(&self.runtime)?;
        let is_left = |path: &PathBuf| {
            let name = path.file_name().and_then(|name| name.to_str());
            name.is_some_and(|name| name.starts_with(LEFT))
        };
        Ok(entries
            .iter()
            .map(std::fs::DirEntry::path)
            .filter(is_left)
            .collect())
    }

    /// Servers far away that this user deploys to.
    pub fn remotes(&self) -> PathBuf {
        self.data.join("remotes.toml")
    }

    /// The lock that the one control process of this installation holds.
    pub fn server_lock(&self) -> PathBuf {
        self.data.join("server.lock")
    }

    /// What control and door write of themselves.
    pub fn server_log(&self) -> PathBuf {
        self.data.join("server.log")
    }

    /// State files and sockets of living keepers.
    pub fn keepers(&self) -> PathBuf {
        self.runtime.join("keep")
    }

    /// The folder of the sockets that instances listen on.
    pub fn sockets(&self) -> PathBuf {
        self.runtime.join("app")
    }

    /// The folder of the sockets of instances that run as the user `owner`.
    pub fn sockets_of(&self, owner: u32) -> PathBuf {
        self.sockets().join(owner.to_string())
    }

    /// The socket that one instance of one release listens on.
    pub fn instance_socket(&self, instance: &InstanceId, release: ReleaseId) -> PathBuf {
        self.sockets().join(instance_file_name(instance, release))
    }
}

/// `<app>.<process>.<index>.r<release>`, the stem of an instance's files in the runtime folder;
/// names too long for a socket path keep their first letters and a hash of the whole.
pub fn instance_file_name(instance: &InstanceId, release: ReleaseId) -> String {
    let name = format!("{}.{}.{release}", instance.app, instance.local());
    if name.len() <= 50 {
        return name;
    }
    format!(
        "{}.{}",
        &name[..30],
        ContentHash::of(name.as_bytes()).short()
    )
}

/// `wanted`, or where its path is too long for sockets a short folder in `/tmp` that is named
/// after the user and the path; [`Folders::create`] makes it private.
fn fitting_runtime(wanted: PathBuf) -> PathBuf {
    if wanted.as_os_str().len() <= LONGEST_RUNTIME {
        return wanted;
    }
    let user = rustix::process::getuid().as_raw();
    let hash = ContentHash::of(wanted.as_os_str().as_encoded_bytes()).short();
    PathBuf::from(format!("/tmp/ship-{user}-{}", &hash[..10]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &'static [(&'static str, &'static str)]) -> Folders {
        Folders::of_user(|name| {
            pairs
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.into())
        })
        .unwrap()
    }

    #[test]
    fn sockets_are_where_the_end_of_a_session_leaves_them() {
        let folders = from(&[("HOME", "/home/ana"), ("XDG_RUNTIME_DIR", "/run/user/1000")]);
        assert_eq!(folders.data(), Path::new("/home/ana/.local/share/ship"));
        assert_eq!(
            folders.api_socket(),
            Path::new("/home/ana/.local/share/ship/run/api.sock")
        );
    }

    #[test]
    fn xdg_data_home_is_respected() {
        let folders = from(&[("HOME", "/home/ana"), ("XDG_DATA_HOME", "/data")]);
        assert_eq!(folders.runtime(), Path::new("/data/ship/run"));
    }

    #[test]
    fn socket_paths_fit_the_kernel_however_long_the_names() {
        let long = "a".repeat(39);
        let instance = InstanceId::new(long.parse().unwrap(), long.parse().unwrap(), u32::MAX);
        for home in [
            "/x",
            "/a/very/long/home/folder/of/somebody/who/likes/long/names/and/more/of/it",
        ] {
            let folders = Folders::under(home.into());
            let socket = folders.instance_socket(&instance, ReleaseId::new(u32::MAX));
            assert!(socket.as_os_str().len() < 100, "{}", socket.display());
        }
    }

    #[test]
    fn no_home_is_an_error() {
        assert!(Folders::of_user(|_| None).is_err());
    }
}

//! A place for one test: folders, specs, keepers, and what a test asks of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use ship_base::name::{InstanceId, ReleaseId};
use ship_base::secret::Secret;
use ship_run::event::{Report, State};
use ship_run::process::{ProcessKey, descendants};
use ship_run::spec::{Health, Listen, Restart, Spec};
use ship_run::{Adopted, Error, ForkServer, Keeper};
use tempfile::TempDir;

/// Long enough for a busy machine; only failing tests wait for it.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// The keeper's program.
pub(crate) const ROLE: &str = env!("CARGO_BIN_EXE_ship-run-keeper");

pub(crate) struct Stage {
    folder: TempDir,
    pub(crate) server: Arc<ForkServer>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("ship")
            .tempdir_in("/tmp")
            .unwrap();
        let server = Arc::new(ForkServer::new(Path::new(ROLE)));
        Self { folder, server }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn keepers(&self) -> PathBuf {
        self.path("keep")
    }

    /// A worker: no socket, ready after 50 ms, never given up.
    pub(crate) fn worker(&self, argv: &[&str]) -> Spec {
        let path = std::env::var("PATH").unwrap();
        Spec {
            instance: "blog/web.1".parse::<InstanceId>().unwrap(),
            release: ReleaseId::new(7),
            argv: argv.iter().map(|word| (*word).to_owned()).collect(),
            env: BTreeMap::from([("PATH".to_owned(), Secret::new(path))]),
            folder: self.folder.path().to_owned(),
            listen: None,
            health: None,
            settle: Duration::from_millis(50),
            restart: Restart::Always,
            grace: Duration::from_secs(10),
            logs: self.path("logs"),
            log_cap: 16 << 20,
            keepers: self.keepers(),
            caps: ship_sandbox::Caps::default(),
        }
    }

    /// `sh -c line`.
    pub(crate) fn shell(&self, line: &str) -> Spec {
        self.worker(&["sh", "-c", line])
    }

    /// `sh -c line`, once.
    pub(crate) fn job(&self, line: &str) -> Spec {
        Spec {
            restart: Restart::Never,
            ..self.shell(line)
        }
    }

    /// A Python program that is to answer HTTP; it finds `SOCKET` in its environment.
    pub(crate) fn web(&self, code: &str, listen: Listen) -> Spec {
        let mut spec = self.worker(&[&python(), "-c", code]);
        if let Listen::Unix(path) = &listen {
            let path = path.to_str().unwrap().to_owned();
            spec.env.insert("SOCKET".to_owned(), path.into());
        }
        spec.listen = Some(listen);
        spec.health = Some(Health::Http1 {
            path: "/".to_owned(),
            host: "blog.localhost".to_owned(),
            scheme: "https".to_owned(),
        });
        spec
    }

    pub(crate) fn socket(&self) -> Listen {
        Listen::Unix(self.path("web.sock"))
    }

    /// Starts a keeper; its program has been started, too, when this returns.
    pub(crate) async fn start(&self, spec: &Spec) -> Keeper {
        let keeper = self.try_start(spec).await.unwrap();
        let started = |report: &Report| !matches!(report.state, State::Starting { pid: 0, .. });
        let seen = keeper
            .watch()
            .wait_for(|report| report.as_ref().is_none_or(started))
            .await
            .is_ok();
        assert!(seen || keeper.report().ended().is_some());
        keeper
    }

    pub(crate) async fn try_start(&self, spec: &Spec) -> Result<Keeper, Error> {
        Keeper::start(&self.server, spec).await
    }

    /// What a restarted control process does.
    pub(crate) async fn adopt(&self) -> Adopted {
        ship_run::adopt_all(&self.keepers()).await.unwrap()
    }

    /// Everything in the log, segments in order of their names.
    pub(crate) fn log(&self) -> Vec<u8> {
        let mut paths: Vec<_> = fs::read_dir(self.path("logs"))
            .map(|entries| entries.map(|entry| entry.unwrap().path()).collect())
            .unwrap_or_default();
        paths.sort();
        paths
            .iter()
            .flat_map(|path| fs::read(path).unwrap())
            .collect()
    }

    /// The texts that one stream (`out`, `err`, `ship`) brought, in order.
    pub(crate) fn lines(&self, stream: &str) -> Vec<String> {
        let log = self.log();
        let text = String::from_utf8_lossy(&log);
        let words = text
            .lines()
            .filter_map(|line| line.split_once(' ')?.1.split_once(' '));
        words
            .filter(|(mark, _)| *mark == stream)
            .map(|(_, text)| text.to_owned())
            .collect()
    }

    pub(crate) async fn logged(&self, stream: &str, text: &str) {
        wait_until(|| self.lines(stream).iter().any(|line| line.contains(text))).await;
    }

    /// The number a program wrote to a file here.
    pub(crate) async fn pid_in(&self, name: &str) -> ProcessKey {
        let path = self.path(name);
        wait_until(|| fs::read_to_string(&path).is_ok_and(|text| text.ends_with('\n'))).await;
        let pid = fs::read_to_string(&path).unwrap().trim().parse().unwrap();
        ProcessKey::of(pid).unwrap()
    }

    fn keepers_alive(&self) -> Vec<i32> {
        let text = |path: PathBuf| fs::read_to_string(path).ok();
        let entries = fs::read_dir(self.keepers()).into_iter().flatten().flatten();
        let states = entries.filter_map(|entry| text(entry.path()));
        let pid = |state: &str| {
            state
                .split_once("\"keeper\":{\"pid\":")?
                .1
                .split_once(',')?
                .0
                .parse()
                .ok()
        };
        states.filter_map(|state| pid(&state)).collect()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for keeper in self.keepers_alive() {
            let mut all = descendants(keeper);
            all.extend(ProcessKey::of(keeper));
            for key in all {
                kill(key, Signal::KILL);
            }
        }
    }
}

/// The interpreter itself: shims of version managers start slowly.
pub(crate) fn python() -> String {
    let ask = std::process::Command::new("python3")
        .args(["-c", "import sys; print(sys.executable)"])
        .output();
    String::from_utf8(ask.unwrap().stdout)
        .unwrap()
        .trim()
        .to_owned()
}

pub(crate) fn kill(key: ProcessKey, signal: Signal) {
    let _ = kill_process(Pid::from_raw(key.pid).unwrap(), signal);
}

/// Waits for a condition, which must come true.
pub(crate) async fn wait_until(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(
            Instant::now() < deadline,
            "it did not come true within {LONG:?}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a report, which must come.
pub(crate) async fn report_with(keeper: &Keeper, condition: impl Fn(&Report) -> bool) -> Report {
    let mut reports = keeper.watch();
    let fits = |report: &Option<Report>| report.as_ref().is_none_or(&condition);
    let found = tokio::time::timeout(LONG, reports.wait_for(fits)).await;
    let found =
        found.unwrap_or_else(|_| panic!("no such report; the last is {:?}", keeper.report()));
    found
        .unwrap()
        .clone()
        .unwrap_or_else(|| panic!("the keeper is gone: {:?}", keeper.report()))
}

/// The program's number.
pub(crate) fn program(report: &Report) -> ProcessKey {
    report
        .program
        .unwrap_or_else(|| panic!("nothing runs: {report:?}"))
}

pub(crate) fn is_waiting(report: &Report) -> bool {
    matches!(report.state, State::Waiting { .. })
}

pub(crate) fn stop_now(
    keeper: &Keeper,
) -> impl Future<Output = Result<Option<ship_run::event::Ended>, Error>> {
    keeper.stop(Duration::ZERO)
}

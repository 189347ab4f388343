//! What `git push` sends to an app: a repository of the app's own on the server, and the commit that
//! is to be deployed.
//!
//! Whoever pushes chooses every byte of it. So the repository's own configuration is ours and no
//! other is read, no filter runs at checkout, submodules are left alone, and names go to git as
//! arguments, never through a shell.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use ship_api::source::MOST_BYTES;
use ship_base::fault::FaultKind;
use ship_base::file;
use ship_base::name::{AppName, KeyName};
use ship_base::paths::Folders;

use crate::error::{CommandError, Result};
use crate::world::World;

/// What git runs when everything has arrived and nothing is kept yet (githooks(5), "pre-receive").
/// Its words are set by us and have no meaning to a shell.
const HOOK: &str = "#!/bin/sh\nexec \"$SHIP_GIT_PROGRAM\" git deploy $SHIP_GIT_WORDS\n";
/// The branches that are deployed.
const BRANCHES: [&str; 2] = ["refs/heads/main", "refs/heads/master"];

/// A bare repository, and the folder that its commits are laid out in.
pub(crate) struct Repository {
    app: AppName,
    folder: PathBuf,
}

/// The commit that is to be deployed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pushed {
    pub(crate) commit: String,
}

/// A commit as files, and git's index of them beside; both are gone when it is dropped.
pub(crate) struct CheckedOut(PathBuf);

impl Repository {
    /// The one of `app`, there or not.
    pub(crate) fn of(folders: &Folders, app: &AppName) -> Self {
        Self {
            app: app.clone(),
            folder: folders.pushed(app),
        }
    }

    /// Held while a commit of it is laid out.
    pub(crate) fn lock(&self) -> PathBuf {
        self.folder.with_extension("lock")
    }

    /// Makes it, where it is not there yet.
    pub(crate) fn prepare(&self) -> Result<()> {
        file::create_private_folder(&self.folder)?;
        if !self.folder.join("HEAD").exists() {
            let mut git = git();
            git.args(["init", "--quiet", "--bare"]).arg(&self.folder);
            run(&mut git, "init")?;
        }
        let hooks = self.folder.join("hooks");
        file::create_folder(&hooks)?;
        let hook = hooks.join("pre-receive");
        Ok(file::write_whole_with_mode(&hook, HOOK.as_bytes(), 0o755)?)
    }

    /// Becomes `git receive-pack`; comes back only where there is no git.
    pub(crate) fn receive(&self, key: Option<&KeyName>) -> CommandError {
        let words = match key {
            Some(key) => format!("{} --key {key}", self.app),
            None => self.app.to_string(),
        };
        let program = World::program();
        let program = program.canonicalize().unwrap_or(program);
        let settings = [
            format!("receive.maxInputSize={MOST_BYTES}"),
            "receive.denyDeletes=true".to_owned(),
            // A CI job has no more than the last commit.
            "receive.shallowUpdate=true".to_owned(),
            format!("core.hooksPath={}", self.folder.join("hooks").display()),
        ];
        let mut git = git();
        for setting in settings {
            git.args(["-c", &setting]);
        }
        git.arg("receive-pack").arg(&self.folder);
        git.env("SHIP_GIT_PROGRAM", program);
        git.env("SHIP_GIT_WORDS", words);
        git.env_remove("SSH_ORIGINAL_COMMAND");
        cannot_start(&git.exec())
    }

    /// The files of what was pushed. The caller is git's hook, which alone can see them yet.
    pub(crate) fn check_out(&self, pushed: &Pushed) -> Result<CheckedOut> {
        let folder = self.folder.with_extension("checkout");
        // With the index goes the lock that a git which was killed leaves beside it.
        file::remove_folder(&folder)?;
        file::create_private_folder(&folder)?;
        let checked_out = CheckedOut(folder);
        file::create_private_folder(&checked_out.folder())?;
        let inside = |verb: &str, words: &[&str]| {
            let mut git = git();
            git.arg("--git-dir").arg(&self.folder);
            git.arg("--work-tree").arg(checked_out.folder());
            git.env("GIT_INDEX_FILE", checked_out.0.join("index"));
            run(git.arg(verb).args(words), verb)
        };
        inside("read-tree", &[&pushed.commit])?;
        inside("checkout-index", &["--all", "--force", "--quiet"])?;
        Ok(checked_out)
    }
}

impl CheckedOut {
    /// Where the files are.
    pub(crate) fn folder(&self) -> PathBuf {
        self.0.join("files")
    }
}

impl Drop for CheckedOut {
    fn drop(&mut self) {
        // What is left is removed before the next one.
        let _ = file::remove_folder(&self.0);
    }
}

impl Pushed {
    /// From the lines that git gives a hook: old commit, new commit, branch.
    pub(crate) fn read(lines: &str) -> Result<Self> {
        let mut lines = lines.lines();
        let (Some(line), None) = (lines.next(), lines.next()) else {
            return Err(CommandError::user("more than one branch was pushed")
                .hint("`git push ship main` pushes the one that is deployed"));
        };
        let words: Vec<&str> = line.split(' ').collect();
        let [_, new, name] = words[..] else {
            return Err(CommandError::new(
                FaultKind::Bug,
                format!("git told the hook what it cannot read: `{line}`"),
            ));
        };
        if !BRANCHES.contains(&name) {
            let short = name.strip_prefix("refs/heads/").unwrap_or(name);
            return Err(CommandError::user(format!(
                "`{short}` is not the branch that is deployed"
            ))
            .hint(format!("`git push ship {short}:main` deploys it")));
        }
        if new.bytes().all(|digit| digit == b'0') {
            return Err(CommandError::user("the branch that is deployed stays")
                .hint("`ship destroy` removes the app"));
        }
        if !new.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(CommandError::new(
                FaultKind::Bug,
                format!("git told the hook of a commit that is none: `{new}`"),
            ));
        }
        Ok(Self {
            commit: new.to_owned(),
        })
    }
}

/// The app's path where `command`, which ssh was asked to run, is a push; `None` where it is
/// something else.
pub(crate) fn path_in(command: &str) -> Option<&str> {
    const ASKS: [&str; 3] = [
        "git-receive-pack ",
        "git receive-pack ",
        "ship git receive-pack ",
    ];
    let path = ASKS.iter().find_map(|ask| command.strip_prefix(ask))?;
    // git puts the path into quotes, for a shell; there is none here.
    Some(path.trim().trim_matches('\''))
}

/// git, which knows no configuration but the repository's.
fn git() -> Command {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_NOSYSTEM", "1");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null");
    git
}

fn run(git: &mut Command, verb: &str) -> Result<()> {
    let output = git
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let message = format!("`git {verb}` failed on the server");
    Err(CommandError::new(FaultKind::Outside, message).cause(words.trim()))
}

fn cannot_start(error: &io::Error) -> CommandError {
    let failed = CommandError::new(FaultKind::Outside, "cannot start `git` on the server");
    if error.kind() == io::ErrorKind::NotFound {
        return failed
            .cause("it is not installed there")
            .hint("`apt-get install git` installs it; `ship deploy` goes without");
    }
    failed.cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "0000000000000000000000000000000000000000";
    const NEW: &str = "f00dfeedf00dfeedf00dfeedf00dfeedf00dfeed";

    fn refused(lines: &str) -> String {
        match Pushed::read(lines) {
            Err(CommandError::Failed(problem)) => problem.message,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_main_branch_is_deployed_and_no_other() {
        for name in BRANCHES {
            let pushed = Pushed::read(&format!("{OLD} {NEW} {name}\n")).unwrap();
            assert_eq!(pushed.commit, NEW);
        }
        insta::assert_snapshot!(
            refused(&format!("{OLD} {NEW} refs/heads/feature/x\n")),
            @"`feature/x` is not the branch that is deployed"
        );
        insta::assert_snapshot!(
            refused(&format!("{OLD} {NEW} refs/tags/v1\n")),
            @"`refs/tags/v1` is not the branch that is deployed"
        );
        let line = format!("{OLD} {NEW} refs/heads/main\n");
        insta::assert_snapshot!(refused(&line.repeat(2)), @"more than one branch was pushed");
        insta::assert_snapshot!(
            refused(&format!("{NEW} {OLD} refs/heads/main\n")),
            @"the branch that is deployed stays"
        );
        assert!(refused(&format!("{OLD} --output=x refs/heads/main\n")).contains("none"));
    }

    #[test]
    fn a_push_is_told_from_other_commands() {
        assert_eq!(path_in("git-receive-pack '/blog'"), Some("/blog"));
        assert_eq!(path_in("git receive-pack 'blog.git'"), Some("blog.git"));
        assert_eq!(path_in("ship git receive-pack '/blog'"), Some("/blog"));
        assert_eq!(path_in("git-upload-pack '/blog'"), None);
        assert_eq!(path_in("ship dial"), None);
        assert_eq!(path_in(""), None);
    }
}

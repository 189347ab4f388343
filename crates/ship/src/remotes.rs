//! The servers far away that this user deploys to, and where each project went last:
//! `remotes.toml`, which people may edit.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use ship_api::Dial;
use ship_base::fault::FaultKind;
use ship_base::file;
use ship_base::name::AppName;

use crate::destination::Destination;
use crate::error::{CommandError, Result};
use crate::world::World;

/// The file's content.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remotes {
    /// Where projects go that never went anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) default: Option<AppName>,
    /// By name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) remote: BTreeMap<AppName, Remote>,
    /// By the project's folder.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) project: BTreeMap<PathBuf, Last>,
}

/// A server far away.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remote {
    /// What ssh is told: `root@203.0.113.7`.
    pub(crate) ssh: String,
}

/// Where a project went last, and as what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Last {
    /// A remote's name, or a destination.
    pub(crate) to: String,
    /// Its name there.
    pub(crate) app: AppName,
}

impl Remotes {
    /// The user's own; empty where there are none.
    pub(crate) fn read(world: &World) -> Result<Self> {
        let path = world.folders()?.remotes();
        let Some(text) = file::read_text_if_there(&path)? else {
            return Ok(Self::default());
        };
        toml::from_str(&text).map_err(|error| {
            let message = format!("cannot understand `{}`", path.display());
            CommandError::new(FaultKind::User, message).cause(error.to_string().trim_end())
        })
    }

    /// Writes them, whole.
    pub(crate) fn write(&self, world: &World) -> Result<()> {
        let folders = world.folders()?;
        let text = toml::to_string(self).map_err(|error| {
            CommandError::new(FaultKind::Bug, "the remotes cannot be written").cause(error)
        })?;
        file::create_private_folder(folders.data())?;
        Ok(file::write_whole(&folders.remotes(), text.as_bytes())?)
    }

    /// What `name` means: a remote of this name, else a destination of ssh.
    pub(crate) fn destination(&self, name: &str) -> Result<Destination> {
        let known = self
            .remote
            .iter()
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, remote)| remote.ssh.as_str());
        known.unwrap_or(name).parse().map_err(|error| {
            let error = CommandError::user(format!("{error}"));
            if self.remote.is_empty() {
                error.hint("`ship remote add NAME user@host` gives a server a name")
            } else {
                error.hint("`ship remote list` shows the names you gave")
            }
        })
    }

    /// How the server that `name` means is reached.
    pub(crate) fn dial(&self, world: &World, name: &str) -> Result<Dial> {
        let destination = self.destination(name)?;
        Ok(ssh(world, &destination, &["ship", "dial"]))
    }

    /// Where the project in `folder`, or in one above it, went last.
    pub(crate) fn last(&self, folder: &Path) -> Option<&Last> {
        folder
            .ancestors()
            .find_map(|folder| self.project.get(folder))
    }

    /// Where `ship deploy` goes when nobody says: where it went before, the default, the only one.
    pub(crate) fn usual(&self, project: &Path) -> Option<String> {
        let only = || match self.remote.len() {
            1 => self.remote.keys().next(),
            _ => None,
        };
        let named = || self.default.as_ref().or_else(only).map(ToString::to_string);
        let last = self.project.get(project).map(|last| last.to.clone());
        last.or_else(named)
    }
}

/// Runs a program far away to its end with `input` to read; gives its exit code, ssh's own being 255.
/// The other side's words go where ours go.
pub(crate) fn start_there(dial: &Dial, input: &[u8]) -> Result<Option<i32>> {
    let started = || {
        let mut child = Command::new(&dial.program)
            .args(&dial.arguments)
            .stdin(Stdio::piped())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that refuses early says why by itself.
            let _ = stdin.write_all(input);
        }
        Ok(child.wait()?.code())
    };
    started().map_err(|error: std::io::Error| {
        let message = format!("cannot start `{}`", dial.program.display());
        CommandError::new(FaultKind::Outside, message).cause(error)
    })
}

/// The same; what went wrong there was said there, in the same words.
pub(crate) fn run_there(dial: &Dial, input: &[u8]) -> Result<()> {
    let there = &dial.destination;
    match start_there(dial, input)? {
        Some(0) => Ok(()),
        Some(255) | None => Err(no_way(there)),
        Some(code) => Err(CommandError::new(
            FaultKind::Outside,
            format!("{there} did not do it: the command ended there with {code}"),
        )),
    }
}

/// ssh itself failed.
pub(crate) fn no_way(there: &str) -> CommandError {
    let message = format!("ssh did not come through to {there}");
    let error = CommandError::new(FaultKind::Outside, message);
    error.hint(format!("`ssh {there}` shows whether you may come in"))
}

/// The user's ssh with a command for `there`.
pub(crate) fn ssh(world: &World, there: &Destination, command: &[&str]) -> Dial {
    let ssh = world.variable("SHIP_SSH");
    let ssh = ssh.unwrap_or_else(|| "ssh".into());
    there.ssh(ssh, command)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn world(folder: &Path) -> World {
        World::made(folder, &[("SHIP_HOME", folder.to_str().unwrap())])
    }

    fn remotes(text: &str) -> Remotes {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let world = world(folder.path());
        let mut remotes = remotes("[remote.prod]\nssh = \"root@203.0.113.7\"\n");
        let last = Last {
            to: "prod".to_owned(),
            app: "blog".parse().unwrap(),
        };
        remotes.default = Some("prod".parse().unwrap());
        remotes
            .project
            .insert("/home/ana/blog".into(), last.clone());
        remotes.write(&world).unwrap();
        let read = Remotes::read(&world).unwrap();
        assert_eq!(read.last("/home/ana/blog/src".as_ref()), Some(&last));
        assert_eq!(
            read.destination("prod").unwrap().to_string(),
            "root@203.0.113.7"
        );
        insta::assert_snapshot!(file::read_text(&folder.path().join("remotes.toml")).unwrap(), @r#"
        default = "prod"

        [remote.prod]
        ssh = "root@203.0.113.7"

        [project."/home/ana/blog"]
        to = "prod"
        app = "blog"
        "#);
    }

    #[test]
    fn a_project_goes_where_it_went_before() {
        let text = "default = \"b\"\n[remote.a]\nssh = \"a\"\n[remote.b]\nssh = \"b\"\n\
                    [project.\"/p\"]\nto = \"a\"\napp = \"p\"\n";
        let remotes = remotes(text);
        assert_eq!(remotes.usual("/p".as_ref()).as_deref(), Some("a"));
        assert_eq!(remotes.usual("/q".as_ref()).as_deref(), Some("b"));
    }

    #[test]
    fn a_name_that_is_none_is_not_given_to_ssh() {
        assert!(Remotes::default().destination("-oProxyCommand=x").is_err());
    }
}

//! The user that an app runs as on a server: a number of its own, of which no other file or process
//! of the machine is.
//!
//! It is not written down anywhere but on the app's data folder, whose owner it is: that folder is
//! the app's as long as there is one, and a number without a folder is free.
//!
//! Each app also has a builder, whose number follows from the app's. What a build runs can neither
//! enter the data folder nor look into the programs that serve.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ship_base::file::{self, WithPath as _};
use ship_base::lend::User;
use ship_base::name::{AppName, InstanceId, ReleaseId};
use ship_build::Builder;
use ship_run::shim_called;

use crate::error::Error;
use crate::server::Server;

/// The first number. Those that systemd, distributions and containers give out by themselves are
/// below 65536 or above 100000 (systemd.io, "Users, Groups, UIDs and GIDs on systemd Systems").
const FIRST: u32 = 70_000;
/// The first that is no app's any more; the builders' numbers follow.
const END: u32 = 85_000;
/// From an app's number to its builder's. The last of them is below 100000.
const TO_BUILDER: u32 = END - FIRST;

/// Gives the app a user, where it has none, and opens to that user what an app needs of its folder.
pub(crate) fn settle(server: &Server, app: &AppName) -> Result<(), Error> {
    if server.config.public.is_none() {
        return Ok(());
    }
    let (folder, data) = (server.folders.app(app), server.folders.app_data(app));
    let owner = match owner_of(&data)? {
        0 => free(server)?,
        owner => owner,
    };
    if owner_of(&data)? == 0 {
        file::set_mode(&data, 0o700)?;
        file::give_tree(&data, owner)?;
    }
    // Root's, to be entered by this one group: other apps' users do not come in.
    std::os::unix::fs::chown(&folder, Some(0), Some(owner))
        .with_path("change the owner of", &folder)?;
    file::set_mode(&folder, 0o710)?;
    let sockets = server.folders.sockets_of(owner);
    file::create_private_folder(&sockets)?;
    Ok(file::give(&sockets, owner)?)
}

/// Who builds an app, with a folder of its own that is ready; `None` on a laptop.
pub(crate) fn builder(server: &Server, app: &AppName) -> Result<Option<Builder>, Error> {
    settle(server, app)?;
    let Some(owner) = of(server, app) else {
        return Ok(None);
    };
    let builder = Builder {
        user: User {
            uid: owner.uid + TO_BUILDER,
            gid: owner.gid,
        },
        app: owner,
        home: server.folders.build_home(app),
        shim: shim_called(format!("ship: {app} is built")),
    };
    builder.prepare()?;
    Ok(Some(builder))
}

/// Where an instance listens: on a server in a folder that only the app's user may enter.
pub(crate) fn socket(server: &Server, instance: &InstanceId, release: ReleaseId) -> PathBuf {
    let socket = server.folders.instance_socket(instance, release);
    match (of(server, &instance.app), socket.file_name()) {
        (Some(owner), Some(name)) => server.folders.sockets_of(owner.uid).join(name),
        _ => socket,
    }
}

/// The app's user; `None` on a laptop, where everything is the one user's.
pub(crate) fn of(server: &Server, app: &AppName) -> Option<User> {
    server.config.public.as_ref()?;
    let owner = owner_of(&server.folders.app_data(app)).ok()?;
    (owner != 0).then_some(User {
        uid: owner,
        gid: owner,
    })
}

/// The smallest number that no app has.
fn free(server: &Server) -> Result<u32, Error> {
    let apps = file::entries(&server.folders.apps())?;
    let taken: BTreeSet<u32> = apps
        .iter()
        .filter_map(|app| owner_of(&app.path().join("data")).ok())
        .collect();
    let mut numbers = FIRST..END;
    let free = numbers.find(|number| !taken.contains(number));
    free.ok_or(Error::Bug("every user number is taken"))
}

fn owner_of(path: &Path) -> Result<u32, Error> {
    Ok(path.symlink_metadata().with_path("look at", path)?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::Scene;

    #[test]
    fn each_app_of_a_server_has_a_user_who_cannot_enter_the_others_folder() {
        if !rustix::process::getuid().is_root() {
            return;
        }
        let scene = Scene::public();
        let server = &scene.server;
        let names: Vec<AppName> = ["blog", "shop"].map(|name| name.parse().unwrap()).into();
        for name in &names {
            scene.app(name.as_str(), true);
            settle(server, name).unwrap();
            settle(server, name).unwrap();
        }
        for (name, owner) in names.iter().zip(FIRST..) {
            let look = |path: PathBuf| {
                let seen = path.metadata().unwrap();
                (seen.uid(), seen.gid(), seen.mode() & 0o777)
            };
            assert_eq!(look(server.folders.app(name)), (0, owner, 0o710));
            assert_eq!(look(server.folders.app_data(name)), (owner, owner, 0o700));
            assert_eq!(
                look(server.folders.sockets_of(owner)),
                (owner, owner, 0o700)
            );
        }
    }
}

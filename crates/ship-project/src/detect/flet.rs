//! Flet: <https://flet.dev>. Its programs open a window on a desktop; on a server they are pages. An
//! application that the program exports for a web server is one as any other.

use crate::detect::own_server::{OwnServer, Starting};
use crate::detect::{Found, Row};
use crate::plan::Interface::Asgi;
use crate::plan::Note;
use crate::project::Project;

pub(super) const ROW: Row = Row {
    key: "flet",
    label: "Flet",
    package: "flet",
    classes: &[
        ("flet.fastapi.app", Asgi),
        ("flet.fastapi.FastAPI", Asgi),
        ("flet_web.fastapi.app", Asgi),
        ("flet_web.fastapi.FastAPI", Asgi),
    ],
};

/// The settings outdo what the program says itself, also a window that it asks for:
/// <https://docs.flet.dev/reference/environment-variables/>.
pub(super) const SERVER: OwnServer = OwnServer {
    row: &ROW,
    signs: &["flet.app", "flet.run", "flet.app_async", "flet.run_async"],
    start: Starting::Settings(&[
        "FLET_FORCE_WEB_SERVER=true",
        "FLET_SERVER_IP=127.0.0.1",
        "FLET_SERVER_PORT=$PORT",
    ]),
    note: None,
};

/// Flet installs what makes pages when it starts, where it is missing: an environment never changes,
/// so it would end there. Until 0.25 it was part of Flet itself.
pub(super) fn retell(project: &Project, found: &mut Found) {
    let packages = &project.packages;
    let is_old = |version: &str| {
        let mut parts = version.split('.').map(str::parse);
        matches!((parts.next(), parts.next()), (Some(Ok(0)), Some(Ok(0..25))))
    };
    let has_pages = packages.has("flet-web") || packages.version("flet").is_some_and(is_old);
    if has_pages || !packages.has("flet") {
        return;
    }
    found.notes.push(Note {
        text: "Flet makes pages with the package `flet-web`, which the project does not name"
            .to_owned(),
        hint: Some("name it beside Flet: `flet[web]`".to_owned()),
        place: found.places.first().cloned(),
    });
}

//! Migrations of a database that nobody runs: of libraries other than Django, whose command depends on
//! settings that only its author knows.

use std::path::Path;

use crate::packages::Packages;
use crate::plan::{Note, Place};
use crate::project::Project;

/// A library, the file that shows that migrations are kept, and the command that applies them.
struct Library {
    label: &'static str,
    package: &'static str,
    file: &'static str,
    command: &'static str,
}

/// The first that fits is told: Flask-Migrate is made of Alembic.
const LIBRARIES: [Library; 3] = [
    Library {
        label: "Flask-Migrate",
        package: "flask-migrate",
        file: "migrations/env.py",
        command: "flask db upgrade",
    },
    Library {
        label: "Alembic",
        package: "alembic",
        file: "alembic.ini",
        command: "alembic upgrade head",
    },
    Library {
        label: "Aerich",
        package: "aerich",
        file: "migrations/models",
        command: "aerich upgrade",
    },
];

/// The library whose migrations lie in the project, or in the folder that names its packages, which
/// has no release command that runs them.
pub(crate) fn note(project: &Project, packages: &Packages) -> Option<Note> {
    let named = packages.dependencies.as_ref();
    let named = named.and_then(|named| named.places.first()?.file.parent());
    let mut folders = vec![project.folder.as_path()];
    folders.extend(named.filter(|folder| *folder != project.folder));
    let (library, folder) = LIBRARIES.iter().find_map(|library| {
        let is_in = |folder: &&&Path| {
            let file = folder.join(library.file);
            project.tree.has(&file) || project.tree.has_below(&file)
        };
        let folder = folders.iter().find(is_in)?;
        packages.has(library.package).then_some((library, *folder))
    })?;
    let within = folder.strip_prefix(&project.folder).unwrap_or(folder);
    let command = match within.iter().next() {
        None => library.command.to_owned(),
        Some(_) => format!("cd {} && {}", within.display(), library.command),
    };
    Some(Note {
        text: format!(
            "no release command runs the migrations of {}",
            library.label
        ),
        hint: Some(format!(
            "`[release]` with `command = \"{command}\"` in ship.toml runs them before visitors reach new code"
        )),
        place: Some(Place::file(folder.join(library.file))),
    })
}

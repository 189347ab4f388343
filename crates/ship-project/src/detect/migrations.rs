//! Migrations of a database that nobody runs: of libraries other than Django, whose command depends on
//! settings that only its author knows.

use std::path::Path;

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

/// The library whose migrations lie in the project, which has no release command that runs them.
pub(crate) fn note(project: &Project) -> Option<Note> {
    let library = LIBRARIES.iter().find(|library| {
        let file = project.folder.join(library.file);
        let is_there = project.tree.has(&file) || project.tree.has_below(&file);
        is_there && project.packages.has(library.package)
    })?;
    Some(Note {
        text: format!(
            "no release command runs the migrations of {}",
            library.label
        ),
        hint: Some(format!(
            "`[release]` with `command = \"{}\"` in ship.toml runs them before visitors reach new code",
            library.command
        )),
        place: Some(Place::file(project.folder.join(Path::new(library.file)))),
    })
}

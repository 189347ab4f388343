//! Writes the reference pages into a folder, from what the code says of itself: the parser of the
//! commands, the table of manifest keys, the exit codes, the variables. Started by
//! `cargo xtask generate`.

mod checks;
mod commands;
mod environment;
mod exit_codes;
mod manifest;

use std::path::Path;
use std::process::ExitCode;

use ship_base::file;

/// What stands on top of every page.
const MADE: &str = "<!-- Made by `cargo xtask generate` from the code; change it there. -->";

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1) else {
        return ExitCode::from(2);
    };
    let pages = [
        ("checks.md", page(&checks::page())),
        ("commands.md", page(&commands::page())),
        ("environment.md", page(&environment::page())),
        ("exit-codes.md", page(&exit_codes::page())),
        ("openapi.json", openapi()),
        ("manifest.md", page(&manifest::page())),
        ("ship.schema.json", manifest::schema()),
    ];
    for (name, content) in pages {
        let path = Path::new(&folder).join(name);
        if file::write_whole_with_mode(&path, content.as_bytes(), 0o644).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

fn openapi() -> String {
    let description = ship_api::description::description();
    format!("{description:#}\n")
}

fn page(content: &str) -> String {
    format!("{MADE}\n\n{}\n", content.trim())
}

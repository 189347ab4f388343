//! `cargo xtask dist`: the one binary that runs on every x86-64 Linux that we promise.
//!
//! A binary runs where the C library is at least as new as the one it was linked against. So it is
//! not linked against this machine's, but against the oldest that counts ([`OLDEST`]): by
//! `cargo-zigbuild`, since zig brings the symbols of every glibc. Both come as wheels, into an
//! environment of their own below the target folder; no toolchain has to be installed.
//!
//! What was built is read before it counts: a binary that asks for a newer C library, or for another
//! library, is refused.

mod elf;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use ship_base::file;
use ship_base::hash::ContentHash;

use crate::step::{self, Outcome};
use crate::{Result, workspace};
use elf::{Elf, Version};

/// The oldest C library that the binary runs with: Debian 11 and Ubuntu 20.04 have it.
const OLDEST: Version = Version(2, 31, 0);

/// What Debian's and Ubuntu's smallest installation has beside the C library itself.
const LIBRARIES: &[&str] = &[
    "ld-linux-x86-64.so.2",
    "libc.so.6",
    "libdl.so.2",
    "libgcc_s.so.1",
    "libm.so.6",
    "libpthread.so.0",
    "librt.so.1",
    "libutil.so.1",
];

/// The linker, with the symbols of every C library, and what puts it in cargo's hands.
const TOOLS: &[&str] = &["ziglang==0.17.1", "cargo-zigbuild==0.24.1"];

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// What `cargo xtask dist` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Build nothing: only tell whether this binary runs on every promised machine
    #[arg(long, value_name = "PATH")]
    check: Option<PathBuf>,
}

/// Builds, looks at what came out, and tells its size and hash.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let path = match &arguments.check {
        Some(path) => path.clone(),
        None => built()?,
    };
    let content = file::read(&path)?;
    let needs = Elf::read(&content)?;
    let wrong = objections(&needs);
    for line in &wrong {
        eprintln!("✗ {line}");
    }
    if !wrong.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    let newest = needs.newest("GLIBC").unwrap_or(Version(2, 0, 0));
    println!("✓ {}", path.display());
    println!("  runs with glibc {newest} and newer; promised: {OLDEST}");
    println!("  size    {} bytes", content.len());
    println!("  sha256  {}", ContentHash::of(&content));
    Ok(ExitCode::SUCCESS)
}

/// Builds the binary, checks it, and gives its path: for chores that bring it to a machine.
pub(crate) fn built() -> Result<PathBuf> {
    let tools = tools()?;
    let target = format!("{TARGET}.{}.{}", OLDEST.0, OLDEST.1);
    let build = ["zigbuild", "--release", "--package", "ship", "--locked"];
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(build)
        .args(["--target", &target])
        .env("PATH", path_with(&tools)?);
    if let Outcome::Failed(why) = step::command(&mut cargo)? {
        return Err(format!("the portable binary was not built: {}", why.join(", ")).into());
    }
    let made = workspace::target().join(TARGET).join("release/ship");
    let content = file::read(&made)?;
    let wrong = objections(&Elf::read(&content)?);
    if !wrong.is_empty() {
        return Err(wrong.join("; ").into());
    }
    let folder = workspace::target().join("dist");
    file::create_folder(&folder)?;
    let path = folder.join("ship-x86_64-linux");
    file::write_whole_with_mode(&path, &content, 0o755)?;
    Ok(path)
}

/// Why a binary would not start on some promised machine.
fn objections(needs: &Elf) -> Vec<String> {
    let mut wrong = Vec::new();
    if !needs.is_x86_64 {
        wrong.push("it is not for x86-64".to_owned());
    }
    if let Some(newest) = needs.newest("GLIBC").filter(|newest| *newest > OLDEST) {
        wrong.push(format!(
            "it needs glibc {newest}, and {OLDEST} is what is promised"
        ));
    }
    let unknown = needs.libraries.iter();
    let unknown = unknown.filter(|library| !LIBRARIES.contains(&library.as_str()));
    wrong
        .extend(unknown.map(|library| format!("it needs `{library}`, which not every system has")));
    wrong
}

/// The folder of programs of the environment that holds the tools, made where it is not there.
fn tools() -> Result<PathBuf> {
    let folder = workspace::target().join("dist/tools");
    let stamp = folder.join("holds");
    let wanted = TOOLS.join(" ");
    if file::read_text_if_there(&stamp)?.as_deref() != Some(&wanted) {
        file::remove_folder(&folder)?;
        must(
            Command::new("python3").args(["-m", "venv"]).arg(&folder),
            "`python3 -m venv`; `apt-get install python3-venv` brings it",
        )?;
        let mut pip = Command::new(folder.join("bin/pip"));
        must(
            pip.args(["install", "--quiet"]).args(TOOLS),
            &format!("`pip install {wanted}`"),
        )?;
        file::write_whole(&stamp, wanted.as_bytes())?;
    }
    Ok(folder.join("bin"))
}

fn must(command: &mut Command, what: &str) -> Result<()> {
    let status = command.status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{what} ended with {status}").into()),
        Err(error) => Err(format!("{what} cannot be started: {error}").into()),
    }
}

/// Our tools first: cargo looks for `cargo-zigbuild` there, and that for zig.
fn path_with(tools: &Path) -> Result<std::ffi::OsString> {
    #[expect(
        clippy::disallowed_methods,
        reason = "a chore reads its own environment"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(tools.to_owned()).chain(std::env::split_paths(&path));
    Ok(std::env::join_paths(folders)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needing(library: &str, versions: &[(&str, Version)]) -> Elf {
        Elf {
            is_x86_64: true,
            libraries: vec![library.to_owned()],
            versions: versions
                .iter()
                .map(|(name, version)| ((*name).to_owned(), *version))
                .collect(),
        }
    }

    #[test]
    fn what_every_promised_machine_has_is_accepted() {
        let versions = [("GLIBC", OLDEST), ("GCC", Version(4, 2, 0))];
        let none: [String; 0] = [];
        assert_eq!(objections(&needing("libc.so.6", &versions)), none);
    }

    #[test]
    fn a_newer_c_library_another_library_and_another_machine_are_refused() {
        let newer = needing("libc.so.6", &[("GLIBC", Version(2, 34, 0))]);
        assert_eq!(
            objections(&newer),
            ["it needs glibc 2.34, and 2.31 is what is promised"]
        );
        let other = needing("libssl.so.3", &[("GLIBC", OLDEST)]);
        assert_eq!(
            objections(&other),
            ["it needs `libssl.so.3`, which not every system has"]
        );
        let mut arm = needing("libc.so.6", &[]);
        arm.is_x86_64 = false;
        assert_eq!(objections(&arm), ["it is not for x86-64"]);
    }
}

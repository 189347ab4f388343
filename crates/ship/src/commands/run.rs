//! `ship run`: one program in the environment of a release, at this terminal.

use std::ffi::OsString;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ship_api::reply::OneOff;
use ship_api::request::RunIn;
use ship_base::name::ReleaseId;

use crate::cli::{self, Context};
use crate::error::{CommandError, Result};
use crate::exit;
use crate::problem_view;
use crate::target::Target;

/// Run a program once, in the environment of a release
///
/// It has the release's packages, settings and data folder, and this terminal. No shell is
/// involved unless you ask for one. The exit code is the program's.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship run -- python manage.py createsuperuser
  ship run --release r7 -- python -m pip list
  ship run -- sh -c 'echo \"$DATABASE_URL\"'")]
pub(crate) struct Args {
    #[command(flatten)]
    target: Target,
    /// The release; by default the live one
    #[arg(long, value_name = "rN")]
    release: Option<ReleaseId>,
    /// The program and its arguments; everything from its name on is its own
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    command: Vec<OsString>,
}

/// Becomes the program: signals, job control and the exit code are then its own.
pub(crate) fn run(args: Args, context: &mut Context) -> Result<u8> {
    let one_off = cli::wait(one_off(&args, context))?;
    let name = &args.command[0];
    let path = one_off.env.get("PATH").map(|path| path.reveal().as_str());
    let Some(program) = find(Path::new(name), path.unwrap_or_default(), &one_off.folder) else {
        let (name, release) = (name.display(), one_off.release);
        let error = CommandError::user(format!("there is no program `{name}` in {release}"));
        let shell = "a word of your shell needs one: `ship run -- sh -c '…'`";
        return said(context, error.hint(shell), exit::NOT_FOUND);
    };
    let error = command(&program, &args.command, &one_off).exec();
    let message = format!("cannot run `{}`", program.display());
    said(
        context,
        CommandError::user(message).cause(error),
        exit::CANNOT_EXECUTE,
    )
}

async fn one_off(args: &Args, context: &Context) -> Result<OneOff> {
    let client = context.control()?.connect().await?;
    let app = args.target.resolve(&context.world, &client).await?;
    let run = RunIn {
        release: args.release,
    };
    Ok(client.run_in(&app, &run).await?)
}

/// A program in the environment of a release, as the user that its app runs as.
pub(super) fn command(program: &Path, words: &[OsString], one_off: &OneOff) -> Command {
    let mut command = Command::new(program);
    command
        .arg0(&words[0])
        .args(&words[1..])
        .env_clear()
        .envs(
            one_off
                .env
                .iter()
                .map(|(name, value)| (name, value.reveal())),
        )
        .current_dir(&one_off.folder);
    if let Some(owner) = other_owner(&one_off.folder) {
        command.gid(owner).uid(owner);
    }
    command
}

/// On a server root runs a program as the user whose working copy it is, like every other of the app.
fn other_owner(folder: &Path) -> Option<u32> {
    let owner = folder.metadata().ok()?.uid();
    (rustix::process::getuid().is_root() && owner != 0).then_some(owner)
}

/// The program as execvp(3) finds it, but in the release's PATH and folder.
pub(super) fn find(name: &Path, path: &str, folder: &Path) -> Option<PathBuf> {
    let is_path = name.components().count() > 1 || name.is_absolute();
    if is_path {
        return Some(folder.join(name)).filter(|program| program.exists());
    }
    let folders = path.split(':').filter(|entry| !entry.is_empty());
    let mut programs = folders.map(|entry| folder.join(entry).join(name));
    programs.find(|program| is_executable(program))
}

fn is_executable(program: &Path) -> bool {
    let metadata = program.metadata();
    metadata.is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

/// Says the error and ends with the code that shells use for it.
fn said(context: &mut Context, error: CommandError, code: u8) -> Result<u8> {
    match error {
        CommandError::Failed(problem) => {
            context.ui.say(&problem_view::render(&problem));
            Ok(code)
        }
        other => Err(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_in_the_releases_own_path() {
        let folder = tempfile::tempdir().unwrap();
        let bin = folder.path().join("env/bin");
        ship_base::file::create_folder(&bin).unwrap();
        ship_base::file::write_whole_with_mode(&bin.join("flask"), b"", 0o755).unwrap();
        ship_base::file::write_whole_with_mode(&bin.join("notes"), b"", 0o644).unwrap();
        let path = format!("/nowhere::{}", bin.display());
        let found = |name: &str| find(Path::new(name), &path, folder.path());
        assert_eq!(found("flask"), Some(bin.join("flask")));
        assert_eq!(found("notes"), None);
        assert_eq!(found("env/bin/flask"), Some(bin.join("flask")));
        assert_eq!(found("./env/bin/none"), None);
    }
}

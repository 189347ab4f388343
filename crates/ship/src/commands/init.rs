//! `ship init`: the plan, written down as `ship.toml`.

use std::path::PathBuf;

use ship_base::file;
use ship_project::manifest::FILE;

use crate::cli::Context;
use crate::error::{CommandError, Result};

/// Write `ship.toml` from the plan, with the reason of each decision
///
/// Nothing needs it: a project works without. It is for those who want to see and change what was
/// decided. What is only a default, or known from another file, stands there as a comment. The
/// written file gives the same plan.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship init
  ship init --print | less")]
pub(crate) struct Args {
    /// The project's folder
    #[arg(default_value = ".", value_hint = clap::ValueHint::DirPath)]
    path: PathBuf,
    /// Show it instead of writing it
    #[arg(long)]
    print: bool,
    /// Write it anew where there is one; its decisions stay, its comments go
    #[arg(long)]
    force: bool,
}

/// Drafts, and shows or writes.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<()> {
    let project = context.world.resolve(&args.path);
    let path = project.join(FILE);
    let there = path.symlink_metadata().is_ok();
    if there && !args.print && !args.force {
        return Err(CommandError::user(format!("`{FILE}` is there already"))
            .hint("`ship init --print` shows what would be written, `--force` writes it"));
    }
    let draft = ship_project::init::draft(&project)?;
    if args.print {
        return context.ui.data(draft.text.trim_end());
    }
    file::write_whole_with_mode(&path, draft.text.as_bytes(), 0o644)?;
    context.ui.say(&format!(
        "wrote {FILE}; `ship plan` shows what it decides, `ship check` what is missing for production"
    ));
    Ok(())
}

//! `ship completions`: what a shell needs to complete our commands.

use clap_complete::Shell;

use crate::cli::{self, Context};
use crate::error::Result;

/// Print the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  ship completions bash > ~/.local/share/bash-completion/completions/ship
  ship completions zsh > ~/.zfunc/_ship
  ship completions fish > ~/.config/fish/completions/ship.fish")]
pub(crate) struct Args {
    /// Which shell
    shell: Shell,
}

/// Prints them.
pub(crate) fn run(args: &Args, context: &mut Context) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::command(), "ship", &mut script);
    let script = String::from_utf8_lossy(&script);
    context.ui.data(script.trim_end())
}

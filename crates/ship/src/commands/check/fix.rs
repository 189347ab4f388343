//! `--fix`: what can be mended safely.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use ship_base::file;
use ship_project::check::{self, Patch, Report};

use crate::error::{CommandError, Result};
use crate::text::{BAD, GOOD, STRONG, styled};
use crate::ui::Ui;

/// Writes the changed files whole, after showing what changes; says whether anything was changed.
pub(super) fn apply(project: &Path, report: &Report, ui: &mut Ui) -> Result<bool> {
    let patches = check::patches(&report.findings);
    for patch in &patches {
        ui.say(&styled(STRONG, &patch.file.display().to_string()));
        for line in patch.lines() {
            let style = if line.starts_with('+') { GOOD } else { BAD };
            ui.say(&format!("  {}", styled(style, &line)));
        }
        write(project, patch)?;
    }
    if patches.is_empty() {
        ui.say("nothing here can be mended safely without you");
    }
    Ok(!patches.is_empty())
}

fn write(project: &Path, patch: &Patch) -> Result<()> {
    let named = project.join(&patch.file);
    // A link stays one: the file that it leads to is written.
    let path = named.canonicalize().unwrap_or(named);
    let now = file::read_text_if_there(&path)?;
    if now != patch.old {
        let message = format!("`{}` changed while it was looked at", patch.file.display());
        return Err(CommandError::user(message).hint("`ship check --fix` again"));
    }
    let mode = path
        .metadata()
        .map_or(0o644, |metadata| metadata.permissions().mode() & 0o777);
    Ok(file::write_whole_with_mode(
        &path,
        patch.new.as_bytes(),
        mode,
    )?)
}

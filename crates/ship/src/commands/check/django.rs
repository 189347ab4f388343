//! What Django says of the live release.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;

use ship_api::reply::OneOff;
use ship_api::request::RunIn;
use ship_project::check::{DjangoMessage, django_messages};

use super::app;
use crate::cli::{self, Context};
use crate::commands::run;
use crate::error::{CommandError, Result};

const COMMAND: [&str; 4] = ["python", "manage.py", "check", "--deploy"];

/// The messages of `manage.py check --deploy`; none for a project that has no `manage.py`.
pub(super) fn messages(project: &Path, context: &Context) -> Result<Vec<DjangoMessage>> {
    let one_off = cli::wait(one_off(project, context))?;
    if !one_off.folder.join(COMMAND[1]).is_file() {
        return Ok(Vec::new());
    }
    let path = one_off.env.get("PATH").map(|path| path.reveal().as_str());
    let python = run::find(
        COMMAND[0].as_ref(),
        path.unwrap_or_default(),
        &one_off.folder,
    );
    let python = python
        .ok_or_else(|| CommandError::user(format!("there is no Python in {}", one_off.release)))?;
    let words = COMMAND.map(OsString::from);
    let output = run::command(&python, &words, &one_off)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| CommandError::user("cannot ask Django").cause(error))?;
    let said =
        [output.stderr, output.stdout].map(|text| String::from_utf8_lossy(&text).into_owned());
    let messages = django_messages(&said.concat());
    if messages.is_empty() && !output.status.success() {
        let last = said[0].lines().next_back().unwrap_or_default();
        return Err(
            CommandError::user(format!("`{}` failed: {last}", COMMAND.join(" "))).hint(format!(
                "the whole of it: `ship run -- {}`",
                COMMAND.join(" ")
            )),
        );
    }
    Ok(messages)
}

async fn one_off(project: &Path, context: &Context) -> Result<OneOff> {
    let Some((client, app)) = app(project, context).await else {
        return Err(CommandError::user(
            "no app runs from this folder, so there is nothing built to ask",
        )
        .hint("`ship up` builds it; without `--built` the project is read as it is"));
    };
    Ok(client.run_in(&app.name, &RunIn { release: None }).await?)
}

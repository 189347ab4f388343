//! `ship env` and `ship run`: the author's settings, and the environment that programs get.

use std::sync::Arc;

use ship_api::reply::{EnvEntry, OneOff};
use ship_api::request::{ChangeEnv, RunIn};
use ship_base::name::AppName;

use crate::app::App;
use crate::candidate::Candidate;
use crate::error::Error;
use crate::server::Server;
use crate::{spec, work};

/// The settings with the layer each comes from.
pub(crate) fn entries(server: &Server, app: &AppName) -> Result<Vec<EnvEntry>, Error> {
    let current = server.record(app)?.current;
    let plan = current
        .map(|release| server.plan(app, release))
        .transpose()?;
    Ok(match plan {
        Some(plan) => server.settings(app, &plan)?.entries(),
        None => server
            .store
            .settings(app)?
            .into_iter()
            .map(|(name, value)| EnvEntry {
                name,
                value,
                from: "ship env".to_owned(),
            })
            .collect(),
    })
}

/// Sets and unsets; the programs see it with the next deploy or restart.
pub(crate) fn change(server: &Server, app: &AppName, change: &ChangeEnv) -> Result<(), Error> {
    if let Some(name) = change.set.keys().find(|name| !is_name(name)) {
        return Err(Error::VariableName { name: name.clone() });
    }
    Ok(server
        .store
        .change_settings(app, &change.set, &change.unset)?)
}

/// A name that every shell and `execve(2)` can carry: no `=`, no NUL, not empty (IEEE Std
/// 1003.1, 8.1 asks for upper case, digits and `_`; programs in the field use more).
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

/// What a one-off command needs.
pub(crate) async fn one_off(
    server: &Arc<Server>,
    app: &Arc<App>,
    request: &RunIn,
) -> Result<OneOff, Error> {
    let record = server.record(&app.name)?;
    let none = || Error::NoRelease {
        app: app.name.clone(),
    };
    let release = request.release.or(record.current).ok_or_else(none)?;
    let _claim = app.work.claim(release).await;
    if server.store.release(&app.name, release)?.is_none() {
        let (app, release) = (app.name.clone(), release.to_string());
        return Err(Error::NoSuchRelease { app, release });
    }
    let of = Arc::new(Candidate::of(server, &app.name, release)?);
    work::lend(server, app, &of).await?;
    let runtime = spec::runtime(server, app, &of)?;
    let env = spec::variables(server, app, &of, &runtime);
    Ok(OneOff {
        release,
        env,
        folder: runtime.start_folder,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_no_program_could_read_are_refused() {
        assert!(is_name("DATABASE_URL"));
        for bad in ["", "A=B", "1A", "A B", "A\0B", "ä"] {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}

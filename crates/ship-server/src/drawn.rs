//! Secrets that nobody has to choose, drawn when an app is first brought up.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ship_base::name::AppName;
use ship_base::secret::Secret;
use ship_project::plan::Plan;

use crate::environment::Settings;
use crate::error::Error;
use crate::events::Events;
use crate::server::Server;

/// How long a drawn secret is: 256 bits, written as 64 hexadecimal digits. Django's own check
/// (`security.W009`) asks for 50 characters.
const BYTES: usize = 32;

/// Draws what `plan` wants drawn and `settings` lack, keeps it with the settings of `app`, and
/// tells which.
pub(crate) fn draw(
    server: &Server,
    app: &AppName,
    plan: &Plan,
    settings: &mut Settings,
    events: &Events,
) -> Result<(), Error> {
    let wanted = plan.drawn_env.iter();
    let missing: Vec<_> = wanted.filter(|name| !settings.has(&name.value)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut drawn = BTreeMap::new();
    for name in &missing {
        drawn.insert(name.value.clone(), secret()?);
    }
    server.store.change_settings(app, &drawn, &[])?;
    settings.add(drawn);
    for name in missing {
        let by = name
            .places
            .first()
            .map_or_else(String::new, |place| format!(", which {place} asks for,"));
        let name = &name.value;
        events.note(
            format!("`{name}`{by} was drawn at random and is kept"),
            Some(format!(
                "`ship env set {name}=…` puts one of yours in its place"
            )),
        );
    }
    Ok(())
}

/// One that nobody can guess (getrandom(2)).
fn secret() -> Result<Secret<String>, Error> {
    let mut bytes = [0; BYTES];
    let mut filled = 0;
    while filled < BYTES {
        let flags = rustix::rand::GetRandomFlags::empty();
        filled += rustix::rand::getrandom(&mut bytes[filled..], flags)
            .map_err(|errno| Error::Random(errno.into()))?;
    }
    let mut text = String::with_capacity(2 * BYTES);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_long_and_another_each_time() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_eq!(one.reveal().len(), 2 * BYTES);
        assert!(one.reveal().chars().all(|c| c.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}

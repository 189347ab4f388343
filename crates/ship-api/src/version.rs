//! The version of the API, told both ways in a header.

use ship_base::hint::Hints;

/// The header that names the version: `Ship-Api: 1`.
pub const HEADER: &str = "ship-api";

/// The version that this build speaks; raised when an older peer would misread a message. New
/// fields that an older peer may ignore do not raise it.
pub const VERSION: &str = "1";

/// The other side speaks another version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the other side speaks version {} of the API, this `ship` speaks {VERSION}", theirs.as_deref().unwrap_or("none"))]
pub struct Mismatch {
    /// What the other side said, if anything.
    pub theirs: Option<String>,
}

impl Hints for Mismatch {
    fn hints(&self) -> Vec<String> {
        vec![
            "two versions of Shipsmith meet: `ship server stop`, then the command again starts \
             this one's"
                .to_owned(),
        ]
    }
}

/// Checks what a server said of itself; saying nothing is a mismatch.
pub fn check_server(said: Option<&str>) -> Result<(), Mismatch> {
    match said {
        Some(VERSION) => Ok(()),
        other => Err(Mismatch {
            theirs: other.map(str::to_owned),
        }),
    }
}

/// Checks what a client said; saying nothing is fine, so that `curl` can ask too.
pub fn check_client(said: Option<&str>) -> Result<(), Mismatch> {
    match said {
        None => Ok(()),
        said => check_server(said),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_say_nothing_and_a_server_may_not() {
        assert!(check_client(None).is_ok());
        assert!(check_server(None).is_err());
        assert!(check_client(Some(VERSION)).is_ok());
        let error = check_client(Some("7")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the other side speaks version 7 of the API, this `ship` speaks 1"
        );
    }
}

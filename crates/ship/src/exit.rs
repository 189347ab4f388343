//! Exit codes: numbers that scripts rely on.

use ship_base::fault::FaultKind;

/// It worked.
pub const OK: u8 = 0;
/// Your input or project: a name, a missing setting, a syntax error in the app.
pub const USER: u8 = 1;
/// The command line itself.
pub const USAGE: u8 = 2;
/// `ship.toml`, or a file that is read in its place.
pub const MANIFEST: u8 = 3;
/// Something outside: uv, the network, a database, the app's own crash, a full disk.
pub const OUTSIDE: u8 = 4;
/// A mistake of ours.
pub const BUG: u8 = 70;
/// `ship run`: the program is there and cannot be executed.
pub const CANNOT_EXECUTE: u8 = 126;
/// `ship run`: there is no such program.
pub const NOT_FOUND: u8 = 127;
/// Ctrl-C before the work was done.
pub const INTERRUPTED: u8 = 130;

/// Every code with its sentence, in order; the reference page is made from it.
pub const ALL: &[(u8, &str)] = &[
    (OK, "It worked."),
    (
        USER,
        "Your input or project needs a change: a name, a missing setting, a syntax error in the \
         app. `ship doctor` ends with it when something is broken, `ship check` when it finds an error \
         (with `--strict` also a warning).",
    ),
    (USAGE, "The command line itself is wrong."),
    (
        MANIFEST,
        "`ship.toml`, or a file that is read in its place, is wrong; the message names file, line \
         and column.",
    ),
    (
        OUTSIDE,
        "Something outside failed: uv, the network, a database, the app's own crash, a full disk.",
    ),
    (BUG, "A mistake of ours; please report it."),
    (
        CANNOT_EXECUTE,
        "`ship run` only: the program is there and cannot be executed.",
    ),
    (NOT_FOUND, "`ship run` only: there is no such program."),
    (
        INTERRUPTED,
        "Ctrl-C before the work was done. Ctrl-C on a running `ship up` is its normal end: 0.",
    ),
];

/// The code of a failure, by whose move it is.
pub fn of(kind: FaultKind) -> u8 {
    match kind {
        FaultKind::User => USER,
        FaultKind::Manifest => MANIFEST,
        FaultKind::Usage => USAGE,
        FaultKind::Outside => OUTSIDE,
        FaultKind::Bug => BUG,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_failure_has_a_documented_code() {
        use FaultKind::{Bug, Manifest, Outside, Usage, User};
        for kind in [User, Manifest, Usage, Outside, Bug] {
            assert!(ALL.iter().any(|(code, _)| *code == of(kind)), "{kind:?}");
        }
        assert!(ALL.is_sorted_by_key(|(code, _)| *code));
    }
}

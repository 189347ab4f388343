//! Secrets that nobody has to choose: keys that only the app itself ever reads.
//!
//! A key that sessions and tokens are signed with needs to be long, random and the same tomorrow;
//! what it is matters to nobody else. Such a setting is drawn when the app is first brought up.
//! Whatever another party has to know as well (a database's address, a key of somebody's API) is
//! asked for.

use std::collections::BTreeSet;

use crate::plan::Sourced;

/// Names that projects give to the key that they sign with, in alphabetical order.
const KEYS: [&str; 9] = [
    "APP_SECRET_KEY",
    "COOKIE_SECRET",
    "DJANGO_SECRET",
    "DJANGO_SECRET_KEY",
    "FLASK_SECRET_KEY",
    "SECRET_KEY",
    "SECRET_KEY_BASE",
    "SESSION_SECRET",
    "SESSION_SECRET_KEY",
];

/// Why a setting is not asked for.
const REASON: &str = "at random, with the first deploy";

/// Whether a setting of this name is such a key.
pub(crate) fn is_key(name: &str) -> bool {
    KEYS.contains(&name)
}

/// Takes the keys out of what the code asks for, and adds them to `known`, those of which something
/// else tells that a random value will do; each name once.
pub(crate) fn take(
    asked: &mut Vec<Sourced<String>>,
    known: Vec<Sourced<String>>,
) -> Vec<Sourced<String>> {
    let is_known = |name: &str| known.iter().any(|own| own.value == name);
    let taken = asked.extract_if(.., |name| is_key(&name.value) || is_known(&name.value));
    let taken: Vec<Sourced<String>> = taken.collect();
    let mut names = BTreeSet::new();
    known
        .into_iter()
        .chain(taken)
        .filter(|name| names.insert(name.value.clone()))
        .map(|name| Sourced::because(name.value, REASON, name.places))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Place;

    fn asked(name: &str) -> Sourced<String> {
        Sourced::from(name.to_owned(), Place::line("settings.py", 7))
    }

    fn names(of: &[Sourced<String>]) -> Vec<&str> {
        of.iter().map(|name| name.value.as_str()).collect()
    }

    #[test]
    fn only_keys_of_the_app_itself_are_drawn() {
        let mut wanted = vec![
            asked("DATABASE_URL"),
            asked("SECRET_KEY"),
            asked("AWS_SECRET_ACCESS_KEY"),
            asked("SALT"),
        ];
        let drawn = take(&mut wanted, vec![asked("SALT"), asked("PEPPER")]);
        assert_eq!(names(&drawn), ["SALT", "PEPPER", "SECRET_KEY"]);
        assert_eq!(names(&wanted), ["DATABASE_URL", "AWS_SECRET_ACCESS_KEY"]);
    }

    #[test]
    fn the_names_are_in_order() {
        assert!(KEYS.is_sorted());
    }
}

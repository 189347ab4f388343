//! Values that cannot be printed by accident.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A value that shows as `****` wherever it is formatted.
///
/// ```
/// use ship_base::secret::Secret;
/// let url = Secret::new("postgres://me:hunter2@db/app".to_owned());
/// assert_eq!(format!("{url} {url:?}"), "**** ****");
/// assert!(url.reveal().contains("hunter2"));
/// ```
///
/// It serialises as its plain value: what travels over the control socket or into the store is a
/// decision of that format, not of this type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself; every call is a place to look at in a review.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// Gives the value away.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl<T> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

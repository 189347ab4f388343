//! The targets of this folder; see [`crate::fuzz`].

use std::time::Duration;

use super::quantity;

/// A quantity that is understood means the same in its smallest unit.
pub(crate) fn quantity(text: &str) {
    if let Some(duration) = quantity::duration(text) {
        let written = format!("{}ms", duration.as_millis());
        assert_eq!(quantity::duration(&written), Some(duration), "{text}");
    }
    if let Some(size) = quantity::size(text) {
        assert_eq!(quantity::size(&size.to_string()), Some(size), "{text}");
    }
    if let Some(rate) = quantity::rate(text) {
        let written = format!("{}/{}s", rate.requests, rate.seconds);
        assert_eq!(quantity::rate(&written), Some(rate), "{text}");
        let time = Duration::from_secs(rate.seconds.into());
        assert!(rate.requests > 0 && !time.is_zero());
    }
}

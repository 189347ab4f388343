//! Points in time, written as RFC 3339 in UTC with milliseconds.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// A moment in UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Moment(jiff::Timestamp);

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    /// `millis` after 1970-01-01T00:00Z; times that no calendar here can write become the epoch.
    pub fn from_millis(millis: i64) -> Self {
        Self(jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
    }

    /// Milliseconds since 1970-01-01T00:00Z.
    pub fn as_millis(self) -> i64 {
        self.0.as_millisecond()
    }

    /// The day in UTC: `2026-11-26`.
    pub fn day(self) -> String {
        self.to_string().chars().take(10).collect()
    }

    /// The month in UTC: `2026-11`.
    pub fn month(self) -> String {
        self.to_string().chars().take(7).collect()
    }

    /// When the next month begins in UTC; this moment itself where the calendar ends.
    pub fn next_month(self) -> Self {
        let today = self.0.to_zoned(jiff::tz::TimeZone::UTC).date();
        let next = today
            .first_of_month()
            .checked_add(jiff::Span::new().months(1));
        let begins = next.and_then(|first| first.to_zoned(jiff::tz::TimeZone::UTC));
        begins.map_or(self, |begins| Self(begins.timestamp()))
    }

    /// How long ago that was; zero for moments to come.
    pub fn elapsed(self) -> Duration {
        let millis = Self::now().as_millis().saturating_sub(self.as_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or(0))
    }

    /// This moment and `duration` more.
    pub fn after(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.as_millis().saturating_add(millis))
    }

    /// This moment less `duration`.
    pub fn before(self, duration: Duration) -> Self {
        let millis = i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        Self::from_millis(self.as_millis().saturating_sub(millis))
    }
}

impl From<SystemTime> for Moment {
    fn from(time: SystemTime) -> Self {
        let millis = time
            .duration_since(SystemTime::UNIX_EPOCH)
            .map_or(0, |d| d.as_millis());
        Self::from_millis(i64::try_from(millis).unwrap_or(0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.0)
    }
}

impl FromStr for Moment {
    type Err = jiff::Error;
    fn from_str(text: &str) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_with_milliseconds_and_read_back() {
        let moment = Moment::from_millis(1_763_712_000_005);
        assert_eq!(moment.to_string(), "2025-11-21T08:00:00.005Z");
        assert_eq!(moment.to_string().parse::<Moment>().unwrap(), moment);
        assert_eq!(moment.day(), "2025-11-21");
    }

    #[test]
    fn months_begin_at_midnight_in_utc() {
        for (moment, month, next) in [
            (
                "2026-11-30T23:59:59.999Z",
                "2026-11",
                "2026-12-01T00:00:00.000Z",
            ),
            (
                "2026-12-01T00:00:00.000Z",
                "2026-12",
                "2027-01-01T00:00:00.000Z",
            ),
            (
                "2028-02-29T12:00:00.000Z",
                "2028-02",
                "2028-03-01T00:00:00.000Z",
            ),
            (
                "2027-01-31T01:00:00.000Z",
                "2027-01",
                "2027-02-01T00:00:00.000Z",
            ),
        ] {
            let moment: Moment = moment.parse().unwrap();
            assert_eq!(moment.month(), month);
            assert_eq!(moment.next_month().to_string(), next);
        }
    }
}

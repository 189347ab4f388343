//! When to ask an authority for a certificate, and for which names.

use std::time::Duration;

use instant_acme::ChallengeType;
use serde::{Deserialize, Serialize};
use ship_base::clock::Moment;

use crate::tls::{Validity, is_of_this_machine};

/// Pauses after so many refusals in a row. An authority counts them: Let's Encrypt takes five in an
/// hour for a name, and pauses a name that fails for months.
const PAUSES: [Duration; 6] = [
    Duration::from_mins(2),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(6),
];

/// The pause while an authority does not answer. It counts nothing then.
const OUTAGE: Duration = Duration::from_mins(5);

/// How asking for one name went since it last succeeded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    refusals: u32,
    /// No earlier than then, in milliseconds since 1970.
    next: i64,
}

impl Tries {
    pub(super) fn failed(&mut self, outage: bool, now: Moment) {
        let pause = if outage {
            OUTAGE
        } else {
            let place = (self.refusals as usize).min(PAUSES.len() - 1);
            self.refusals = self.refusals.saturating_add(1);
            PAUSES[place]
        };
        self.next = now.after(pause).as_millis();
    }

    /// The ways take turns: where one is blocked, by a firewall or a proxy, the other may not be.
    pub(super) fn challenge(self) -> ChallengeType {
        if self.refusals.is_multiple_of(2) {
            ChallengeType::Http01
        } else {
            ChallengeType::TlsAlpn01
        }
    }
}

/// How long until a name is to be asked for: at once where it has no certificate, else when a third
/// of its life is left; later after failures.
pub(super) fn due_in(validity: Option<Validity>, tries: &Tries, now: Moment) -> Duration {
    let by_age = validity.map_or(0, |validity| {
        validity.until - (validity.until - validity.since) / 3
    });
    // A pause longer than the longest is a clock that went back.
    let longest = now.after(PAUSES[PAUSES.len() - 1]).as_millis();
    let at = by_age.max(tries.next.min(longest));
    Duration::from_millis(u64::try_from(at - now.as_millis()).unwrap_or(0))
}

/// Names of the internet: no address, no name of this machine, no wildcard (which needs dns-01).
pub(super) fn can_be_asked_for(host: &str) -> bool {
    let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    host.contains('.') && !is_address && !host.contains(['*', '_']) && !is_of_this_machine(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000;
    const HOUR: i64 = 3_600_000;

    /// The moments of all attempts in `hours` when each fails.
    fn attempts(hours: i64, outage: bool) -> Vec<i64> {
        let mut tries = Tries::default();
        let mut now = Moment::from_millis(START);
        let mut attempts = Vec::new();
        while now.as_millis() < START + hours * HOUR {
            let wait = due_in(None, &tries, now);
            now = now.after(wait);
            attempts.push(now.as_millis());
            tries.failed(outage, now);
        }
        attempts
    }

    #[test]
    fn a_dead_name_is_asked_for_less_than_five_times_an_hour_and_forty_a_day_for_a_month() {
        let attempts = attempts(24 * 30, false);
        let most_within = |span: i64| {
            let within = |from: &i64| {
                attempts
                    .iter()
                    .filter(|at| (*from..from + span).contains(*at))
                    .count()
            };
            attempts.iter().map(within).max().unwrap()
        };
        assert!(most_within(HOUR) < 5);
        assert!(most_within(24 * HOUR) < 40);
        assert!(attempts.len() > 100);
    }

    #[test]
    fn after_an_outage_of_twenty_days_it_is_asked_within_ten_minutes() {
        let attempts = attempts(24 * 20, true);
        let longest = attempts
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .max()
            .unwrap();
        assert!(longest <= HOUR / 6);
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_life_is_left() {
        let day = 24 * HOUR;
        for days in [6, 45, 90] {
            let validity = Validity {
                since: START,
                until: START + days * day,
            };
            let due = due_in(
                Some(validity),
                &Tries::default(),
                Moment::from_millis(START),
            );
            assert_eq!(due.as_secs(), (days * day * 2 / 3 / 1000) as u64, "{days}");
        }
    }

    #[test]
    fn a_clock_that_went_back_does_not_stop_asking_for_years() {
        let mut tries = Tries::default();
        tries.failed(false, Moment::from_millis(START + 24 * HOUR * 3650));
        let due = due_in(None, &tries, Moment::from_millis(START));
        assert!(due <= PAUSES[PAUSES.len() - 1]);
    }

    #[test]
    fn only_names_of_the_internet_are_asked_for() {
        for name in ["blog.example", "a.b.example"] {
            assert!(can_be_asked_for(name), "{name}");
        }
        for name in [
            "localhost",
            "blog.localhost",
            "127.0.0.1",
            "[::1]",
            "intranet",
            "*.example.org",
        ] {
            assert!(!can_be_asked_for(name), "{name}");
        }
    }
}

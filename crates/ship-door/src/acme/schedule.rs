//! When to ask an authority for a certificate, which one, and for which names.

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

/// The longest such pause, whatever it asks for.
const LONGEST_OUTAGE: Duration = Duration::from_hours(1);

/// The pause of an authority's limit that does not say how long it lasts, and the bounds of one that
/// does.
const LIMIT: Duration = Duration::from_hours(1);
const LIMITS: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(24)];

/// How long the first authority may fail before the second one is asked. For a name without a
/// certificate it is the first of these; while one serves, a quarter of what is left of its life.
const PATIENCE: [Duration; 2] = [Duration::from_mins(15), Duration::from_hours(24)];

/// A certificate that was replaced at this age was replaced in haste, and its successor is not replaced
/// earlier than after the same time: an authority whose windows always lie behind would have us ask
/// for ever.
const HASTE: Duration = Duration::from_hours(6);

/// Why there is no certificate: whose move it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The authority does not answer, or says that it cannot.
    Outage,
    /// It has signed enough for now.
    Limited,
    /// It signs nothing for this name, whoever has it.
    Unwilling,
    /// It has looked, and another would see the same.
    Refused,
}

/// How asking one authority for one name went since it last succeeded.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tries {
    refusals: u32,
    /// No earlier than then, in milliseconds since 1970.
    next: i64,
    /// Since when it has failed for a reason that another authority would not have, in the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failing: Option<i64>,
}

impl Tries {
    /// `told`: the pause that the authority asks for. `silent`: since when it has answered nobody.
    pub(super) fn failed(
        &mut self,
        fault: Fault,
        told: Option<Duration>,
        silent: Option<Moment>,
        now: Moment,
    ) {
        let pause = match fault {
            Fault::Outage => told.unwrap_or(OUTAGE).clamp(OUTAGE, LONGEST_OUTAGE),
            Fault::Limited => told.unwrap_or(LIMIT).clamp(LIMITS[0], LIMITS[1]),
            Fault::Unwilling | Fault::Refused => {
                let place = (self.refusals as usize).min(PAUSES.len() - 1);
                self.refusals = self.refusals.saturating_add(1);
                PAUSES[place]
            }
        };
        self.next = now.after(pause).as_millis();
        let since = silent.unwrap_or(now).as_millis();
        let since = self.failing.map_or(since, |known| known.min(since));
        self.failing = (fault != Fault::Refused).then_some(since);
    }

    /// What is left to remember when there is a certificate in the place of one with this validity.
    pub(super) fn succeeded(replaced: Option<Validity>, now: Moment) -> Option<Self> {
        let since = Moment::from_millis(replaced?.since);
        let tries = Self {
            next: now.after(HASTE).as_millis(),
            ..Self::default()
        };
        (since.after(HASTE) > now).then_some(tries)
    }

    /// Since when it has failed for a reason that another authority would not have.
    pub(super) fn failing(&self) -> Option<Moment> {
        self.failing.map(Moment::from_millis)
    }

    /// The ways take turns: where one is blocked, by a firewall or a proxy, another may not be. `dns`:
    /// whether the zone can be changed.
    pub(super) fn challenge(self, dns: bool) -> ChallengeType {
        match self.refusals % if dns { 3 } else { 2 } {
            0 => ChallengeType::Http01,
            1 => ChallengeType::TlsAlpn01,
            _ => ChallengeType::Dns01,
        }
    }

    fn next(&self, now: Moment) -> i64 {
        // A pause longer than the longest is a clock that went back.
        self.next.min(now.after(LIMITS[1]).as_millis())
    }
}

/// When a certificate is to be renewed, in milliseconds since 1970: in the window of its authority,
/// unless that lies behind its end; else when a third of its life is left.
pub(super) fn renewal(validity: Validity, window: Option<i64>) -> i64 {
    let third = validity.until - (validity.until - validity.since) / 3;
    window.filter(|at| *at < validity.until).unwrap_or(third)
}

/// Whom to ask next, by place, and how long until then. `at`: when a new certificate is wanted;
/// `until`: when the one there is ends.
pub(super) fn next(at: i64, until: Option<i64>, tries: &[Tries], now: Moment) -> (usize, Duration) {
    let first = tries.first().map_or(at, |first| at.max(first.next(now)));
    let second = match tries {
        [first, second, ..] => first.failing.map(|since| {
            let since = since.min(now.as_millis());
            at.max(since + patience(until, since)).max(second.next(now))
        }),
        _ => None,
    };
    let wait = |at: i64| Duration::from_millis(u64::try_from(at - now.as_millis()).unwrap_or(0));
    match second.map(wait) {
        Some(second) if second <= wait(first) => (1, second),
        _ => (0, wait(first)),
    }
}

/// How long to wait for the first authority that has failed since then.
fn patience(until: Option<i64>, since: i64) -> i64 {
    let [least, most] = PATIENCE.map(|time| i64::try_from(time.as_millis()).unwrap_or(i64::MAX));
    until.map_or(least, |until| ((until - since) / 4).clamp(least, most))
}

/// All names that are one label longer (RFC 8555, 7.1.3).
pub(super) fn is_wildcard(host: &str) -> bool {
    host.starts_with("*.")
}

/// Names of the internet: no address, no name of this machine; and wildcards, where the zone can be
/// changed (`dns`).
pub(super) fn can_be_asked_for(host: &str, dns: bool) -> bool {
    let host = host.strip_prefix("*.").filter(|_| dns).unwrap_or(host);
    let is_address = host.starts_with('[') || host.parse::<std::net::IpAddr>().is_ok();
    host.contains('.') && !is_address && !host.contains(['*', '_']) && !is_of_this_machine(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_700_000_000_000;
    const HOUR: i64 = 3_600_000;

    /// The moments of all attempts in `hours` when each fails.
    fn attempts(hours: i64, fault: Fault) -> Vec<i64> {
        let mut tries = [Tries::default()];
        let mut now = Moment::from_millis(START);
        let mut attempts = Vec::new();
        while now.as_millis() < START + hours * HOUR {
            let (place, wait) = next(0, None, &tries, now);
            now = now.after(wait);
            attempts.push(now.as_millis());
            tries[place].failed(fault, None, None, now);
        }
        attempts
    }

    /// How long after the first's first failure the second one is asked, where the first goes on
    /// failing like that; `None` where it is not within two days.
    fn until_second(fault: Fault, told: Option<Duration>, left: Option<i64>) -> Option<i64> {
        let mut tries = [Tries::default(); 2];
        let mut now = Moment::from_millis(START);
        let until = left.map(|left| START + left);
        loop {
            let (place, wait) = next(START, until, &tries, now);
            now = now.after(wait);
            let since = now.as_millis() - START;
            if place == 1 || since > 48 * HOUR {
                return (place == 1).then_some(since);
            }
            tries[0].failed(fault, told, None, now);
        }
    }

    #[test]
    fn a_dead_name_is_asked_for_less_than_five_times_an_hour_and_forty_a_day_for_a_month() {
        let attempts = attempts(24 * 30, Fault::Refused);
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
        let attempts = attempts(24 * 20, Fault::Outage);
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
            assert_eq!(renewal(validity, None), START + days * day * 2 / 3);
            // Its authority's word goes first, early or late; not one after its end.
            assert_eq!(renewal(validity, Some(START + day)), START + day);
            let late = validity.until - day / 2;
            assert_eq!(renewal(validity, Some(late)), late);
            let behind = renewal(validity, Some(validity.until));
            assert_eq!(behind, START + days * day * 2 / 3);
        }
    }

    #[test]
    fn a_clock_that_went_back_does_not_stop_asking_for_years() {
        let mut tries = Tries::default();
        let future = Moment::from_millis(START + 24 * HOUR * 3650);
        tries.failed(Fault::Outage, None, None, future);
        let now = Moment::from_millis(START);
        let (_, wait) = next(0, None, &[tries, Tries::default()], now);
        assert!(wait <= LIMITS[1]);
    }

    #[test]
    fn the_second_authority_is_asked_when_the_first_has_failed_for_long_enough() {
        let minutes = HOUR / 60;
        // Nothing serves yet.
        assert_eq!(until_second(Fault::Outage, None, None), Some(15 * minutes));
        let limited = until_second(Fault::Limited, Some(LIMITS[1]), None);
        assert_eq!(limited, Some(15 * minutes));
        let unwilling = until_second(Fault::Unwilling, None, None);
        assert_eq!(unwilling, Some(15 * minutes));
        // One of 90 days with a third left, one of six days, and one that has ended.
        let left = |days: i64| Some(days * 24 * HOUR);
        let until = |left| until_second(Fault::Outage, None, left);
        assert_eq!(until(left(30)), Some(24 * HOUR));
        assert_eq!(until(left(2)), Some(12 * HOUR));
        assert_eq!(until(left(-1)), Some(15 * minutes));
        // What it saw, another one would see as well.
        assert_eq!(until_second(Fault::Refused, None, None), None);
    }

    #[test]
    fn an_authority_that_answers_nobody_is_not_waited_for_by_each_name_anew() {
        let silent = Moment::from_millis(START);
        let now = Moment::from_millis(START + HOUR);
        let mut tries = [Tries::default(); 2];
        tries[0].failed(Fault::Outage, None, Some(silent), now);
        assert_eq!(next(0, None, &tries, now), (1, Duration::ZERO));
    }

    #[test]
    fn the_pause_that_an_authority_asks_for_is_kept() {
        let now = Moment::from_millis(START);
        let pause = |fault, told| {
            let mut tries = Tries::default();
            tries.failed(fault, told, None, now);
            next(0, None, &[tries], now).1
        };
        let hours = |hours| Some(Duration::from_hours(hours));
        assert_eq!(pause(Fault::Limited, hours(7)), Duration::from_hours(7));
        assert_eq!(pause(Fault::Limited, hours(700)), LIMITS[1]);
        assert_eq!(pause(Fault::Limited, None), LIMIT);
        assert_eq!(pause(Fault::Outage, hours(700)), LONGEST_OUTAGE);
        assert_eq!(pause(Fault::Outage, None), OUTAGE);
    }

    #[test]
    fn an_authority_that_always_wants_another_certificate_does_not_get_it_at_once_again() {
        let now = Moment::from_millis(START);
        let of_age = |age: i64| {
            let validity = Validity {
                since: START - age,
                until: START + 1000 * HOUR,
            };
            Tries::succeeded(Some(validity), now)
        };
        let (_, wait) = next(0, None, &[of_age(HOUR).unwrap()], now);
        assert_eq!(wait, HASTE);
        assert_eq!(of_age(7 * HOUR), None);
        assert_eq!(Tries::succeeded(None, now), None);
    }

    #[test]
    fn only_names_of_the_internet_are_asked_for_and_wildcards_where_the_zone_can_be_changed() {
        for name in ["blog.example", "a.b.example"] {
            assert!(can_be_asked_for(name, false), "{name}");
        }
        for name in [
            "localhost",
            "blog.localhost",
            "*.blog.localhost",
            "127.0.0.1",
            "[::1]",
            "intranet",
            "*.org",
            "*.*.example.org",
            "a.*.example.org",
        ] {
            assert!(!can_be_asked_for(name, true), "{name}");
        }
        assert!(can_be_asked_for("*.example.org", true));
        assert!(!can_be_asked_for("*.example.org", false));
    }

    #[test]
    fn after_refusals_each_way_has_its_turn() {
        let mut tries = Tries::default();
        let mut turn = |dns| {
            let way = tries.challenge(dns);
            tries.failed(Fault::Refused, None, None, Moment::from_millis(START));
            way
        };
        let [http, tls, dns] = [
            ChallengeType::Http01,
            ChallengeType::TlsAlpn01,
            ChallengeType::Dns01,
        ];
        assert_eq!(
            [(); 4].map(|()| turn(true)),
            [http.clone(), tls.clone(), dns, http.clone()]
        );
        assert_eq!([(); 2].map(|()| turn(false)), [http, tls]);
    }
}

//! How long an answer may be used (RFC 9111, 4.2), and what is done with it afterwards.

use std::time::{Duration, SystemTime};

use hyper::HeaderMap;
use hyper::header;
use tokio::time::Instant;

use crate::cache::Told;
use crate::cache::directives::{Directives, LONGEST, seconds};

/// The life of one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Life {
    /// When it came.
    came: Instant,
    /// How old it was then.
    age: Duration,
    fresh: Duration,
    /// After that, how long it may be used while a new one is fetched.
    while_revalidating: Duration,
    /// After that, how long it may be used where no new one can be had.
    if_error: Duration,
    /// Whether a statement of the app made it fresh, and not the manifest.
    pub(crate) is_own: bool,
    /// The app wants to be asked each time (`no-cache`).
    pub(crate) asks_always: bool,
}

/// What may be done with an answer now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// Send it.
    Fresh,
    /// Send it, and fetch a new one.
    WhileRevalidating,
    /// Ask the app first.
    Stale,
}

impl Life {
    /// The life of an answer whose request went out at `asked` and that came at `came`; `None` where
    /// nobody says how long it is good.
    pub(crate) fn of(
        headers: &HeaderMap,
        told: Option<&Told>,
        asked: Instant,
        came: Instant,
        clock: SystemTime,
    ) -> Option<Self> {
        let says = Directives::of(headers);
        let date = date(headers, &header::DATE).unwrap_or(clock);
        let own = own_lifetime(headers, &says, date);
        let told = told.filter(|_| !says.no_cache);
        let fresh = match (own, told) {
            (Some(own), _) => own,
            (None, Some(told)) => told_lifetime(headers, told, date)?,
            (None, None) if says.no_cache => Duration::ZERO,
            (None, None) => return None,
        };
        let never = says.must_revalidate || says.no_cache;
        let grace = |own: Option<u64>| match own.map(Duration::from_secs) {
            _ if never => Duration::ZERO,
            Some(own) => own,
            // That alone forbids it as well (RFC 9111, 5.2.2.10).
            None if says.s_maxage.is_some() => Duration::ZERO,
            None => told.map_or(Duration::ZERO, |told| told.stale),
        };
        Some(Self {
            came,
            age: age(headers, date, clock).max(age_field(headers) + (came - asked)),
            fresh: if says.no_cache { Duration::ZERO } else { fresh },
            while_revalidating: grace(says.stale_while_revalidate),
            if_error: grace(says.stale_if_error),
            is_own: own.is_some() && !says.no_cache,
            asks_always: says.no_cache,
        })
    }

    pub(crate) fn age(&self, now: Instant) -> Duration {
        self.age
            .saturating_add(now.saturating_duration_since(self.came))
    }

    pub(crate) fn now(&self, now: Instant) -> Use {
        match self.age(now).checked_sub(self.fresh) {
            None => Use::Fresh,
            Some(over) if over < self.while_revalidating => Use::WhileRevalidating,
            Some(_) => Use::Stale,
        }
    }

    /// Whether it may be sent where the app fails.
    pub(crate) fn helps_out(&self, now: Instant) -> bool {
        let over = self.age(now).saturating_sub(self.fresh);
        over < self.if_error.max(self.while_revalidating)
    }

    /// Good for nothing without asking, from now on.
    #[cfg(test)]
    pub(crate) fn spent(now: Instant) -> Self {
        Self {
            came: now,
            age: Duration::ZERO,
            fresh: Duration::ZERO,
            while_revalidating: Duration::ZERO,
            if_error: Duration::ZERO,
            is_own: true,
            asks_always: false,
        }
    }
}

/// What the app's fields say, the shared caches' first (RFC 9111, 4.2.1). Nothing is guessed.
fn own_lifetime(headers: &HeaderMap, says: &Directives, date: SystemTime) -> Option<Duration> {
    if let Some(seconds) = says.s_maxage.or(says.max_age) {
        return Some(Duration::from_secs(seconds));
    }
    let mut fields = headers.get_all(header::EXPIRES).into_iter();
    let expires = fields.next()?;
    // More than one, or none that is a date: long ago.
    let expires = expires.to_str().ok().filter(|_| fields.next().is_none());
    let expires = expires.and_then(|text| httpdate::parse_http_date(text).ok());
    Some(expires.map_or(Duration::ZERO, |at| {
        at.duration_since(date).unwrap_or(Duration::ZERO)
    }))
}

/// What the author says where the app says nothing: a time, or a share of how long the answer had not
/// changed for (RFC 9111, 4.2.2, which names a tenth). Only an author asks for such a guess.
fn told_lifetime(headers: &HeaderMap, told: &Told, date: SystemTime) -> Option<Duration> {
    let Some(share) = told.share else {
        return Some(told.fresh);
    };
    let changed = self::date(headers, &header::LAST_MODIFIED)?;
    let unchanged = date.duration_since(changed).unwrap_or(Duration::ZERO);
    Some((unchanged / 100).saturating_mul(share).min(told.fresh))
}

fn date(headers: &HeaderMap, name: &header::HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// By the clocks. `Date` has whole seconds, so that the one that has begun does not count.
fn age(headers: &HeaderMap, date: SystemTime, clock: SystemTime) -> Duration {
    if !headers.contains_key(header::DATE) {
        return Duration::ZERO;
    }
    let apparent = clock.duration_since(date).unwrap_or(Duration::ZERO);
    Duration::from_secs(apparent.as_secs())
}

/// By the caches on the way; where they say nonsense, as old as can be.
fn age_field(headers: &HeaderMap) -> Duration {
    let mut fields = headers.get_all(header::AGE).into_iter();
    match (fields.next(), fields.next()) {
        (None, _) => Duration::ZERO,
        (Some(age), None) => Duration::from_secs(seconds(age.as_bytes()).unwrap_or(LONGEST)),
        _ => Duration::from_secs(LONGEST),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::UNIX_EPOCH;

    const DAY: &str = "Thu, 01 Jan 1970 00:16:40 GMT";
    const LATER: &str = "Thu, 01 Jan 1970 00:17:40 GMT";

    fn clock() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1000)
    }

    fn headers(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            let name: header::HeaderName = name.parse().unwrap();
            headers.append(name, value.parse().unwrap());
        }
        headers
    }

    fn life(fields: &[(&str, &str)], told: Option<&Told>) -> Option<Life> {
        let now = Instant::now();
        Life::of(&headers(fields), told, now, now, clock())
    }

    const TOLD: Told = Told {
        fresh: Duration::from_mins(1),
        share: None,
        stale: Duration::from_mins(10),
    };

    #[tokio::test]
    async fn the_lifetime_is_what_the_app_says() {
        for (fields, seconds) in [
            (&[("cache-control", "max-age=60")][..], Some(60)),
            (&[("cache-control", "max-age=60, s-maxage=5")], Some(5)),
            (&[("expires", LATER), ("date", DAY)], Some(60)),
            (&[("expires", LATER)], Some(60)),
            (&[("expires", DAY), ("date", LATER)], Some(0)),
            (&[("expires", "0")], Some(0)),
            (&[("expires", LATER), ("expires", LATER)], Some(0)),
            (
                &[("cache-control", "max-age=1"), ("expires", LATER)],
                Some(1),
            ),
            (&[("cache-control", "no-cache, max-age=60")], Some(0)),
            (&[("cache-control", "public")], None),
            (&[("last-modified", DAY)], None),
        ] {
            let fresh = life(fields, None).map(|life| life.fresh.as_secs());
            assert_eq!(fresh, seconds, "{fields:?}");
        }
    }

    #[tokio::test]
    async fn the_manifest_counts_where_the_app_says_nothing() {
        let told = |fields: &[(&str, &str)]| life(fields, Some(&TOLD)).unwrap();
        let silent = told(&[]);
        assert_eq!((silent.fresh, silent.if_error), (TOLD.fresh, TOLD.stale));
        assert!(!silent.is_own);
        assert_eq!(told(&[("cache-control", "max-age=1")]).fresh.as_secs(), 1);
        let never = told(&[("cache-control", "no-cache")]);
        assert_eq!(
            (never.fresh, never.if_error),
            (Duration::ZERO, Duration::ZERO)
        );
        let strict = told(&[("cache-control", "must-revalidate")]);
        assert_eq!(
            (strict.fresh, strict.if_error),
            (TOLD.fresh, Duration::ZERO)
        );
    }

    #[tokio::test]
    async fn a_share_is_of_the_time_without_a_change() {
        let told = Told {
            fresh: Duration::from_hours(24),
            share: Some(10),
            stale: Duration::ZERO,
        };
        let fresh = |fields: &[(&str, &str)]| Some(life(fields, Some(&told))?.fresh.as_secs());
        let epoch = ("last-modified", "Thu, 01 Jan 1970 00:00:00 GMT");
        assert_eq!(fresh(&[epoch]), Some(100));
        assert_eq!(fresh(&[epoch, ("date", LATER)]), Some(106));
        assert_eq!(fresh(&[("last-modified", LATER)]), Some(0), "of tomorrow");
        assert_eq!(fresh(&[("last-modified", "yesterday")]), None);
        assert_eq!(fresh(&[]), None);
        assert_eq!(fresh(&[epoch, ("cache-control", "max-age=7")]), Some(7));
        assert_eq!(
            fresh(&[epoch, ("date", "Fri, 01 Jan 1982 00:00:00 GMT")]),
            Some(86_400)
        );
    }

    #[tokio::test]
    async fn age_is_the_older_of_what_clocks_and_caches_say() {
        let age = |fields: &[(&str, &str)]| {
            let all = [fields, &[("cache-control", "max-age=60")]].concat();
            life(&all, None).unwrap().age.as_secs()
        };
        assert_eq!(age(&[]), 0);
        assert_eq!(age(&[("age", "30")]), 30);
        assert_eq!(age(&[("date", "Thu, 01 Jan 1970 00:16:30 GMT")]), 10);
        assert_eq!(age(&[("date", LATER)]), 0);
        for nonsense in ["abc", "-1", "1.0", "0, 0"] {
            assert_eq!(age(&[("age", nonsense)]), LONGEST, "{nonsense}");
        }
    }

    proptest! {
        /// Freshness, then the time of grace, then nothing: in this order, for any numbers.
        #[test]
        fn an_answer_only_ever_gets_older(
            fresh in 0u64..LONGEST * 2, swr in 0u64..LONGEST * 2, error in 0u64..LONGEST * 2,
            age in 0u64..LONGEST * 2, steps in prop::collection::vec(0u64..100_000, 1..20),
        ) {
            let cc = format!(
                "max-age={fresh}, stale-while-revalidate={swr}, stale-if-error={error}"
            );
            let fields = headers(&[("cache-control", &cc), ("age", &age.to_string())]);
            let came = Instant::now();
            let life = Life::of(&fields, None, came, came, clock()).unwrap();
            let rank = |at| match life.now(at) {
                Use::Fresh => 0,
                Use::WhileRevalidating => 1,
                Use::Stale => 2,
            };
            let (mut at, mut last) = (came, 0);
            for step in steps {
                at += Duration::from_secs(step);
                let now = rank(at);
                prop_assert!(now >= last);
                prop_assert!(now > 0 || life.age(at) < life.fresh);
                prop_assert!(now == 2 || life.helps_out(at));
                last = now;
            }
        }
    }
}

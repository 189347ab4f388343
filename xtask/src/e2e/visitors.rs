//! Visitors who ask all the time: every request that fails is counted, and every page has to be one
//! that somebody deployed.

use std::time::Duration;

use ship_test::Load;

use super::apps::Sample;
use super::checks::{Checks, until};
use super::server::Server;
use crate::Result;

/// Threads for each app: one keeps its connection, one opens one for every request.
pub(crate) const THREADS: usize = 2;

/// Between an answer and the next request. Without it the visitors alone would take all that an
/// emulated processor has, and a deploy would meet its deadlines by luck.
const PAUSE: Duration = Duration::from_millis(200);

/// How long the first answers may take.
const BEGIN: Duration = Duration::from_mins(2);

/// Visitors of some apps.
pub(crate) struct Visitors {
    loads: Vec<(usize, Load)>,
}

/// What those of one app may see, and what at least one of them has to.
pub(crate) struct Sight<'a> {
    pub(crate) app: &'a Sample,
    /// The versions that answered at some moment, the last one last.
    pub(crate) versions: Vec<u32>,
}

impl Visitors {
    /// They come, to all of these; returns once each of them is answered.
    pub(crate) fn come(server: &Server, apps: &[Sample]) -> Result<Self> {
        let loads: Vec<(usize, Load)> = apps
            .iter()
            .enumerate()
            .map(|(index, app)| {
                let url = server.url(&app.host, "/");
                (index, Load::with_pauses(&url, THREADS, PAUSE))
            })
            .collect();
        for (index, load) in &loads {
            let what = format!("answers of {}", apps[*index].name);
            until(&what, BEGIN, || match load.answered() {
                0..10 => Err("too few".into()),
                _ => Ok(()),
            })?;
        }
        Ok(Self { loads })
    }

    /// They go. `sights` is what they may have seen, an app a line; at most `lost` requests of each
    /// may have failed.
    pub(crate) fn go(self, checks: &mut Checks, sights: &[Sight<'_>], lost: usize) {
        self.leave(checks, sights, |_| lost);
    }

    /// They go; requests to the app of this name may have failed, those to the others not.
    pub(crate) fn go_but(self, checks: &mut Checks, sights: &[Sight<'_>], app: &str) {
        self.leave(
            checks,
            sights,
            |name| if name == app { usize::MAX } else { 0 },
        );
    }

    fn leave(self, checks: &mut Checks, sights: &[Sight<'_>], lost: impl Fn(&str) -> usize) {
        let mut answered = 0;
        let mut failed = 0;
        for ((_, load), sight) in self.loads.into_iter().zip(sights) {
            let outcome = load.finish();
            answered += outcome.answered;
            failed += outcome.failed.len();
            let name = sight.app.name;
            let lost = lost(name);
            if outcome.failed.len() > lost {
                let what = format!("failed requests to {name}, beyond {lost}");
                checks.none(&what, &outcome.failed);
            } else {
                checks.held += 1;
            }
            let is_known = |body: &String| {
                sight
                    .versions
                    .iter()
                    .any(|version| body.contains(&sight.app.mark(*version)))
            };
            let strange: Vec<String> = outcome
                .bodies
                .iter()
                .filter(|body| !is_known(body))
                .map(|body| body.chars().take(200).collect())
                .collect();
            checks.none(&format!("pages of {name} that nobody deployed"), &strange);
            for version in &sight.versions {
                let mark = sight.app.mark(*version);
                let seen = outcome.bodies.iter().any(|body| body.contains(&mark));
                let what = format!("pages that visitors of {name} saw");
                checks.holds(seen, &what, &format!("one with `{mark}`"), "none");
            }
        }
        let failed = match failed {
            0 => "none failed".to_owned(),
            failed => format!("{failed} failed"),
        };
        checks.note(format!("{answered} requests, {failed}"));
    }
}

impl<'a> Sight<'a> {
    /// The version that is there now, and no other.
    pub(crate) fn now(app: &'a Sample) -> Self {
        let versions = vec![app.version];
        Self { app, versions }
    }

    /// The one before as well.
    pub(crate) fn last_two(app: &'a Sample) -> Self {
        let versions = vec![app.version - 1, app.version];
        Self { app, versions }
    }
}

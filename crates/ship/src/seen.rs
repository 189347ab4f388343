//! Up to where a log has been shown, for a stream that breaks and begins again: no line is left out
//! and none is shown twice.

use ship_api::event::LogLine;
use ship_base::clock::Moment;

/// What has been shown.
#[derive(Debug)]
pub(crate) struct Seen {
    until: Moment,
    /// Shown lines of the moment `until`: a stream from there on brings them again.
    of_until: Vec<LogLine>,
    /// Those of them that the stream at hand may still bring.
    expected: Vec<LogLine>,
}

impl Seen {
    /// Nothing; what was before `from` is of no interest.
    pub(crate) fn new(from: Moment) -> Self {
        Self {
            until: from,
            of_until: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// Where a stream is to begin again.
    pub(crate) fn until(&self) -> Moment {
        self.until
    }

    /// Whether nothing has been shown yet.
    pub(crate) fn is_empty(&self) -> bool {
        self.of_until.is_empty()
    }

    /// A stream begins again at [`Seen::until`].
    pub(crate) fn again(&mut self) {
        self.expected.clone_from(&self.of_until);
    }

    /// Whether the next line of the stream has not been shown. Equal lines of one moment are as
    /// many as they are.
    pub(crate) fn is_fresh(&mut self, line: &LogLine) -> bool {
        if let Some(at) = self.expected.iter().position(|shown| shown == line) {
            self.expected.swap_remove(at);
            return false;
        }
        if line.at > self.until {
            self.until = line.at;
            self.of_until.clear();
        }
        if line.at == self.until {
            self.of_until.push(line.clone());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(at: i64, text: &str) -> LogLine {
        LogLine {
            at: Moment::from_millis(at),
            instance: "blog/web.1".parse().unwrap(),
            release: "r1".parse().unwrap(),
            stream: "out".into(),
            text: text.into(),
        }
    }

    fn log(steps: &[(i64, u8)]) -> Vec<LogLine> {
        let mut now = 1_000;
        let line = |(step, text): &(i64, u8)| {
            now += step;
            line(now, &text.to_string())
        };
        steps.iter().map(line).collect()
    }

    proptest! {
        #[test]
        fn every_line_is_shown_once_wherever_the_stream_breaks(
            steps in prop::collection::vec((0i64..3, 0u8..2), 0..40),
            breaks in prop::collection::vec(0usize..20, 0..4),
        ) {
            let log = log(&steps);
            let mut seen = Seen::new(Moment::from_millis(0));
            let mut shown = Vec::new();
            for length in breaks.into_iter().chain([usize::MAX]) {
                seen.again();
                let since = seen.until();
                let stream = log.iter().filter(|line| line.at >= since);
                for line in stream.take(length) {
                    if seen.is_fresh(line) {
                        shown.push(line.clone());
                    }
                }
            }
            prop_assert_eq!(shown, log);
        }
    }
}

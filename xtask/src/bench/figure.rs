//! A figure, the table of them, and the same as JSON.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

/// What was measured, and what it is held against.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Figure {
    /// What, in a few words.
    name: String,
    /// How much.
    value: Value,
    /// Others at the same task in the same run.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    peers: Vec<Peer>,
    /// Where we want to be, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<Value>,
}

/// A number with its unit.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Value {
    /// A time.
    Seconds(f64),
    /// An amount of memory.
    Bytes(u64),
    /// A number of things.
    Count(u64),
    /// A part of a whole, which is 1.
    Share(f64),
}

/// Somebody else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Peer {
    name: String,
    value: Value,
    /// Ours divided by theirs.
    ratio: f64,
}

impl Figure {
    /// A figure by itself.
    pub(crate) fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
            peers: Vec::new(),
            goal: None,
        }
    }

    /// Beside somebody else's.
    pub(crate) fn beside(mut self, name: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        self.peers.push(Peer {
            name: name.to_owned(),
            value,
            ratio: self.value.number() / value.number(),
        });
        self
    }

    /// Where we want to be, at most.
    pub(crate) fn at_most(mut self, goal: impl Into<Value>) -> Self {
        self.goal = Some(goal.into());
        self
    }

    fn verdict(&self) -> String {
        match self.goal {
            Some(goal) if self.value <= goal => format!("✓ at most {goal}"),
            Some(goal) => format!("✗ at most {goal}"),
            None => String::new(),
        }
    }

    fn comparison(&self) -> String {
        let peers: Vec<String> = self.peers.iter().map(Peer::to_string).collect();
        peers.join("   ")
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {:.2} ×", self.name, self.value, self.ratio)
    }
}

impl Value {
    fn number(self) -> f64 {
        match self {
            Self::Seconds(number) | Self::Share(number) => number,
            Self::Bytes(number) | Self::Count(number) => number as f64,
        }
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Seconds(duration.as_secs_f64())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(seconds) if *seconds < 1.0 => write!(f, "{:.0} ms", seconds * 1000.0),
            Self::Seconds(seconds) => write!(f, "{seconds:.2} s"),
            Self::Bytes(bytes) if *bytes < 1_000_000 => write!(f, "{:.0} kB", *bytes as f64 / 1e3),
            Self::Bytes(bytes) => write!(f, "{:.1} MB", *bytes as f64 / 1e6),
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(share) => write!(f, "{:.2} %", share * 100.0),
        }
    }
}

/// The figures for people: a line each, aligned.
pub(crate) fn table(figures: &[Figure]) -> String {
    let width = figures
        .iter()
        .map(|figure| figure.name.chars().count())
        .max();
    let width = width.unwrap_or(0);
    let line = |figure: &Figure| {
        let value = figure.value.to_string();
        let rest = [figure.verdict(), figure.comparison()];
        let rest: Vec<String> = rest.into_iter().filter(|part| !part.is_empty()).collect();
        let line = format!("{:<width$}  {value:>9}  {}", figure.name, rest.join("   "));
        format!("{}\n", line.trim_end())
    };
    figures.iter().map(line).collect()
}

/// The middle of several measurements.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_like_a_list() {
        let figures = [
            Figure::new("environment, cold", Duration::from_millis(4200))
                .beside("uv sync", Duration::from_secs(4)),
            Figure::new("requests failed", Value::Count(1)).at_most(Value::Count(0)),
            Figure::new("a keeper", Value::Bytes(812_000)).at_most(Value::Bytes(1_000_000)),
        ];
        insta::assert_snapshot!(table(&figures), @r"
        environment, cold     4.20 s  uv sync 4.00 s: 1.05 ×
        requests failed            1  ✗ at most 0
        a keeper              812 kB  ✓ at most 1.0 MB
        ");
    }

    #[test]
    fn the_median_is_the_one_in_the_middle() {
        let times = [5, 1, 3].map(Duration::from_secs).to_vec();
        assert_eq!(median(times), Duration::from_secs(3));
        assert_eq!(median(Vec::new()), Duration::ZERO);
    }
}

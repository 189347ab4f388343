//! What came of it.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use ship_test::Kind;
use ship_test::matrix::book::{Account, Cell};
use ship_test::matrix::{Event, may_see};

use super::measure::Memory;
use crate::Result;

/// By how much control and door together may have grown in the end, of what they held before.
const MOST_GROWTH: f64 = 0.05;

/// A run, and what its processes held before and after it.
pub(super) struct Report {
    pub(super) account: Account,
    pub(super) took: Duration,
    pub(super) memory: (Memory, Memory),
}

impl Report {
    /// What keeps the promise from being kept, or from being proved.
    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = self.account.faults();
        let (before, after) = (self.memory.0.all(), self.memory.1.all());
        if after as f64 > before as f64 * (1.0 + MOST_GROWTH) {
            faults.push(format!(
                "control and door hold {after} bytes, and held {before} before"
            ));
        }
        faults
    }

    pub(super) fn tell(&self, json: bool) -> Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(&self.json())?);
        } else {
            print!("{}", self.text());
        }
        for fault in self.faults() {
            eprintln!("✗ {fault}");
        }
        Ok(())
    }

    fn text(&self) -> String {
        let account = &self.account;
        let mut text = format!(
            "{} exchanges in {:.0} s; {} that nobody may see\n\n",
            account.exchanges,
            self.took.as_secs_f64(),
            account.failures
        );
        let mut rows = vec![row("", Event::ALL.map(|event| head(account, event)))];
        for kind in Kind::ALL {
            let cells = Event::ALL.map(|event| mark(account, kind, event));
            rows.push(row(kind.name(), cells));
        }
        text.push_str(&aligned(&rows));
        text.push('\n');
        for (what, figure) in self.figures() {
            let _ = writeln!(text, "{what:<50} {figure}");
        }
        text
    }

    fn figures(&self) -> Vec<(String, String)> {
        let account = &self.account;
        let mut figures = Vec::new();
        let mut tell = |what: &str, figure: String| figures.push((what.to_owned(), figure));
        let calm = account.calm.unwrap_or_default();
        tell("p99 of short requests, nothing happening", millis(calm));
        for (event, p99) in &account.during {
            let more = p99.saturating_sub(calm);
            let what = format!("p99 during {}", event.name());
            tell(&what, format!("{} (+{})", millis(*p99), millis(more)));
        }
        if let Some((least, most)) = account.restarts {
            let (least, most) = (least.as_secs_f64(), most.as_secs_f64());
            tell(
                "WebSockets closed with 1012 after",
                format!("{least:.1} s to {most:.1} s"),
            );
        }
        for (gap, lost) in &account.deaths {
            let gap = gap.map_or("nobody was served".to_owned(), millis);
            tell(
                "kill -9 of the door: gap, and lost in its hands",
                format!("{gap}, {lost}"),
            );
        }
        let (before, after) = self.memory;
        for (what, before, after) in [
            ("private memory of control", before.control, after.control),
            ("private memory of the door", before.door, after.door),
            ("both together", before.all(), after.all()),
        ] {
            let more = (after as f64 / before as f64 - 1.0) * 100.0;
            let figure = format!(
                "{:.1} MB, then {:.1} MB ({more:+.1} %)",
                before as f64 / 1e6,
                after as f64 / 1e6
            );
            tell(what, figure);
        }
        figures
    }

    fn json(&self) -> Value {
        let account = &self.account;
        let cell = |kind: Kind, event: Event| {
            let cell = account
                .cells
                .get(&(kind, event))
                .copied()
                .unwrap_or_default();
            json!({
                "visitor": kind.name(),
                "event": event.name(),
                "may_see": may_see(kind, event).name(),
                "exchanges": cell.exchanges,
                "last_answers": cell.last,
                "restarted": cell.restarted,
                "lost": cell.lost,
                "broken": cell.broken,
            })
        };
        let cells = Kind::ALL.into_iter();
        let cells = cells.flat_map(|kind| Event::ALL.map(|event| cell(kind, event)));
        let during = account.during.iter();
        let during = during.map(|(event, p99)| (event.name().to_owned(), seconds(*p99)));
        let deaths = account.deaths.iter();
        let deaths = deaths.map(|(gap, lost)| json!({"gap": gap.map(seconds), "lost": lost}));
        let events = account.events.iter();
        let events = events.map(|(event, count)| (event.name().to_owned(), json!(count)));
        let memory = |memory: Memory| json!({"control": memory.control, "door": memory.door});
        json!({
            "exchanges": account.exchanges,
            "seconds": self.took.as_secs_f64(),
            "failures": account.failures,
            "faults": self.faults(),
            "events": events.collect::<serde_json::Map<_, _>>(),
            "cells": cells.collect::<Vec<_>>(),
            "p99_calm": account.calm.map(seconds),
            "p99_during": during.collect::<serde_json::Map<_, _>>(),
            "websockets_closed_after": account.restarts.map(|(least, most)| [seconds(least), seconds(most)]),
            "door_deaths": deaths.collect::<Vec<_>>(),
            "memory_before": memory(self.memory.0),
            "memory_after": memory(self.memory.1),
        })
    }
}

fn seconds(time: Duration) -> Value {
    json!(time.as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

type Row = [String; 1 + Event::ALL.len()];

fn row(name: &str, cells: [String; Event::ALL.len()]) -> Row {
    let mut all = std::iter::once(name.to_owned()).chain(cells);
    std::array::from_fn(|_| all.next().expect("a cell for each event"))
}

/// Each column as wide as its widest cell.
fn aligned(rows: &[Row]) -> String {
    let width = |at: usize| rows.iter().map(|row| row[at].chars().count()).max();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().enumerate();
        let cells = cells.map(|(at, cell)| format!("{cell:<0$}  ", width(at).unwrap_or(0)));
        let line: Vec<String> = cells.collect();
        text.push_str(line.concat().trim_end());
        text.push('\n');
    }
    text
}

fn head(account: &Account, event: Event) -> String {
    let count = account.events.get(&event).copied().unwrap_or_default();
    format!("{} ×{count}", event.name())
}

/// How many met it, and what of it they saw.
fn mark(account: &Account, kind: Kind, event: Event) -> String {
    let Some(cell) = account.cells.get(&(kind, event)) else {
        return "✗ nobody".to_owned();
    };
    let Cell {
        exchanges,
        last,
        restarted,
        lost,
        broken,
    } = *cell;
    let sign = if broken == 0 { "✓" } else { "✗" };
    let mut text = format!("{sign} {exchanges}");
    for (count, what) in [
        (last, "last"),
        (restarted, "1012"),
        (lost, "lost"),
        (broken, "broken"),
    ] {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_says_how_many_met_it_and_what_they_saw() {
        let mut account = Account::default();
        let place = (Kind::Events, Event::Upgrade);
        assert_eq!(mark(&account, place.0, place.1), "✗ nobody");
        let cell = Cell {
            exchanges: 12,
            last: 3,
            ..Cell::default()
        };
        account.cells.insert(place, cell);
        assert_eq!(mark(&account, place.0, place.1), "✓ 12, 3 last");
        account.cells.get_mut(&place).unwrap().broken = 1;
        assert_eq!(mark(&account, place.0, place.1), "✗ 12, 3 last, 1 broken");
    }
}

//! `cargo xtask bench door`: what a request costs the front door, beside four others.
//!
//! Each program serves the same row on the same core, one after the other, with one upstream app
//! and a load on another core. The figure is what the kernel charged the program's processes
//! (`/proc/<pid>/stat`), divided by the requests that were answered: it depends much less on what
//! else the machine does than a rate does.
//!
//! `row.rs` has the rows, `peer.rs` the programs; each program has a file with its configuration.

mod caddy;
mod haproxy;
mod idle;
mod load;
mod nginx;
mod origin;
mod peer;
mod process;
mod row;
mod ship;
mod stage;
mod traefik;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde::Serialize;

use crate::Result;
use peer::{PEERS, Peer};
use row::Row;
use stage::Stage;

/// What `cargo xtask bench door` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The figures as JSON
    #[arg(long)]
    json: bool,
    /// Measure this binary instead of building one
    #[arg(long, value_name = "PATH")]
    ship: Option<PathBuf>,
    /// Only these rows
    #[arg(long, value_enum, value_name = "ROW")]
    only: Vec<Row>,
    /// Only these programs
    #[arg(long, value_name = "PROGRAM", value_parser = peer::named)]
    peer: Vec<&'static Peer>,
    /// Seconds that each row is measured with each program, each time
    #[arg(long, default_value_t = 2, value_name = "SECONDS")]
    seconds: u32,
    /// How often each row is measured, the programs in turn; the median counts
    #[arg(long, default_value_t = 3, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
}

/// What one row cost each program; lower is better.
#[derive(Debug, Default, Serialize)]
struct Measured {
    row: &'static str,
    unit: &'static str,
    ship: Option<f64>,
    nginx: Option<f64>,
    haproxy: Option<f64>,
    caddy: Option<f64>,
    traefik: Option<f64>,
    ratio_to_nginx: Option<f64>,
}

/// All of them.
#[derive(Serialize)]
struct Report {
    rows: Vec<Measured>,
}

/// Measures, then prints everything at once.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let ship = match &arguments.ship {
        Some(ship) => std::path::absolute(ship)?,
        None => super::built()?,
    };
    let stage = Stage::set(ship, arguments.seconds)?;
    let _origin = origin::start(&stage)?;
    let rows = Row::ALL
        .into_iter()
        .filter(|row| arguments.only.is_empty() || arguments.only.contains(row));
    let wanted = |peer: &Peer| {
        arguments.peer.is_empty() || arguments.peer.iter().any(|it| it.name == peer.name)
    };
    let rows = rows
        .map(|row| measure(&stage, row, arguments.rounds, wanted))
        .collect::<Result<Vec<_>>>()?;
    let report = Report { rows };
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&report)?);
    } else {
        print!("{}", table(&report.rows));
    }
    Ok(ExitCode::SUCCESS)
}

fn measure(
    stage: &Stage,
    row: Row,
    rounds: u32,
    wanted: impl Fn(&Peer) -> bool,
) -> Result<Measured> {
    let mut measured = Measured {
        row: row.name(),
        unit: row.unit(),
        ..Measured::default()
    };
    let peers = PEERS.iter().filter(|peer| wanted(peer) && (peer.can)(row));
    let mut costs: Vec<(&str, Vec<f64>)> = peers.clone().map(|it| (it.name, Vec::new())).collect();
    // In turn: what else the machine does comes and goes, and should meet all of them alike.
    for _ in 0..rounds {
        for (peer, (name, costs)) in peers.clone().zip(&mut costs) {
            eprintln!("{}: {name}", row.name());
            let cost = row
                .measure(stage, peer)
                .map_err(|error| format!("{} of {name}: {error}", row.name()))?;
            costs.push(cost);
        }
    }
    for (name, costs) in costs {
        *measured.of(name) = Some(round(median(costs)));
    }
    if let (Some(ship), Some(nginx)) = (measured.ship, measured.nginx) {
        measured.ratio_to_nginx = Some(round(ship / nginx));
    }
    Ok(measured)
}

impl Measured {
    fn of(&mut self, peer: &str) -> &mut Option<f64> {
        match peer {
            "ship" => &mut self.ship,
            "nginx" => &mut self.nginx,
            "haproxy" => &mut self.haproxy,
            "caddy" => &mut self.caddy,
            _ => &mut self.traefik,
        }
    }
}

/// The one in the middle; of an even number, the higher of the two.
fn median(mut costs: Vec<f64>) -> f64 {
    costs.sort_by(f64::total_cmp);
    costs[costs.len() / 2]
}

/// Two digits behind the point: more of them would be noise.
fn round(figure: f64) -> f64 {
    (figure * 100.0).round() / 100.0
}

fn table(rows: &[Measured]) -> String {
    let mut out = format!(
        "{:<16} {:<6} {:>9} {:>9} {:>9} {:>9} {:>9}  {}\n",
        "row", "unit", "ship", "nginx", "haproxy", "caddy", "traefik", "ship ÷ nginx"
    );
    for row in rows {
        let cell =
            |figure: Option<f64>| figure.map_or("–".to_owned(), |figure| format!("{figure:.1}"));
        let ratio = row
            .ratio_to_nginx
            .map_or("–".to_owned(), |ratio| format!("{ratio:.2} ×"));
        let _ = writeln!(
            out,
            "{:<16} {:<6} {:>9} {:>9} {:>9} {:>9} {:>9}  {ratio}",
            row.row,
            row.unit,
            cell(row.ship),
            cell(row.nginx),
            cell(row.haproxy),
            cell(row.caddy),
            cell(row.traefik),
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_cannot_do_is_a_dash_and_null() {
        let rows = [Measured {
            row: "static-1k",
            unit: "µs",
            ship: Some(10.0),
            nginx: Some(8.0),
            ratio_to_nginx: Some(1.25),
            ..Measured::default()
        }];
        insta::assert_snapshot!(table(&rows), @r"
        row              unit        ship     nginx   haproxy     caddy   traefik  ship ÷ nginx
        static-1k        µs          10.0       8.0         –         –         –  1.25 ×
        ");
        let json = serde_json::to_value(&rows[0]).unwrap();
        assert!(json["haproxy"].is_null());
    }
}

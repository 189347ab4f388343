//! Many small apps, and nobody who asks for them.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use ship_test::{Home, Project, http, wait_until};

use super::processes;
use crate::Result;
use crate::bench::figure::{Figure, Value};
use crate::bench::installation::Installation;

/// What Shipsmith itself may hold in all.
const MEMORY: u64 = 60_000_000;
/// And one keeper of it.
const KEEPER: u64 = 1_000_000;
/// What it may take of one core while nothing is asked of it.
const SHARE: f64 = 0.002;

/// A program of Python alone: what it needs itself is no figure of ours.
const FIXTURE: &str = "own-server";

/// Memory, processor, and all of them after everything was killed at once.
pub(super) fn measure(ship: &Path, count: u32, window: Duration) -> Result<Vec<Figure>> {
    eprintln!("idle: {count} apps, {} s", window.as_secs());
    let installation = Installation::new(ship, &[])?;
    let projects: Vec<Project> = (1..=count).map(project).collect();
    let urls: Vec<String> = projects
        .iter()
        .map(|project| installation.up(project.folder()))
        .collect();
    let answered = |url: &String| http::get_url(url).is_ok_and(|answer| answer.status == 200);
    wait_until("every app answers", Duration::from_mins(2), || {
        urls.iter().all(answered)
    });

    let ours = Ours::of(&installation.home, ship)?;
    let before = processors(&ours);
    // The window of the figure, in which nothing is done.
    thread::sleep(window);
    let took: Vec<f64> = processors(&ours)
        .iter()
        .zip(&before)
        .map(|(after, before)| after.saturating_sub(*before).as_secs_f64() / window.as_secs_f64())
        .collect();
    let keepers = ours.keepers.len() as u64;
    let [control, door, all_keepers] = ours.groups().map(|pids| processes::memory(&pids));
    let whole = control + door + all_keepers;
    let share = |share: f64| Value::Share(share);
    let mut figures = vec![
        Figure::new(
            format!("memory of ours with {count} idle apps"),
            Value::Bytes(whole),
        )
        .at_most(Value::Bytes(MEMORY)),
        Figure::new("of which control", Value::Bytes(control)),
        Figure::new("of which the door", Value::Bytes(door)),
        Figure::new("of which a keeper", Value::Bytes(all_keepers / keepers))
            .at_most(Value::Bytes(KEEPER)),
        Figure::new("processor of ours, of one core", share(took.iter().sum()))
            .at_most(share(SHARE)),
        Figure::new("of which control", share(took[0])),
        Figure::new("of which the door", share(took[1])),
        Figure::new("of which all keepers", share(took[2])),
    ];
    let began = all_at_once_gone(&installation.home);
    // Any command starts it where none runs.
    installation.home.ship(&["ps"]).success();
    wait_until("every app answers again", Duration::from_mins(5), || {
        urls.iter().all(answered)
    });
    figures.push(Figure::new(
        format!("from the start of control to {count} apps that answer"),
        began.elapsed(),
    ));
    Ok(figures)
}

fn project(number: u32) -> Project {
    let from = Project::fixture(FIXTURE);
    let project = Project::named(&format!("app-{number}"));
    for name in ["Procfile", "greeting.txt", "server.py"] {
        project.write(name, &from.read(name));
    }
    project
}

/// The processes of Shipsmith itself.
pub(super) struct Ours {
    control: i32,
    door: i32,
    keepers: Vec<i32>,
}

impl Ours {
    pub(super) fn of(home: &Home, ship: &Path) -> Result<Self> {
        let (control, door) = (home.control(), home.door());
        let program = ship.canonicalize()?;
        let below = processes::tree(control).into_iter();
        let keepers: Vec<i32> = below
            .filter(|pid| ![control, door].contains(pid) && processes::runs(*pid, &program))
            .collect();
        if keepers.is_empty() {
            return Err("no keeper is below control".into());
        }
        Ok(Self {
            control,
            door,
            keepers,
        })
    }

    pub(super) fn groups(&self) -> [Vec<i32>; 3] {
        [vec![self.control], vec![self.door], self.keepers.clone()]
    }
}

fn processors(ours: &Ours) -> [Duration; 3] {
    ours.groups().map(|pids| processes::processor(&pids))
}

/// What a power cut does to processes; the disk is not part of the figure.
fn all_at_once_gone(home: &Home) -> Instant {
    // Keepers and programs do not carry the home: they are below control.
    let mut all = processes::tree(home.control());
    all.extend(home.processes());
    for pid in &all {
        if let Some(pid) = rustix::process::Pid::from_raw(*pid) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
    wait_until("everything is gone", Duration::from_mins(1), || {
        all.iter().all(|pid| !processes::lives(*pid))
    });
    Instant::now()
}

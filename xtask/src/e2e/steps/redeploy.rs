//! Changes under load. Visitors of all three apps ask all the time; they see the old release, then
//! the new one, and nothing else.

use crate::Result;
use crate::e2e::checks::Checks;
use crate::e2e::stage::Stage;
use crate::e2e::visitors::{Sight, Visitors};

/// Starts, and is not well.
const BROKEN: &str = r#"from flask import Flask

app = Flask(__name__)


@app.get("/")
def index():
    raise RuntimeError("not today")
"#;

pub(super) fn run(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    deploys(stage, checks)?;
    back_and_forth(stage, checks)?;
    broken(stage, checks)
}

/// A new release of each.
fn deploys(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    for app in &mut stage.apps {
        app.change()?;
        let live = stage.ship.deploy(app)?;
        let what = format!("new release of {}", app.name);
        checks.same(
            &what,
            &("r2".to_owned(), false),
            &(live.release.to_string(), live.unchanged),
        );
        let seconds = live.took.as_secs_f64();
        checks.note(format!("{} r2 after {seconds:.1} s", app.name));
    }
    stage.all_answer(checks, std::time::Duration::ZERO);
    let sights: Vec<Sight> = stage.apps.iter().map(Sight::last_two).collect();
    visitors.go(checks, &sights, 0);
    Ok(())
}

/// To the release before and back again, which builds nothing.
fn back_and_forth(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    for release in ["r1", "r2"] {
        stage.ship.there(&["rollback", release, "--app", "notes"])?;
        let current = stage.ship.app("notes")?.current.map(|id| id.to_string());
        checks.same(
            "live release of notes after a rollback",
            &Some(release.to_owned()),
            &current,
        );
    }
    let sights: Vec<Sight> = stage
        .apps
        .iter()
        .map(|app| match app.name {
            "notes" => Sight::last_two(app),
            _ => Sight::now(app),
        })
        .collect();
    visitors.go(checks, &sights, 0);
    Ok(())
}

/// One that answers its health check with 500 changes nothing.
fn broken(stage: &mut Stage, checks: &mut Checks) -> Result<()> {
    let visitors = Visitors::come(&stage.server, &stage.apps)?;
    stage.sample("notes").write("main.py", BROKEN);
    let refused = stage.ship.deploy(stage.sample("notes"));
    let words = refused.map_or_else(|error| error.to_string(), |live| format!("{live:?}"));
    // What came before is the story of its build.
    let error = words.find("\nerror: ").map_or(&*words, |at| &words[at..]);
    let told = error.contains("r2 still serves") && error.contains("not today");
    let expected = "an error with `r2 still serves` and the program's `not today`";
    checks.holds(told, "a deploy that fails", expected, error);
    let sights: Vec<Sight> = stage.apps.iter().map(Sight::now).collect();
    visitors.go(checks, &sights, 0);
    stage.sample("notes").rewrite()
}

//! Waiting for a deploy that is told to one caller and then over: promote, rollback, restart, scale.

use ship_api::client::EventStream;
use ship_api::event::DeployEvent;

use crate::error::{CommandError, Result};
use crate::signals::Signals;
use crate::story::{FRAME, Live, Story, Told};
use crate::ui::Ui;

/// Tells the stream to its end. Ctrl-C before the release is live cancels it.
/// Gives what is live then, where something is.
pub(crate) async fn to_the_end(
    ui: &mut Ui,
    mut events: EventStream<DeployEvent>,
) -> Result<Option<Live>> {
    let mut signals = Signals::new()?;
    let mut story = Story::new(false);
    let mut live = None;
    loop {
        let event = tokio::select! {
            event = events.next() => event?,
            () = signals.next() => return interrupted(ui, &mut story, live),
            () = tokio::time::sleep(FRAME) => {
                story.draw(ui);
                continue;
            }
        };
        match event.map(|event| story.tell(ui, event)) {
            Some(Told::More) => {}
            Some(Told::Live(now)) => live = Some(now),
            Some(Told::Failed(problem)) => return Err(CommandError::Failed(problem)),
            Some(Told::Finished) | None => return Ok(live),
        }
    }
}

fn interrupted(ui: &mut Ui, story: &mut Story, live: Option<Live>) -> Result<Option<Live>> {
    story.give_up(ui);
    if live.is_some() {
        ui.say("  the old instances finish what they are doing");
        return Ok(live);
    }
    ui.say("  cancelled: what served before still serves");
    Err(CommandError::Interrupted)
}

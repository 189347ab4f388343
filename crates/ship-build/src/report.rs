//! Telling what happens, phase by phase.

use std::time::Instant;

use ship_project::plan::Note;

use crate::event::{Event, Phase};

/// Where the events of a build go.
pub(crate) struct Report<'a> {
    events: &'a mut dyn FnMut(Event),
}

impl<'a> Report<'a> {
    pub(crate) fn to(events: &'a mut dyn FnMut(Event)) -> Self {
        Self { events }
    }

    pub(crate) fn begin(&mut self, phase: Phase) -> Instant {
        self.tell(Event::Begin(phase));
        Instant::now()
    }

    pub(crate) fn done(&mut self, phase: Phase, begun: Instant, detail: String) {
        self.tell(Event::Done {
            phase,
            took: begun.elapsed(),
            detail,
        });
    }

    pub(crate) fn line(&mut self, phase: Phase, line: String) {
        self.tell(Event::Output { phase, line });
    }

    pub(crate) fn progress(&mut self, phase: Phase, done: u64, total: u64) {
        self.tell(Event::Progress { phase, done, total });
    }

    pub(crate) fn corrected(&mut self, sentence: String) {
        self.tell(Event::Corrected(sentence));
    }

    pub(crate) fn note(&mut self, note: Note) {
        self.tell(Event::Note(note));
    }

    fn tell(&mut self, event: Event) {
        (self.events)(event);
    }
}

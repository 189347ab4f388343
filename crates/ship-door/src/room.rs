//! Room for streams that are being compressed. Each holds memory for as long as its visitor reads,
//! so a core has only so many seats; beyond, answers are sent as they are, which is always right.

use std::cell::Cell;
use std::rc::Rc;

/// Streams that one core compresses at once; each holds less than 1 MiB.
const SEATS: usize = 32;

/// Of those, streams that may last for hours.
const LASTING: usize = SEATS / 2;

/// The seats of one core.
#[derive(Debug, Default)]
pub(crate) struct Room {
    taken: Rc<Cell<usize>>,
    lasting: Rc<Cell<usize>>,
}

/// One stream's; free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    taken: Rc<Cell<usize>>,
    lasting: Option<Rc<Cell<usize>>>,
}

impl Room {
    /// A seat, if there is one. `lasting`: the stream may never end.
    pub(crate) fn seat(&self, lasting: bool) -> Option<Seat> {
        if self.taken.get() >= SEATS || (lasting && self.lasting.get() >= LASTING) {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        let lasting = lasting.then(|| self.lasting.clone());
        if let Some(lasting) = &lasting {
            lasting.set(lasting.get() + 1);
        }
        Some(Seat {
            taken: self.taken.clone(),
            lasting,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.set(self.taken.get() - 1);
        if let Some(lasting) = &self.lasting {
            lasting.set(lasting.get() - 1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_that_never_end_leave_room_for_others() {
        let room = Room::default();
        let lasting: Vec<_> = std::iter::from_fn(|| room.seat(true)).collect();
        assert_eq!(lasting.len(), LASTING);
        let others: Vec<_> = std::iter::from_fn(|| room.seat(false)).collect();
        assert_eq!(others.len(), SEATS - LASTING);
        drop(lasting);
        assert!(room.seat(true).is_some());
    }
}

//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.

use crate::log_store::fuzz::{cutter, frame, segment_name};

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("log-frame", frame),
    ("log-lines", cutter),
    ("log-segment-name", segment_name),
];

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}

//! The instance's log, and our own remarks in it.

use ship_base::clock::Moment;
use ship_base::name::{InstanceId, ReleaseId};
use ship_observe::log_store::{Entry, Part, Stream, Writer};

use crate::spec::Spec;

/// The log of one instance.
#[derive(Debug)]
pub(super) struct Log {
    writer: Writer,
    instance: InstanceId,
    release: ReleaseId,
}

impl Log {
    pub(super) fn open(spec: &Spec) -> Self {
        Self {
            writer: Writer::open(&spec.logs, spec.log_cap),
            instance: spec.instance.clone(),
            release: spec.release,
        }
    }

    /// Bytes of the program.
    pub(super) fn write(&mut self, stream: Stream, part: Part, text: &[u8]) {
        self.writer.write(&Entry {
            at: Moment::now(),
            instance: &self.instance,
            release: self.release,
            stream,
            part,
            text,
        });
    }

    /// A remark of ours: `started as process 12`.
    pub(super) fn remark(&mut self, text: &str) {
        self.write(Stream::Ship, Part::Whole, text.as_bytes());
    }
}

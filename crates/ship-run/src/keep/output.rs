//! The program's two output pipes, read into the log.

use std::io::{self, PipeReader, Read as _};
use std::os::fd::AsFd as _;

use ship_observe::log_store::{LineCutter, Stream};

use super::log::Log;
use super::wake::Wake;

/// Bytes of one read.
const READ: usize = 16 * 1024;

/// Reads of one pipe in one turn: a program that floods its log does not keep its keeper from
/// hearing a stop.
const READS: usize = 16;

/// Both pipes.
#[derive(Debug)]
pub(super) struct Output {
    pipes: Vec<Pipe>,
}

#[derive(Debug)]
struct Pipe {
    reader: PipeReader,
    stream: Stream,
    cutter: LineCutter,
}

impl Output {
    pub(super) fn new(stdout: PipeReader, stderr: PipeReader) -> io::Result<Self> {
        let pipes = [(stdout, Stream::Out), (stderr, Stream::Err)].map(|(reader, stream)| Pipe {
            reader,
            stream,
            cutter: LineCutter::new(),
        });
        for pipe in &pipes {
            rustix::io::ioctl_fionbio(&pipe.reader, true)?;
        }
        Ok(Self {
            pipes: pipes.into(),
        })
    }

    /// Reads what is there; a pipe whose last writer is gone is closed.
    pub(super) fn read(&mut self, log: &mut Log) {
        self.pipes.retain_mut(|pipe| match pipe.read(log) {
            After::Open => true,
            After::Closed => {
                pipe.end(log);
                false
            }
        });
    }

    /// Whether a pipe may still bring something.
    pub(super) fn is_open(&self) -> bool {
        !self.pipes.is_empty()
    }

    /// Gives up on writers that do not close: what has come is written.
    pub(super) fn close(&mut self, log: &mut Log) {
        self.read(log);
        for mut pipe in self.pipes.drain(..) {
            pipe.end(log);
        }
    }

    pub(super) fn wakes<'a>(&'a self, wake: &mut Wake<'a>) {
        for pipe in &self.pipes {
            wake.on_read(pipe.reader.as_fd());
        }
    }
}

enum After {
    Open,
    Closed,
}

impl Pipe {
    fn read(&mut self, log: &mut Log) -> After {
        let mut bytes = [0; READ];
        for _ in 0..READS {
            match self.reader.read(&mut bytes) {
                Ok(0) => return After::Closed,
                Ok(length) => {
                    let stream = self.stream;
                    self.cutter
                        .feed(&bytes[..length], |text, part| log.write(stream, part, text));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return After::Open,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return After::Closed,
            }
        }
        After::Open
    }

    fn end(&mut self, log: &mut Log) {
        let stream = self.stream;
        self.cutter.end(|text, part| log.write(stream, part, text));
    }
}

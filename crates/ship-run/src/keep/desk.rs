//! The control socket: whoever connects is told the report now and at every change, and may ask.
//!
//! Access is a matter of the folder, which is its owner's alone.

use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use ship_base::file;

use super::wake::Wake;
use crate::event::{Ask, Report};

/// No ask is longer, in bytes.
const LONGEST_ASK: usize = 4096;

/// The socket and those who are connected.
#[derive(Debug)]
pub(super) struct Desk {
    listener: UnixListener,
    visitors: Vec<Visitor>,
}

#[derive(Debug)]
struct Visitor {
    stream: UnixStream,
    held: Vec<u8>,
}

impl Desk {
    /// Listens at `path`; what lies there is of a dead keeper.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        file::remove(path).map_err(|error| error.source)?;
        let listener = UnixListener::bind(path)?;
        listener.set_nonblocking(true)?;
        Ok(Self {
            listener,
            visitors: Vec::new(),
        })
    }

    /// Lets newcomers in and hands on what was asked.
    pub(super) fn attend(&mut self, report: &Report) -> Vec<Ask> {
        while let Ok((stream, _)) = self.listener.accept() {
            let mut visitor = Visitor {
                stream,
                held: Vec::new(),
            };
            if visitor.stream.set_nonblocking(true).is_ok() && visitor.tell(&line(report)) {
                self.visitors.push(visitor);
            }
        }
        let mut asks = Vec::new();
        self.visitors.retain_mut(|visitor| visitor.hear(&mut asks));
        asks
    }

    /// Whether anybody listens.
    pub(super) fn has_visitors(&self) -> bool {
        !self.visitors.is_empty()
    }

    /// Tells everybody; how many heard it. Who does not keep up is dropped, and may come again.
    pub(super) fn tell(&mut self, report: &Report) -> usize {
        let line = line(report);
        self.visitors.retain_mut(|visitor| visitor.tell(&line));
        self.visitors.len()
    }

    pub(super) fn wakes<'a>(&'a self, wake: &mut Wake<'a>) {
        wake.on_read(self.listener.as_fd());
        for visitor in &self.visitors {
            wake.on_read(visitor.stream.as_fd());
        }
    }
}

fn line(report: &Report) -> Vec<u8> {
    let mut line = serde_json::to_vec(report).expect("a report has only text for keys");
    line.push(b'\n');
    line
}

impl Visitor {
    fn tell(&mut self, line: &[u8]) -> bool {
        self.stream
            .write(line)
            .is_ok_and(|written| written == line.len())
    }

    /// Takes whole lines into `asks`; `false` at the end, and for what is no ask.
    fn hear(&mut self, asks: &mut Vec<Ask>) -> bool {
        let mut bytes = [0; 1024];
        loop {
            match self.stream.read(&mut bytes) {
                Ok(0) => return false,
                Ok(length) => self.held.extend_from_slice(&bytes[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return false,
            }
            if !self.take_lines(asks) || self.held.len() > LONGEST_ASK {
                return false;
            }
        }
        true
    }

    fn take_lines(&mut self, asks: &mut Vec<Ask>) -> bool {
        while let Some(end) = self.held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.held.drain(..=end).collect();
            match serde_json::from_slice(&line) {
                Ok(ask) => asks.push(ask),
                Err(_) => return false,
            }
        }
        true
    }
}

//! Programs that end with us.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// A program that ends with us.
pub(super) struct Running(Child);

impl Running {
    /// Starts it and waits until its port is open.
    pub(super) fn start(command: &mut Command, port: u16) -> Result<Self> {
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        let running = Self(quiet.spawn()?);
        let open = || TcpStream::connect(("localhost", port)).is_ok();
        ship_test::wait_until("a port is open", Duration::from_secs(20), open);
        Ok(running)
    }

    pub(super) fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Whether it has not ended by itself.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port of loopback that nobody has right now.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

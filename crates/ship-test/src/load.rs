//! A constant load that counts every request that failed.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::http::{self, Connection};

/// What a load saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Requests that were answered whole, with a status below 500.
    pub answered: u64,
    /// Each request that was not: refused, reset, cut, or answered with 500 and more.
    pub failed: Vec<String>,
    /// Every different body that came, in the order of its first coming.
    pub bodies: Vec<String>,
}

/// Threads that ask a URL all the time: half of them over one connection each, half over a new
/// connection for every request.
pub struct Load {
    stop: Arc<AtomicBool>,
    seen: Arc<Seen>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    answered: AtomicU64,
    failed: Mutex<Vec<String>>,
    bodies: Mutex<Vec<String>>,
}

impl Load {
    /// Starts `threads` threads, each asking about 100 times a second.
    pub fn start(url: &str, threads: usize) -> Self {
        let (host, port, path) = http::parts(url).expect("a URL");
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Seen::default());
        let threads = (0..threads)
            .map(|number| {
                let asker = Asker {
                    port,
                    host: host.clone(),
                    path: path.clone(),
                };
                let (stop, seen) = (stop.clone(), seen.clone());
                std::thread::spawn(move || asker.run(number % 2 == 0, &stop, &seen))
            })
            .collect();
        Self {
            stop,
            seen,
            threads,
        }
    }

    /// How many requests were answered so far.
    pub fn answered(&self) -> u64 {
        self.seen.answered.load(Ordering::Relaxed)
    }

    /// Whether this body has come.
    pub fn has_seen(&self, body: &str) -> bool {
        self.seen
            .bodies
            .lock()
            .expect("no panic")
            .iter()
            .any(|other| other == body)
    }

    /// Ends the load and tells what it saw.
    pub fn finish(self) -> Outcome {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().expect("a load thread does not panic");
        }
        Outcome {
            answered: self.seen.answered.load(Ordering::Relaxed),
            failed: self.seen.failed.lock().expect("no panic").clone(),
            bodies: self.seen.bodies.lock().expect("no panic").clone(),
        }
    }
}

struct Asker {
    port: u16,
    host: String,
    path: String,
}

impl Asker {
    fn run(&self, keeps: bool, stop: &AtomicBool, seen: &Seen) {
        let mut kept = None;
        while !stop.load(Ordering::Relaxed) {
            self.ask(keeps, &mut kept, seen);
            // The pace of the load, not a wait for anything.
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn ask(&self, keeps: bool, kept: &mut Option<Connection>, seen: &Seen) {
        match self.once(kept) {
            Ok((status, body, closes)) if status < 500 => {
                seen.answered.fetch_add(1, Ordering::Relaxed);
                let mut bodies = seen.bodies.lock().expect("no panic");
                if !bodies.contains(&body) {
                    bodies.push(body);
                }
                if closes || !keeps {
                    *kept = None;
                }
            }
            Ok((status, body, _)) => {
                *kept = None;
                seen.failed
                    .lock()
                    .expect("no panic")
                    .push(format!("{status}: {body:.300}"));
            }
            Err(error) => {
                *kept = None;
                seen.failed
                    .lock()
                    .expect("no panic")
                    .push(error.to_string());
            }
        }
    }

    fn once(&self, kept: &mut Option<Connection>) -> io::Result<(u16, String, bool)> {
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => Connection::open(self.port)?,
        };
        let answer = connection.get(&self.host, &self.path)?;
        let closes = answer
            .header("connection")
            .is_some_and(|value| value.contains("close"));
        *kept = Some(connection);
        Ok((answer.status, answer.text(), closes))
    }
}

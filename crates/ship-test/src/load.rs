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
        Self::with_pauses(url, threads, Duration::from_millis(10))
    }

    /// Starts `threads` threads, each of which waits for so long after an answer.
    pub fn with_pauses(url: &str, threads: usize, pause: Duration) -> Self {
        let (host, port, path) = http::parts(url).expect("a URL");
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Seen::default());
        let threads = (0..threads)
            .map(|number| {
                let asker = Asker {
                    port,
                    host: host.clone(),
                    path: path.clone(),
                    pause,
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
    pause: Duration,
}

impl Asker {
    fn run(&self, keeps: bool, stop: &AtomicBool, seen: &Seen) {
        let mut kept = None;
        while !stop.load(Ordering::Relaxed) {
            self.ask(keeps, &mut kept, seen);
            // The pace of the load, not a wait for anything.
            std::thread::sleep(self.pause);
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

/// The checker, checked: every way to fail is counted, and told from the others.
#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;
    use crate::wait::wait_until;

    const SOON: Duration = Duration::from_secs(30);

    /// A server that gives every connection to `serve`, until the test ends.
    fn server(serve: impl Fn(TcpStream) + Send + 'static) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                serve(stream.unwrap());
            }
        });
        format!("http://a.localhost:{port}/")
    }

    /// Answers one request with these bytes and closes.
    fn answering(answer: &'static str) -> String {
        server(move |mut stream| {
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    #[track_caller]
    fn first_failure(url: &str) -> String {
        let load = Load::start(url, 1);
        wait_until("a failure", SOON, || {
            !load.seen.failed.lock().unwrap().is_empty()
        });
        let outcome = load.finish();
        assert_eq!(outcome.answered, 0);
        outcome.failed[0].clone()
    }

    #[test]
    fn whole_answers_are_counted_with_their_bodies() {
        let url = answering("HTTP/1.1 404 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
        let load = Load::start(&url, 2);
        wait_until("answers", SOON, || load.answered() >= 10);
        assert!(load.has_seen("hi"));
        assert_eq!(load.finish().failed, [] as [String; 0]);
    }

    #[test]
    fn a_server_error_is_a_failure() {
        let url = answering("HTTP/1.1 502 Bad\r\nContent-Length: 4\r\n\r\nsick");
        assert_eq!(first_failure(&url), "502: sick");
    }

    #[test]
    fn a_cut_body_is_a_failure() {
        let url = answering("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        assert_eq!(first_failure(&url), "body cut: 4 of 10 bytes came");
        let url = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\nhalf");
        assert_eq!(first_failure(&url), "body cut: 4 of 10 bytes came");
        let url = answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n");
        assert_eq!(first_failure(&url), "no answer: the connection was closed");
    }

    #[test]
    fn a_closed_connection_is_a_failure() {
        let url = answering("");
        assert_eq!(first_failure(&url), "no answer: the connection was closed");
    }

    #[test]
    fn a_reset_is_a_failure() {
        // Closing with unread bytes makes the kernel send a reset (RFC 9293, 3.10.4).
        let url = server(|stream| {
            let _ = stream.peek(&mut [0]);
        });
        let failure = first_failure(&url);
        assert!(failure.contains("reset"), "{failure}");
    }

    #[test]
    fn a_refused_connection_is_a_failure() {
        // Bound and not listening: nobody else gets the port, and nobody gets through.
        let socket = rustix::net::socket(
            rustix::net::AddressFamily::INET,
            rustix::net::SocketType::STREAM,
            None,
        );
        let socket = socket.unwrap();
        let anywhere = std::net::SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        rustix::net::bind(&socket, &anywhere).unwrap();
        let name = rustix::net::getsockname(&socket).unwrap();
        let bound = std::net::SocketAddrV4::try_from(name).unwrap();
        let failure = first_failure(&format!("http://a.localhost:{}/", bound.port()));
        assert!(failure.starts_with("not connected: "), "{failure}");
        assert!(failure.contains("refused"), "{failure}");
    }
}

//! What the door allows, in one place.

use std::time::Duration;

/// Limits of one door; [`Limits::default`] is what it ships with.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest request head in bytes; 431 beyond. Default 16 KiB.
    pub head: usize,
    /// The most header fields in a request; 431 beyond. Default 100.
    pub fields: usize,
    /// The time for a whole request head, not per byte, and for the pause between two requests on
    /// a connection; closed beyond. Default 10 s.
    pub head_time: Duration,
    /// How long a connection of HTTP/1 waits for its next request with everything at hand; then it
    /// gives back what it holds besides its socket. Nobody notices but the memory. Default 100 ms: who
    /// comes again later than that does not mind what it takes to get it back, and of a crowd that
    /// comes at once few hold anything.
    pub at_hand: Duration,
    /// How long a connection of HTTP/2 may be without a request; closed beyond. Default 75 s.
    pub idle: Duration,
    /// The least pace of a request body in bytes a second, once it was waited for longer than
    /// [`body_patience`](Self::body_patience); 408 below, and closed. Default 500.
    pub body_pace: u32,
    /// The time of a request body that costs nothing. Default 10 s.
    pub body_patience: Duration,
    /// How long a visitor may take nothing of an answer; closed beyond. Default 30 s.
    pub read_patience: Duration,
    /// The most connections at once; beyond, nothing is accepted until one ends. Lower where the
    /// process may not have so many descriptors. Default 10,000.
    pub connections: usize,
    /// The most connections from one address (of IPv6: one /64); further ones are closed. Not
    /// counted on a laptop, where all visitors are on the same machine. Default 200.
    pub connections_each: u32,
    /// Handshakes of HTTP/3 at once of visitors that have not proved their address; beyond, a visitor is
    /// asked to come again with a proof. Default 64.
    pub unproved_handshakes: usize,
    /// The same of those that have; beyond, the oldest is given up. Default 256.
    pub handshakes: usize,
    /// Connections of HTTP/3 without an agreement at once, those that were given up included for as long
    /// as QUIC has them; beyond, first packets are not heard. Default 400, each with some 55 kB.
    pub unfinished: usize,
    /// How long a request is held while no instance of its app can be connected to, because one
    /// is just starting again; 502 beyond. Default 10 s.
    pub hold: Duration,
    /// The time for one connection to an instance. Default 2 s: they are on this machine.
    pub connect: Duration,
    /// Bytes a second for all answers of an app together that is slowed, because its budget of traffic
    /// is used. Default 125,000: 1 Mbit/s, at which a page of text is there in a second and a whole
    /// month comes to 335 GB at most.
    pub slow_pace: u32,
    /// How often what was counted of traffic is put down on disk: a door that is killed loses the
    /// traffic of this time. Default 5 s.
    pub traffic_saved: Duration,
    /// The time until an instance begins to answer; 504 beyond. Default 60 s. An answer that has
    /// begun may take for ever.
    pub answer: Duration,
    /// How long a visitor waits for the answer to somebody else's same request to begin, before it makes
    /// its own. Default 15 s: it would not have come sooner by itself, unless that one is stuck.
    pub shared_begin: Duration,
    /// How long a visitor waits for the rest of such an answer, counted from its beginning; and how long
    /// an answer that is to be kept is read on without a visitor, where nobody knows its end. Default
    /// 5 s.
    pub shared_rest: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: 16 << 10,
            fields: 100,
            head_time: Duration::from_secs(10),
            at_hand: Duration::from_millis(100),
            idle: Duration::from_secs(75),
            body_pace: 500,
            body_patience: Duration::from_secs(10),
            read_patience: Duration::from_secs(30),
            connections: 10_000,
            connections_each: 200,
            unproved_handshakes: 64,
            handshakes: 256,
            unfinished: 400,
            hold: Duration::from_secs(10),
            connect: Duration::from_secs(2),
            slow_pace: 125_000,
            traffic_saved: Duration::from_secs(5),
            answer: Duration::from_mins(1),
            shared_begin: Duration::from_secs(15),
            shared_rest: Duration::from_secs(5),
        }
    }
}

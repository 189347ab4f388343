//! Promises of the door, through real sockets on port 0.
#![expect(
    clippy::disallowed_methods,
    reason = "tests make and read files the short way"
)]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod access_log;
mod acme;
mod authority_front;
mod cache;
mod compression;
mod dns01;
mod door;
mod files;
mod forwarding;
mod framing;
mod grpc;
mod http2_limits;
mod http3;
mod http3_limits;
mod large_files;
mod limits;
mod lingering;
mod pages;
mod process;
mod quic;
mod raw;
mod rules;
mod stripping;
mod switching;
mod tls;
mod traffic;
mod waiting;
mod websockets;
mod websockets_http2;

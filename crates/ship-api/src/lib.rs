//! Requests, replies and events between command and server; the client.

pub mod event;
pub mod problem;
pub mod reply;
pub mod request;

//! The daemon: deploy, state, schedule, the socket.

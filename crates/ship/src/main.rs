//! The command: ships Python to where it is used.

fn main() {}

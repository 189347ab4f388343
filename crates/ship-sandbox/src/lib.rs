//! Starts one program inside limits.

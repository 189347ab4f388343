//! One file per command: what can be typed, what its help says, what it does.

pub(crate) mod audit;
pub(crate) mod cache;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod destroy;
pub(crate) mod dial;
pub(crate) mod doctor;
pub(crate) mod env;
pub(crate) mod git;
pub(crate) mod init;
pub(crate) mod key;
pub(crate) mod logs;
pub(crate) mod maintenance;
pub(crate) mod plan;
pub(crate) mod ps;
pub(crate) mod releases;
pub(crate) mod remote;
pub(crate) mod restart;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod server;
pub(crate) mod stop;
pub(crate) mod trust;
pub(crate) mod up;

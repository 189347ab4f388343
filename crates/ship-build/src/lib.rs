//! A plan becomes a release.
//!
//! - [`build`] takes a [`Request`] and fills a folder: the source snapshot, the lock, the link to
//!   an environment, static files, and the plan, corrected by the [proof](ProofFailure);
//! - [`Runtime`] says where the programs and modules of a built release are, and [`prepare_work`]
//!   makes the working copy that they run in;
//! - [`uv`] and [`python`] find what is on this machine, or fetch it.
//!
//! On a server a [`Builder`] runs everything that a build starts.
//!
//! It resolves and installs nothing by itself: uv does. It starts no process that outlives the
//! build, keeps no record of releases and prints nothing; what happens is told as [`event::Event`].
//! The story is in `build.rs`.

mod assets;
mod build;
mod builder;
mod byte_code;
mod cancel;
mod correct;
mod environment;
mod error;
pub mod event;
mod facts;
mod front_end;
mod hints;
mod inventory;
pub mod last_words;
mod layer;
mod lock;
mod outside;
pub mod packed;
mod promote;
mod proof;
pub mod python;
mod remedy;
mod report;
mod runtime;
mod shop;
mod site;
mod source;
mod tool;
mod traceback;
mod trial;
pub mod uv;
mod work;

pub use build::{Built, PINS, Request, build};
pub use builder::Builder;
pub use cancel::Cancel;
pub use error::Error;
pub use inventory::{Item, Kind, inventory};
pub use promote::promote;
pub use proof::{Frame, ProofFailure};
pub use remedy::{Again, Remedy};
pub use runtime::Runtime;
pub use source::source_of;
pub use tool::Ended;
pub use work::{Moved, prepare_work};

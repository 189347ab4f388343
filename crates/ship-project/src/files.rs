//! The files that a project may bring, each with its own reader: pure functions from text to what
//! it says. Adding one: a file here, and its place in [`crate::packages`] or [`crate::assemble`].

pub(crate) mod app_json;
pub(crate) mod aptfile;
pub(crate) mod conda;
pub(crate) mod dotenv;
pub(crate) mod ini;
pub(crate) mod inline;
pub(crate) mod other_lock;
pub(crate) mod outline;
pub(crate) mod pdm_lock;
pub(crate) mod pipfile;
pub(crate) mod poetry;
pub(crate) mod poetry_lock;
pub(crate) mod poetry_range;
pub(crate) mod procfile;
pub(crate) mod pylock;
pub(crate) mod pyproject;
pub(crate) mod python_version;
pub(crate) mod requirements;
pub(crate) mod setup;
pub(crate) mod uv_lock;

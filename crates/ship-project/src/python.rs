//! Python source as detection reads it: parsed, reduced to what matters, never executed.
//!
//! [`expr::Expr`] is an expression without its grammar, [`module::Module`] a file without its
//! statements' details, [`index::Index`] all files of a project with the names that lead from one
//! to another. A file is parsed when its words ([`source::Source`]) do not rule out what is looked for. Nothing outside this folder knows the parser.

pub(crate) mod base_settings;
pub(crate) mod expr;
pub(crate) mod index;
pub(crate) mod mistake;
pub(crate) mod module;
mod nesting;
pub(crate) mod paths;
pub(crate) mod source;
pub(crate) mod unset;
pub(crate) mod words;

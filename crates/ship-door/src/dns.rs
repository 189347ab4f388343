//! As much of DNS (RFC 1035) as it takes to show an authority that a name is ours: a record is put
//! into its zone, and each server of the zone is asked whether it has it.
//!
//! Messages are written and read by hand: of a library, a tenth would be used, and it would bring a
//! resolver of its own. [`zone`] tells the story.

mod ask;
mod error;
mod message;
mod name;
mod tsig;
mod update;
mod zone;

pub(crate) use error::DnsError;
pub(crate) use tsig::Key;
pub(crate) use update::{Change, Record, update};
pub(crate) use zone::Resolver;

/// Kinds of records (RFC 1035, 3.2.2; RFC 3596; RFC 8945).
mod kind {
    pub(super) const A: u16 = 1;
    pub(super) const NS: u16 = 2;
    pub(super) const CNAME: u16 = 5;
    pub(super) const SOA: u16 = 6;
    pub(super) const TXT: u16 = 16;
    pub(super) const AAAA: u16 = 28;
    pub(super) const TSIG: u16 = 250;
}

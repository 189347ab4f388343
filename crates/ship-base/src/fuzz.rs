//! What our readers promise of any bytes; driven by `ship_test::fuzz` and by `cargo xtask fuzz`.

use std::fmt::{Debug, Display};
use std::net::IpAddr;
use std::str::FromStr;

use crate::base64;
use crate::clock::Moment;
use crate::hash::ContentHash;
use crate::name::{AppName, InstanceId, KeyName, ProcessName, ReleaseId};
use crate::network::Network;

/// The name of one, and what reads the bytes.
pub type Target = (&'static str, fn(&[u8]));

/// By name, sorted.
pub const TARGETS: &[Target] = &[
    ("base64", of_base64),
    ("hash", of_hash),
    ("moment", of_moment),
    ("name", of_name),
    ("network", of_network),
];

fn of_base64(bytes: &[u8]) {
    let text = base64::encode(bytes);
    if !bytes.is_empty() {
        assert_eq!(base64::decode(&text).as_deref(), Some(bytes));
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    // One text for one content: what is compared as text must not have a second spelling.
    if let Some(content) = base64::decode(text) {
        assert_eq!(base64::encode(&content), text);
    }
}

fn of_hash(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(hash) = text.parse::<ContentHash>() {
        assert!(text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
        assert!(hash.to_string().eq_ignore_ascii_case(text));
    }
}

fn of_moment(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    if let Ok(moment) = text.parse::<Moment>() {
        let written = moment.to_string();
        let again: Moment = written.parse().expect("what was written");
        assert_eq!(again.to_string(), written);
    }
}

fn of_name(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    is_as_written::<AppName>(text);
    is_as_written::<ProcessName>(text);
    is_as_written::<KeyName>(text);
    is_as_written::<InstanceId>(text);
    if let Ok(release) = text.parse::<ReleaseId>() {
        assert_eq!(release.to_string().parse(), Ok(release));
        assert!(release.number() > 0);
    }
    if let Some(name) = AppName::from_free_text(text) {
        assert_eq!(AppName::from_free_text(name.as_str()), Some(name));
    }
}

/// A name has one spelling, and no part of a path, a shell or an option in it.
fn is_as_written<T: FromStr + Display>(text: &str)
where
    T::Err: Debug,
{
    if let Ok(name) = text.parse::<T>() {
        assert_eq!(name.to_string(), text);
        assert!(!text.contains("..") && !text.starts_with(['-', '/', '.']));
    }
}

fn of_network(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else {
        return;
    };
    let Ok(network) = text.parse::<Network>() else {
        return;
    };
    let address = text.split('/').next().unwrap_or(text);
    let address: IpAddr = address.parse().expect("a network begins with an address");
    assert!(network.has(address), "{text}");
    let other: IpAddr = match address.to_canonical() {
        IpAddr::V4(_) => "2001:db8::1",
        IpAddr::V6(_) => "192.0.2.1",
    }
    .parse()
    .expect("an address");
    assert!(!network.has(other), "{text}");
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reader_keeps_its_promise_whatever_it_reads() {
        ship_test::fuzz::hold(super::TARGETS);
    }
}

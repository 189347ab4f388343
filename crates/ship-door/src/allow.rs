//! Which addresses may ask: of some routes only some may.

use std::net::{IpAddr, Ipv6Addr};

/// The networks whose visitors may ask. Never empty: an empty list is no rule.
#[derive(Debug)]
pub(crate) struct Allow(Vec<Network>);

/// An address, and how many of its leading bits count.
#[derive(Debug, PartialEq, Eq)]
struct Network {
    base: u128,
    bits: u32,
    is_v4: bool,
}

impl Allow {
    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`; the first that is none of these is the error.
    pub(crate) fn new(networks: &[String]) -> Result<Option<Self>, String> {
        let parse = |text: &String| Network::parse(text).ok_or_else(|| text.clone());
        let networks = networks.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        Ok((!networks.is_empty()).then_some(Self(networks)))
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        let (number, is_v4) = number(address.to_canonical());
        let fits = |network: &Network| {
            network.is_v4 == is_v4 && leading(number, network.bits, is_v4) == network.base
        };
        self.0.iter().any(fits)
    }
}

impl Network {
    /// Bits beyond the length must be zero: `192.0.2.7/24` may be meant as one address or as 256.
    fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let (base, is_v4) = number(address);
        let most = width(is_v4);
        let bits = bits.unwrap_or(most);
        (bits <= most && leading(base, bits, is_v4) == base).then_some(Self { base, bits, is_v4 })
    }
}

fn width(is_v4: bool) -> u32 {
    if is_v4 { u32::BITS } else { Ipv6Addr::BITS }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (address.to_bits().into(), true),
        IpAddr::V6(address) => (address.to_bits(), false),
    }
}

/// The number with all but its leading bits zero.
fn leading(number: u128, bits: u32, is_v4: bool) -> u128 {
    let behind = width(is_v4) - bits;
    // All bits of a `u128` cannot be shifted out.
    number.checked_shr(behind).map_or(0, |kept| kept << behind)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(networks: &[&str], address: &str) -> bool {
        let networks: Vec<String> = networks.iter().map(|&text| text.to_owned()).collect();
        let allow = Allow::new(&networks).unwrap().unwrap();
        allow.has(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_where_its_bits_say() {
        assert!(has(&["192.0.2.0/24"], "192.0.2.255"));
        assert!(!has(&["192.0.2.0/24"], "192.0.3.0"));
        assert!(has(&["198.51.100.1", "192.0.2.7"], "192.0.2.7"));
        assert!(!has(&["192.0.2.7"], "192.0.2.6"));
        assert!(has(&["2001:db8::/32"], "2001:db8:ffff::1"));
        assert!(!has(&["2001:db8::/32"], "2001:db9::1"));
    }

    #[test]
    fn every_address_of_one_family_is_not_every_address() {
        assert!(has(&["0.0.0.0/0"], "203.0.113.9"));
        assert!(!has(&["0.0.0.0/0"], "2001:db8::1"));
        assert!(has(&["::/0"], "2001:db8::1"));
    }

    #[test]
    fn an_ipv4_visitor_of_an_ipv6_socket_is_one_of_ipv4() {
        assert!(has(&["192.0.2.0/24"], "::ffff:192.0.2.9"));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for wrong in ["192.0.2.7/24", "192.0.2.0/33", "office", "192.0.2.0/-1", ""] {
            assert_eq!(Allow::new(&[wrong.to_owned()]).unwrap_err(), wrong);
        }
        assert!(Allow::new(&[]).unwrap().is_none());
    }
}

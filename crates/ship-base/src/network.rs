//! Networks as people write them: `192.0.2.0/24`, `2001:db8::/32`, or one address.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// An address, and how many of its leading bits count (RFC 4632, 3.1; RFC 4291, 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: u128,
    bits: u32,
    is_v4: bool,
}

/// The text is neither an address nor a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("neither an address nor a network")]
pub struct NotANetwork;

impl Network {
    /// Whether the address is one of the network. An IPv4 visitor of an IPv6 socket is one of IPv4.
    pub fn has(&self, address: IpAddr) -> bool {
        let (number, is_v4) = number(address.to_canonical());
        self.is_v4 == is_v4 && leading(number, self.bits, is_v4) == self.base
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    /// Bits beyond the length must be zero: `192.0.2.7/24` may be meant as one address or as 256.
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().map_err(|_| NotANetwork)?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NotANetwork)?;
        // `::ffff:192.0.2.0/120` is `192.0.2.0/24`: visitors are told apart by that form as well.
        let mapped = width(address.is_ipv4()) - width(address.to_canonical().is_ipv4());
        let bits = match bits {
            Some(bits) if mapped > 0 => Some(bits.checked_sub(mapped).ok_or(NotANetwork)?),
            bits => bits,
        };
        let (base, is_v4) = number(address.to_canonical());
        let most = width(is_v4);
        let bits = bits.unwrap_or(most);
        if bits <= most && leading(base, bits, is_v4) == base {
            Ok(Self { base, bits, is_v4 })
        } else {
            Err(NotANetwork)
        }
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

    fn has(network: &str, address: &str) -> bool {
        let network: Network = network.parse().unwrap();
        network.has(address.parse().unwrap())
    }

    #[test]
    fn a_network_ends_where_its_bits_say() {
        assert!(has("192.0.2.0/24", "192.0.2.255"));
        assert!(!has("192.0.2.0/24", "192.0.3.0"));
        assert!(has("192.0.2.7", "192.0.2.7"));
        assert!(!has("192.0.2.7", "192.0.2.6"));
        assert!(has("2001:db8::/32", "2001:db8:ffff::1"));
        assert!(!has("2001:db8::/32", "2001:db9::1"));
    }

    #[test]
    fn every_address_of_one_family_is_not_every_address() {
        assert!(has("0.0.0.0/0", "203.0.113.9"));
        assert!(!has("0.0.0.0/0", "2001:db8::1"));
        assert!(has("::/0", "2001:db8::1"));
    }

    #[test]
    fn an_ipv4_visitor_of_an_ipv6_socket_is_one_of_ipv4() {
        assert!(has("192.0.2.0/24", "::ffff:192.0.2.9"));
        assert!(has("::ffff:192.0.2.0/120", "192.0.2.9"));
        assert!(has("::ffff:192.0.2.9", "::ffff:192.0.2.9"));
        assert!(!has("::ffff:192.0.2.0/120", "192.0.3.9"));
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for wrong in [
            "::ffff:192.0.2.0/95",
            "192.0.2.7/24",
            "192.0.2.0/33",
            "office",
            "192.0.2.0/-1",
            "",
        ] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
    }
}

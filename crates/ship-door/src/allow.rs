//! Which addresses may ask: of some routes only some may.

use std::net::IpAddr;

use ship_base::network::Network;

/// The networks whose visitors may ask. Never empty: an empty list is no rule.
#[derive(Debug)]
pub(crate) struct Allow(Vec<Network>);

impl Allow {
    /// `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`; the first that is none of these is the error.
    pub(crate) fn new(networks: &[String]) -> Result<Option<Self>, String> {
        let parse = |text: &String| text.parse::<Network>().map_err(|_| text.clone());
        let networks = networks.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        Ok((!networks.is_empty()).then_some(Self(networks)))
    }

    pub(crate) fn has(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.has(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(networks: &[&str]) -> Result<Option<Allow>, String> {
        let networks: Vec<String> = networks.iter().map(|&text| text.to_owned()).collect();
        Allow::new(&networks)
    }

    #[test]
    fn one_of_several_networks_is_enough() {
        let allow = of(&["198.51.100.1", "192.0.2.0/24"]).unwrap().unwrap();
        assert!(allow.has("192.0.2.7".parse().unwrap()));
        assert!(!allow.has("203.0.113.1".parse().unwrap()));
    }

    #[test]
    fn an_empty_list_is_no_rule_and_what_is_no_network_is_named() {
        assert!(of(&[]).unwrap().is_none());
        assert_eq!(of(&["192.0.2.0/24", "office"]).unwrap_err(), "office");
    }
}

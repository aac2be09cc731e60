//! Where connections may lead: an address that a stranger named must not open this machine, or the network behind it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be connected to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reach {
    /// Those of the public network alone.
    Public,
    /// Private networks too, but not this machine.
    Private,
    /// All.
    #[default]
    Anywhere,
}

impl Reach {
    /// The least reach that this address is in.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// Whether an address may be connected to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        self == Self::Anywhere || Self::of(address) <= self
    }

    /// Why one may not.
    pub(crate) fn refusal(self) -> &'static str {
        match self {
            Self::Public => "the address is a private one and was not given by the operator",
            _ => "the address is this machine and was not given by the operator",
        }
    }
}

fn of_v4(address: Ipv4Addr) -> Reach {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    let benchmark = first == 198 && (second == 18 || second == 19);
    if address.is_loopback() || first == 0 {
        Reach::Anywhere
    } else if address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || shared
        || benchmark
        || first >= 240
        || (first == 192 && second == 0)
    {
        Reach::Private
    } else {
        Reach::Public
    }
}

fn of_v6(address: Ipv6Addr) -> Reach {
    if address.is_loopback() || address.is_unspecified() {
        return Reach::Anywhere;
    }
    let segments = address.segments();
    let [first, second, third, ..] = segments;
    let [.., high, low] = segments;
    let inner = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        of_v4(Ipv4Addr::new(a, b, c, d))
    };
    if let Some(mapped) = address.to_ipv4_mapped() {
        return of_v4(mapped);
    }
    match (first, second) {
        // Translators hand these on to the IPv4 address inside.
        (0x64, 0xff9b) | (0, 0) => inner(high, low),
        (0x2002, _) => inner(second, third),
        _ if (first & 0xe000) == 0x2000 => Reach::Public,
        _ => Reach::Private,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_is_in_the_least_reach_that_has_it() {
        let cases = [
            ("127.0.0.1", Reach::Anywhere),
            ("0.0.0.0", Reach::Anywhere),
            ("::1", Reach::Anywhere),
            ("::", Reach::Anywhere),
            ("::ffff:127.0.0.1", Reach::Anywhere),
            ("64:ff9b::7f00:1", Reach::Anywhere),
            ("2002:7f00:1::", Reach::Anywhere),
            ("::127.0.0.1", Reach::Anywhere),
            ("10.1.2.3", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("192.168.1.1", Reach::Private),
            ("169.254.169.254", Reach::Private),
            ("100.64.0.1", Reach::Private),
            ("fd00::1", Reach::Private),
            ("fe80::1", Reach::Private),
            ("::ffff:10.0.0.1", Reach::Private),
            ("255.255.255.255", Reach::Private),
            ("93.184.216.34", Reach::Public),
            ("2606:4700::1111", Reach::Public),
            ("172.32.0.1", Reach::Public),
        ];
        for (address, reach) in cases {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Reach::of(address), reach, "{address}");
            assert!(Reach::Anywhere.allows(address));
            assert_eq!(Reach::Public.allows(address), reach == Reach::Public, "{address}");
        }
    }
}

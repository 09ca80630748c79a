//! Which addresses a request may be dialled to.
//!
//! A granted name is not enough: whoever owns the name decides where it leads, and could make it
//! lead into the operator's own network. So addresses that are not public are refused unless the
//! operator wrote the address itself, or `localhost`, or `private = true`. Metadata services of
//! clouds hand out credentials to whoever asks, and are reached only by their address in a grant.
//! Ranges: the IANA special-purpose registries (RFC 6890 and its successors).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::grant_match::host_matches;
use crate::config::{HostPattern, HttpGrant};

/// How far a host's grants reach. Ordered: a later one includes the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Public addresses.
    Public,
    /// Any address but a metadata service's.
    Private,
    /// Any address: the grant names it.
    Named,
}

/// How far the grants of this scheme, host and port reach.
pub(super) fn reach(grants: &[HttpGrant], scheme: &str, host: &str, port: u16) -> Reach {
    grants
        .iter()
        .filter(|grant| grant.scheme == scheme && grant.port == port && host_matches(&grant.host, host))
        .map(|grant| match &grant.host {
            HostPattern::Exact(name) if name == "localhost" => Reach::Private,
            HostPattern::Exact(name) if name.parse::<IpAddr>().is_ok() => Reach::Named,
            _ if grant.private => Reach::Private,
            _ => Reach::Public,
        })
        .max()
        .unwrap_or(Reach::Public)
}

/// Whether an address may be dialled.
pub(super) fn may_dial(address: IpAddr, reach: Reach) -> bool {
    match reach {
        Reach::Named => true,
        Reach::Private => !is_metadata(address),
        Reach::Public => is_public(address),
    }
}

fn is_metadata(address: IpAddr) -> bool {
    const AWS_IPV6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    match embedded(address) {
        IpAddr::V4(v4) => matches!(
            v4.octets(),
            // AWS, Azure, Google and most others; Alibaba; Oracle's second; AWS tasks.
            [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [169, 254, 170, 2]
        ),
        IpAddr::V6(v6) => v6 == AWS_IPV6,
    }
}

fn is_public(address: IpAddr) -> bool {
    match embedded(address) {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [first, second, ..] = address.segments();
    // Only 2000::/3 is given out for global use; what else is routed is somebody's own network.
    (first & 0xe000) == 0x2000
        && !(address.is_loopback()
        || address.is_unspecified()
        || address.is_multicast()
        || address.is_unique_local()
        || address.is_unicast_link_local()
        // Site-local, deprecated.
        || (first & 0xffc0) == 0xfec0
        // Documentation.
        || (first == 0x2001 && second == 0x0db8)
        || (first == 0x3fff && second < 0x1000)
        // Teredo and other protocol assignments.
        || (first == 0x2001 && second < 0x0200)
        // Discard only, local-use translation, segment routing.
        || first == 0x0100
        || (first == 0x0064 && second == 0xff9b)
        || first == 0x5f00)
}

/// The IPv4 address that an IPv6 address stands for, where it stands for one.
fn embedded(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    let [a, b, c, d, e, f, g, h] = v6.segments();
    let v4 = |high: u16, low: u16| {
        let ([w, x], [y, z]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(w, x, y, z))
    };
    match (a, b) {
        // Mapped (::ffff:a.b.c.d), and the older compatible form (::a.b.c.d).
        (0, 0) if c == 0 && d == 0 && e == 0 && (f == 0xffff || (f == 0 && (g, h) > (0, 1))) => v4(g, h),
        // The well-known prefix of NAT64 (RFC 6052).
        (0x0064, 0xff9b) if c == 0 && d == 0 && e == 0 && f == 0 => v4(g, h),
        // 6to4 (RFC 3056).
        (0x2002, _) => v4(b, c),
        _ => address,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::PathPattern;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn public_addresses_are_reached() {
        for text in [
            "93.184.216.34",
            "2606:2800:220:1::1",
            "64:ff9b::5db8:d822",
            "2002:5db8:d822::1",
        ] {
            assert!(may_dial(at(text), Reach::Public), "{text}");
        }
    }

    #[test]
    fn addresses_that_are_not_public_need_a_grant() {
        for text in [
            "127.0.0.1",
            "127.8.8.8",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.0.1",
            "192.0.0.8",
            "198.18.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!may_dial(at(text), Reach::Public), "{text}");
        }
    }

    #[test]
    fn private_reaches_everything_but_metadata_services() {
        assert!(may_dial(at("192.168.1.1"), Reach::Private));
        for text in [
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "fd00:ec2::254",
            "100.100.100.200",
        ] {
            assert!(!may_dial(at(text), Reach::Private), "{text}");
            assert!(may_dial(at(text), Reach::Named), "{text}");
        }
    }

    #[test]
    fn the_reach_is_that_of_the_host_and_port() {
        let grant = |host: HostPattern, private| HttpGrant {
            methods: vec![],
            scheme: "http".into(),
            host,
            port: 80,
            path: PathPattern::Beneath("/".into()),
            effect: None,
            private,
            text: String::new(),
        };
        let exact = |host: &str| HostPattern::Exact(host.into());
        let grants = [
            grant(exact("10.0.0.1"), false),
            grant(exact("localhost"), false),
            grant(exact("a.test"), true),
            grant(exact("b.test"), false),
            grant(HostPattern::Beneath("c.test".into()), true),
        ];
        for (host, expected) in [
            ("10.0.0.1", Reach::Named),
            ("10.0.0.2", Reach::Public),
            ("localhost", Reach::Private),
            ("a.test", Reach::Private),
            ("b.test", Reach::Public),
            ("x.c.test", Reach::Private),
        ] {
            assert_eq!(reach(&grants, "http", host, 80), expected, "{host}");
        }
        assert_eq!(reach(&grants, "http", "localhost", 81), Reach::Public);
        assert_eq!(reach(&grants, "https", "localhost", 80), Reach::Public);
    }

    /// Ranges of the IANA registries that lead to no public host, by hand and not by the functions above.
    const NOT_PUBLIC: [(&str, u32); 22] = [
        ("0.0.0.0", 8),
        ("10.0.0.0", 8),
        ("100.64.0.0", 10),
        ("127.0.0.0", 8),
        ("169.254.0.0", 16),
        ("172.16.0.0", 12),
        ("192.0.0.0", 24),
        ("192.0.2.0", 24),
        ("192.168.0.0", 16),
        ("198.18.0.0", 15),
        ("198.51.100.0", 24),
        ("203.0.113.0", 24),
        ("224.0.0.0", 4),
        ("240.0.0.0", 4),
        ("100::", 64),
        ("64:ff9b:1::", 48),
        ("2001::", 23),
        ("2001:db8::", 32),
        ("fc00::", 7),
        ("fe80::", 10),
        ("fec0::", 10),
        ("ff00::", 8),
    ];

    /// The address in a range whose last bits are those of a number.
    fn within(first: &str, prefix: u32, bits: u128) -> IpAddr {
        match at(first) {
            IpAddr::V4(first) => {
                let bits =
                    u32::try_from(bits & 0xffff_ffff).unwrap() & u32::MAX.checked_shr(prefix).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(first.to_bits() | bits))
            }
            IpAddr::V6(first) => {
                let bits = bits & u128::MAX.checked_shr(prefix).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(first.to_bits() | bits))
            }
        }
    }

    /// Each IPv6 address that leads to an IPv4 address.
    fn disguised(address: Ipv4Addr) -> [IpAddr; 4] {
        let v4 = u128::from(address.to_bits());
        let of = |bits| IpAddr::V6(Ipv6Addr::from_bits(bits));
        [
            of(0xffff << 32 | v4),
            of(v4),
            of(0x0064_ff9b << 96 | v4),
            of(0x2002 << 112 | v4 << 80 | 1),
        ]
    }

    proptest! {
        #[test]
        fn no_address_of_a_range_that_is_not_public_is_reached(
            (first, prefix) in prop::sample::select(&NOT_PUBLIC[..]),
            bits in any::<u128>(),
        ) {
            let address = within(first, prefix, bits);
            prop_assert!(!may_dial(address, Reach::Public), "{address} of {first}/{prefix}");
        }

        #[test]
        fn a_disguised_address_is_reached_no_sooner_than_the_plain_one(
            (first, prefix) in prop::sample::select(&NOT_PUBLIC[..14]),
            bits in any::<u128>(),
        ) {
            let IpAddr::V4(plain) = within(first, prefix, bits) else { panic!("{first} is IPv4") };
            for address in disguised(plain) {
                for reach in [Reach::Public, Reach::Private] {
                    let sooner = may_dial(address, reach) && !may_dial(plain.into(), reach);
                    prop_assert!(!sooner, "{address} for {plain} by {reach:?}");
                }
            }
        }

        #[test]
        fn a_farther_reach_reaches_all_that_a_nearer_one_does(bits in any::<u128>(), short in any::<u32>()) {
            for address in [IpAddr::V6(Ipv6Addr::from_bits(bits)), IpAddr::V4(Ipv4Addr::from_bits(short))] {
                prop_assert!(may_dial(address, Reach::Named));
                prop_assert!(may_dial(address, Reach::Private) || !may_dial(address, Reach::Public), "{address}");
            }
        }
    }
}

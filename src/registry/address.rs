//! Which addresses belong to this machine or to a private network, and how names are resolved with that in mind.
//!
//! A public server may not send a client to a private address. A name says nothing about that: only the addresses count
//! that it resolves to when the connection is made, so the check is part of the resolver that the HTTP client uses. It is
//! separate from `admit`, which judges what a URL itself shows, before anything is looked up.

use std::collections::HashSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::locked;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Whether `url` shows that it is not reachable from the internet: by its address, or by a name that is only used
/// within a machine or a network. Other names are not judged here.
pub(super) fn shows_private(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => is_private_name(name),
        Some(Host::Ipv4(ip)) => is_private(ip.into()),
        Some(Host::Ipv6(ip)) => is_private(ip.into()),
        None => false,
    }
}

/// Names without a dot, and those that RFC 6761, RFC 6762, RFC 8375 and ICANN keep out of the public DNS.
fn is_private_name(name: &str) -> bool {
    const KEPT: [&str; 5] = ["localhost", "localdomain", "local", "internal", "home.arpa"];
    let name = name.strip_suffix('.').unwrap_or(name);
    !name.contains('.') || KEPT.iter().any(|kept| is_below(name, kept))
}

/// Whether `host` shows that it is this machine.
pub(super) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_below(name.strip_suffix('.').unwrap_or(name), "localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

/// Whether `name` is `domain` or a name below it.
pub(super) fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Whether `ip` is an address of this machine or of a private network, also in the forms of IPv6 that hold an
/// address of IPv4.
pub(super) fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_private_v4(ip),
        IpAddr::V6(ip) => is_private_v6(ip),
    }
}

fn is_private_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    ip.is_loopback()
        || ip.is_private()
        || ip.is_link_local()
        || ip.is_multicast()
        // "This network"; most systems take 0.0.0.0 for themselves.
        || a == 0
        // Shared address space of providers (RFC 6598), the metadata service of one cloud among it.
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments, the metadata service of another cloud among them.
        || (a, b, c) == (192, 0, 0)
        // Benchmarks.
        || (a == 198 && (b == 18 || b == 19))
        // Reserved, and broadcast.
        || a >= 240
}

fn is_private_v6(ip: Ipv6Addr) -> bool {
    let held = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_private_v4(Ipv4Addr::new(a, b, c, d))
    };
    match ip.segments() {
        // Unspecified, loopback and "IPv4-compatible", which is no longer in use.
        [0, 0, 0, 0, 0, 0, high, low] => held(high, low),
        // IPv4-mapped, and translated (RFC 2765).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0, 0, 0, 0, 0xffff, 0, high, low] => held(high, low),
        // NAT64 (RFC 6052).
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => held(high, low),
        // NAT64 within a network (RFC 8215).
        [0x64, 0xff9b, 1, ..] => true,
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => held(high, low),
        // Teredo (RFC 4380): the address of the client, inverted.
        [0x2001, 0, .., high, low] => held(!high, !low),
        // Unique local, link-local, and the former site-local.
        [first, ..] => {
            first & 0xfe00 == 0xfc00
                || first & 0xffc0 == 0xfe80
                || first & 0xffc0 == 0xfec0
                || ip.is_multicast()
        }
    }
}

/// Resolves names, and leaves private addresses out for the hosts that a public server has named.
///
/// There is one lookup for a connection, and the addresses that it found are judged and then connected to: a name that
/// means something else a moment later gains nothing.
#[derive(Clone, Default)]
pub(super) struct Resolver {
    only_public: Arc<Mutex<HashSet<String>>>,
    /// What the lookups of a test find, one after the other.
    #[cfg(test)]
    answers: Option<Arc<Mutex<std::collections::VecDeque<SocketAddr>>>>,
}

impl Resolver {
    /// From now on `host` is only connected to at public addresses.
    pub(super) fn only_public(&self, host: &str) {
        let mut hosts = self.hosts();
        if !hosts.contains(host) {
            hosts.insert(host.to_owned());
        }
    }

    fn is_only_public(&self, host: &str) -> bool {
        self.hosts().contains(host)
    }

    fn hosts(&self) -> MutexGuard<'_, HashSet<String>> {
        locked(&self.only_public)
    }

    async fn look_up(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        #[cfg(test)]
        if let Some(answers) = &self.answers {
            let mut answers = locked(answers);
            return Ok(answers.pop_front().into_iter().collect());
        }
        // The port is set by the HTTP client.
        Ok(tokio::net::lookup_host((name, 0)).await?.collect())
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let only_public = self.is_only_public(name.as_str());
        let resolver = self.clone();
        Box::pin(async move {
            let found = resolver.look_up(name.as_str()).await?;
            Ok(Box::new(permitted(found, only_public)?.into_iter()) as Addrs)
        })
    }
}

/// The addresses of `found` that may be connected to; an error if there were only others.
fn permitted(
    mut found: Vec<SocketAddr>,
    only_public: bool,
) -> Result<Vec<SocketAddr>, PrivateAddress> {
    let first_private = found.iter().map(SocketAddr::ip).find(|ip| is_private(*ip));
    if let Some(ip) = first_private.filter(|_| only_public) {
        found.retain(|address| !is_private(address.ip()));
        if found.is_empty() {
            return Err(PrivateAddress(ip));
        }
    }
    Ok(found)
}

/// A public server named a host that turned out to be at this private address.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is a private address")]
pub(super) struct PrivateAddress(pub(super) IpAddr);

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(host: &str) -> bool {
        shows_private(&Url::parse(&format!("https://{host}/x")).unwrap())
    }

    #[test]
    fn b3_private_places_in_all_their_forms() {
        for host in [
            "localhost",
            "LOCALHOST.",
            "a.localhost.",
            "localhost.localdomain",
            "metadata.google.internal",
            "printer.local",
            "intranet",
            "127.1",
            "0x7f000001",
            "2130706433",
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "169.254.169.254",
            "172.31.0.1",
            "192.0.0.192",
            "192.168.0.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "[::]",
            "[::1]",
            "[::127.0.0.1]",
            "[::ffff:10.0.0.1]",
            "[::ffff:0:10.0.0.1]",
            "[64:ff9b::10.0.0.1]",
            "[64:ff9b:1::8.8.8.8]",
            "[2002:7f00:1::]",
            "[2002:a9fe:a9fe::1]",
            "[2001:0:4136:e378:8000:63bf:f5ff:fffe]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[feff::1]",
            "[ff02::1]",
        ] {
            assert!(shown(host), "{host}");
        }
    }

    #[test]
    fn b3_public_places() {
        for host in [
            "registry.example.com",
            "localhost.example.com",
            "notlocalhost.com",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "[2606:4700::1111]",
            "[::8.8.8.8]",
            "[64:ff9b::8.8.8.8]",
            "[2002:808:808::1]",
        ] {
            assert!(!shown(host), "{host}");
        }
    }

    #[test]
    fn b3_of_the_addresses_of_a_name_only_public_ones_are_left() {
        let all = |ips: &[&str]| -> Vec<SocketAddr> {
            let of = |ip: &&str| SocketAddr::new(ip.parse().unwrap(), 0);
            ips.iter().map(of).collect()
        };
        let mixed = all(&["10.0.0.1", "8.8.8.8", "::1"]);
        assert_eq!(permitted(mixed.clone(), false).unwrap(), mixed);
        assert_eq!(permitted(mixed, true).unwrap(), all(&["8.8.8.8"]));
        assert!(permitted(all(&["fd00::1", "10.0.0.1"]), true).is_err());
        assert!(permitted(Vec::new(), true).unwrap().is_empty());
    }

    #[tokio::test]
    async fn b3_a_name_that_a_public_server_named_is_not_looked_up_into_this_machine() {
        let resolver = Resolver::default();
        let lookup = || resolver.resolve("localhost".parse().unwrap());
        assert!(lookup().await.unwrap().next().is_some());
        resolver.only_public("localhost");
        let error = lookup().await.err().unwrap();
        assert!(error.downcast_ref::<PrivateAddress>().is_some(), "{error}");
    }

    /// A name that means a private address first and a public one a moment later, or the other way round.
    #[tokio::test]
    async fn b3_what_a_lookup_finds_is_both_judged_and_connected_to() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        server.set_nonblocking(true).unwrap();
        let url = format!(
            "http://moves.example.com:{}/",
            server.local_addr().unwrap().port()
        );
        let answers = ["127.0.0.1:0", "192.0.2.1:0"].map(|address| address.parse().unwrap());
        let answers = Arc::new(Mutex::new(answers.into_iter().collect()));
        let resolver = Resolver {
            answers: Some(answers.clone()),
            ..Resolver::default()
        };
        let client = reqwest::Client::builder()
            .dns_resolver(Arc::new(resolver.clone()))
            .tls_certs_only(std::iter::empty::<reqwest::Certificate>())
            .no_proxy()
            .build()
            .unwrap();
        let left = || answers.lock().unwrap().len();
        resolver.only_public("moves.example.com");
        let mut e: &dyn std::error::Error = &client.get(&url).send().await.unwrap_err();
        while let Some(source) = e.source() {
            e = source;
        }
        assert!(e.is::<PrivateAddress>(), "{e}");
        assert_eq!(left(), 1, "one lookup");
        assert!(server.accept().is_err(), "nothing was connected to");
    }
}

//! Names that an authority may certify (RFC 5280, 4.2.1.10), as Go reads them: e-mail addresses, hosts and IP addresses.

use std::mem::discriminant;
use std::net::IpAddr;

use x509_cert::ext::pkix::NameConstraints;
use x509_cert::ext::pkix::name::GeneralName;

/// Whether `name` is of a kind that can be read.
pub(super) fn is_known(name: &GeneralName) -> bool {
    use GeneralName::{DnsName, IpAddress, Rfc822Name, UniformResourceIdentifier};
    matches!(
        name,
        Rfc822Name(_) | DnsName(_) | IpAddress(_) | UniformResourceIdentifier(_)
    )
}

/// Whether all of `limits` can be understood, and there are some.
pub(super) fn are_known(limits: &NameConstraints) -> bool {
    let is_domain = |text: &str| labels(text.strip_prefix('.').unwrap_or(text)).is_some();
    let is_valid = |base: &GeneralName| match base {
        GeneralName::Rfc822Name(text) if text.as_str().contains('@') => {
            mailbox(text.as_str()).is_some()
        }
        GeneralName::Rfc822Name(text) | GeneralName::DnsName(text) => is_domain(text.as_str()),
        GeneralName::UniformResourceIdentifier(text) => {
            is_domain(text.as_str()) && text.as_str().parse::<IpAddr>().is_err()
        }
        GeneralName::IpAddress(range) => {
            let range = range.as_bytes();
            let mask = &range[range.len() / 2..];
            let in_byte = |byte: &u8| byte.leading_ones() == byte.count_ones();
            matches!(range.len(), 8 | 32)
                && mask.iter().all(in_byte)
                && mask.windows(2).all(|two| two[0] == 0xff || two[1] == 0)
        }
        _ => false,
    };
    let mut all = bases(limits, true).chain(bases(limits, false)).peekable();
    all.peek().is_some() && all.all(is_valid)
}

/// Whether an authority with these `limits` may certify `name`. What cannot be read it may not.
pub(super) fn allow(limits: &NameConstraints, name: &GeneralName) -> bool {
    if !is_known(name) {
        return true;
    }
    if !is_valid(name) {
        return false;
    }
    let of_kind = |base: &&GeneralName| discriminant(*base) == discriminant(name);
    let mut excluded = bases(limits, false).filter(of_kind);
    let mut permitted = bases(limits, true).filter(of_kind).peekable();
    excluded.all(|base| is_within(name, base, true) == Some(false))
        && (permitted.peek().is_none()
            || permitted.any(|base| is_within(name, base, false) == Some(true)))
}

fn bases(limits: &NameConstraints, permitted: bool) -> impl Iterator<Item = &GeneralName> {
    let trees = match permitted {
        true => &limits.permitted_subtrees,
        false => &limits.excluded_subtrees,
    };
    trees.iter().flatten().map(|tree| &tree.base)
}

fn is_valid(name: &GeneralName) -> bool {
    match name {
        GeneralName::Rfc822Name(text) => mailbox(text.as_str()).is_some(),
        GeneralName::DnsName(text) => labels(text.as_str()).is_some(),
        GeneralName::IpAddress(ip) => matches!(ip.as_bytes().len(), 4 | 16),
        _ => true,
    }
}

/// Whether `name` is below `base`; `None` where that cannot be told.
fn is_within(name: &GeneralName, base: &GeneralName, excluded: bool) -> Option<bool> {
    match (name, base) {
        (GeneralName::Rfc822Name(name), GeneralName::Rfc822Name(base)) => {
            let (local, domain) = mailbox(name.as_str())?;
            match mailbox(base.as_str()) {
                Some((same, at)) => Some(local == same && domain.eq_ignore_ascii_case(at)),
                None => is_below(domain, base.as_str(), false),
            }
        }
        (GeneralName::DnsName(name), GeneralName::DnsName(base)) => {
            is_below(name.as_str(), base.as_str(), excluded)
        }
        (GeneralName::IpAddress(ip), GeneralName::IpAddress(range)) => {
            let (ip, (net, mask)) = (
                ip.as_bytes(),
                range.as_bytes().split_at(range.as_bytes().len() / 2),
            );
            let mut bytes = ip.iter().zip(net).zip(mask);
            Some(ip.len() == net.len() && bytes.all(|((a, b), mask)| a & mask == b & mask))
        }
        // The host of a URI would have to be found exactly as Go finds it.
        _ => None,
    }
}

/// Whether `domain` is `base` or below it. A `.` in front of `base` means: only below.
fn is_below(domain: &str, base: &str, excluded: bool) -> Option<bool> {
    let (base, deeper) = match base.strip_prefix('.') {
        Some(base) => (base, true),
        None => (base, false),
    };
    let (mut domain, mut base) = (labels(domain)?, labels(base)?);
    // `*.example.com` stands for `a.example.com` too.
    if excluded && domain.last() == Some(&"*") && domain.len() == base.len() {
        domain.pop();
        base.pop();
    }
    let begins = domain.iter().zip(&base);
    Some(
        domain.len() >= base.len() + usize::from(deeper)
            && begins.clone().all(|(a, b)| a.eq_ignore_ascii_case(b)),
    )
}

/// The parts of a domain, the last one first.
fn labels(domain: &str) -> Option<Vec<&str>> {
    if domain.is_empty() {
        return Some(Vec::new());
    }
    let labels: Vec<&str> = domain.rsplit('.').collect();
    let is_label = |label: &&str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_graphic());
    labels.iter().all(is_label).then_some(labels)
}

/// The parts of an e-mail address, which is taken only without quotes.
fn mailbox(address: &str) -> Option<(&str, &str)> {
    let (local, domain) = address.split_once('@')?;
    let is_atom = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&b);
    let is_valid = |part: &str| !part.is_empty() && part.bytes().all(is_atom);
    let valid = local.split('.').all(is_valid) && !domain.is_empty();
    labels(domain).filter(|_| valid)?;
    Some((local, domain))
}

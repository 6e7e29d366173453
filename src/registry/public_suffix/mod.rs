//! Whether two host names belong to one owner: the rules of the Public Suffix List (<https://publicsuffix.org>).
//!
//! Below a public suffix such as `com`, `co.uk` or `github.io` anyone can register a name; what is below that name
//! belongs to whoever registered it. The rules are compressed into the program and unpacked only when two different
//! names are compared, which few commands have to do.

use std::collections::HashSet;
use std::io::Read;

use flate2::read::ZlibDecoder;

/// Rules of two labels and more, one a line; `build.rs` packs them.
static RULES: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/public_suffixes.zlib"));

/// Whether the two host names, in lower case and Punycode, have the same registrable domain.
pub(crate) fn same_owner(a: &str, b: &str) -> bool {
    let mut text = String::new();
    if ZlibDecoder::new(RULES).read_to_string(&mut text).is_err() {
        return false;
    }
    let rules: HashSet<&str> = text.lines().collect();
    match (registrable(a, &rules), registrable(b, &rules)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

/// The registrable domain of `host`: its public suffix and one label more. `None` for a public suffix itself.
fn registrable<'a>(host: &'a str, rules: &HashSet<&str>) -> Option<&'a str> {
    let mut below: Option<&str> = None;
    let mut suffix = host;
    loop {
        if rules.contains(format!("!{suffix}").as_str()) {
            // An exception: what a wildcard made a public suffix can be registered.
            return Some(suffix);
        }
        let Some((_, rest)) = suffix.split_once('.') else {
            // Without a rule the top-level domain is the public suffix.
            return below;
        };
        if rules.contains(suffix) || rules.contains(format!("*.{rest}").as_str()) {
            return below;
        }
        below = Some(suffix);
        suffix = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::same_owner;

    #[test]
    fn names_below_one_registrable_domain_have_one_owner() {
        for (a, b) in [
            ("gitlab.example.com", "registry.gitlab.example.com"),
            ("registry.example.co.uk", "auth.example.co.uk"),
            ("registry.a.github.io", "a.github.io"),
            ("registry-1.docker.io", "auth.docker.io"),
            // `*.kawasaki.jp` is a suffix, `!city.kawasaki.jp` is not.
            ("a.city.kawasaki.jp", "b.city.kawasaki.jp"),
            ("registry.svc.cluster.local", "auth.svc.cluster.local"),
        ] {
            assert!(same_owner(a, b), "{a} {b}");
        }
    }

    #[test]
    fn names_below_a_public_suffix_do_not() {
        for (a, b) in [
            ("registry.example.com", "auth.example.net"),
            ("one.co.uk", "other.co.uk"),
            ("a.github.io", "b.github.io"),
            ("one.com", "other.com"),
            ("a.x.kawasaki.jp", "a.y.kawasaki.jp"),
            ("registry", "auth"),
            ("co.uk", "example.co.uk"),
            ("", "."),
        ] {
            assert!(!same_owner(a, b), "{a} {b}");
        }
    }
}

//! The entries `HOST:PORT` and `*.DOMAIN` of `NO_PROXY`, which the HTTP client does not know (quirk H6).
//!
//! It decides about those alone: to all others the HTTP client sees itself, and by its rules the hosts are compared here
//! too.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Hosts that are not reached through a proxy, at one port or at all.
pub(crate) struct NoProxy(Vec<(Matcher, Option<u16>)>);

impl NoProxy {
    /// What the environment says; `None` where it has no such entry.
    pub(crate) fn from_environment() -> Option<NoProxy> {
        let set = |name| std::env::var(name).ok();
        let list = NoProxy::from_list(&set("NO_PROXY").or_else(|| set("no_proxy"))?);
        (!list.0.is_empty()).then_some(list)
    }

    fn from_list(list: &str) -> NoProxy {
        let entries = list.split(',').filter_map(|entry| {
            let entry = entry.trim();
            // As Go reads it, `*.a` is `.a`.
            let domain = entry.strip_prefix('*').filter(|d| d.starts_with('.'));
            let (host, port) = match (domain.unwrap_or(entry).rsplit_once(':'), domain) {
                (Some((host, port)), _) => (host, Some(port.parse().ok()?)),
                (None, Some(domain)) => (domain, None),
                (None, None) => return None,
            };
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            if bare.is_none() && host.contains(':') {
                // An IPv6 address without a port.
                return None;
            }
            // Asked whether it would lead this host past the proxy.
            let hosts = Matcher::builder()
                .all("http://proxy")
                .no(bare.unwrap_or(host));
            Some((hosts.build(), port))
        });
        NoProxy(entries.collect())
    }

    /// Whether an entry names host and port of `url`.
    pub(crate) fn contains(&self, url: &Url) -> bool {
        let port = url.port_or_known_default();
        let Ok(uri) = url.as_str().parse() else {
            return false;
        };
        self.0
            .iter()
            .any(|(hosts, p)| (p.is_none() || *p == port) && hosts.intercept(&uri).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_entries_with_a_port() {
        let text = "other.example, r.example:5000 ,10.0.0.0/8:80,[::1]:443,::2,*:81,x:y,:7,*.wild.test, *.w.test:9";
        let list = NoProxy::from_list(text);
        for (url, is_in) in [
            ("http://r.example:5000/v2/", true),
            ("https://a.R.example:5000/v2/", true),
            ("https://r.example/v2/", false),
            ("http://r.example:50/v2/", false),
            ("http://bar.example:5000/v2/", false),
            ("http://other.example/", false),
            ("http://10.1.2.3/", true),
            ("https://10.1.2.3/", false),
            ("https://[::1]/", true),
            ("http://[::2]/", false),
            ("http://any.example:81/", true),
            ("http://any.example:7/", false),
            ("http://a.b.wild.test/", true),
            ("https://a.wild.test:5000/", true),
            ("http://awild.test/", false),
            ("http://a.w.test:9/", true),
            ("http://a.w.test/", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(list.contains(&url), is_in, "{url}");
        }
    }
}

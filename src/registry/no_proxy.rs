//! The entries `HOST:PORT` of `NO_PROXY`, which the HTTP client does not know (quirk H6).
//!
//! It decides about those alone: to entries without a port the HTTP client sees itself, and by its rules the hosts are
//! compared here too.

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

/// Hosts with a port that are not reached through a proxy.
pub(crate) struct NoProxy(Vec<(Matcher, u16)>);

impl NoProxy {
    /// What the environment says; `None` where it names no port.
    pub(crate) fn from_environment() -> Option<NoProxy> {
        let set = |name| std::env::var(name).ok();
        let list = NoProxy::from_list(&set("NO_PROXY").or_else(|| set("no_proxy"))?);
        (!list.0.is_empty()).then_some(list)
    }

    fn from_list(list: &str) -> NoProxy {
        let entries = list.split(',').filter_map(|entry| {
            let (host, port) = entry.trim().rsplit_once(':')?;
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            if bare.is_none() && host.contains(':') {
                // An IPv6 address without a port.
                return None;
            }
            // Asked whether it would lead this host past the proxy.
            let hosts = Matcher::builder()
                .all("http://proxy")
                .no(bare.unwrap_or(host));
            Some((hosts.build(), port.parse().ok()?))
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
            .any(|(hosts, p)| Some(*p) == port && hosts.intercept(&uri).is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h6_entries_with_a_port() {
        let text = "other.example, r.example:5000 ,10.0.0.0/8:80,[::1]:443,::2,*:81,x:y,:7,";
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
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(list.contains(&url), is_in, "{url}");
        }
    }
}

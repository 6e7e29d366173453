//! `Secret`: a text that cannot be printed by accident. URLs and lines of files without their secrets.

use std::fmt;

use url::Url;

/// A password or token. `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes `text` as a secret.
    pub fn new(text: impl Into<String>) -> Secret {
        Secret(text.into())
    }

    /// The text itself, for the one place that sends or stores it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// `text`, which should be a URL or a name, for people and logs: without user, query and fragment.
pub(crate) fn redacted(text: &str) -> String {
    if !text.contains(['@', '?', '#']) {
        return text.to_owned();
    }
    if let Some(mut url) = Url::parse(text).ok().filter(Url::has_authority) {
        url.set_query(None);
        url.set_fragment(None);
        let _ = url.set_username("");
        let _ = url.set_password(None);
        return url.to_string();
    }
    let (before, rest) = match text.find("://") {
        Some(at) => text.split_at(at + 3),
        None => ("", text),
    };
    let place = match rest.rsplit_once('@') {
        // It cannot be known whether this is a password with such a sign, or a query with an `@`.
        Some((login, _)) if login.contains(['?', '#']) => "…",
        Some((_, place)) => place,
        None => rest,
    };
    let place = place.split(['?', '#']).next().unwrap_or_default();
    format!("{before}{place}").chars().take(120).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_secrets() {
        for (text, shown) in [
            ("https://u:p@h.example/x?s=1#f", "https://h.example/x"),
            ("ftp://u:p@h.example/x", "ftp://h.example/x"),
            ("odd+scheme://u:p@h/x", "odd+scheme://h/x"),
            ("file:///x/y", "file:///x/y"),
            ("/x/y", "/x/y"),
            ("h.example:5000/x", "h.example:5000/x"),
            // These are no URLs.
            ("ftp://u:p@no host/x", "ftp://no host/x"),
            ("https://u:p#w@h/x", "https://…"),
            ("https://u:p/w@h/x?s=1", "https://h/x"),
            ("u:p@h/x", "h/x"),
            ("h/x?s=a@b", "…"),
            ("key: [https://u:p@h/x", "key: [https://h/x"),
        ] {
            assert_eq!(redacted(text), shown, "{text}");
        }
    }
}

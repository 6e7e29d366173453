//! Warnings that a registry sends along with its answers (`Warning: 299 - "text"`; OCI distribution-spec
//! "Warnings"; quirk E12).
//!
//! Each text is shown once. It comes from outside and goes to a terminal: one with control characters is dropped.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};

use crate::locked;
use http::{HeaderMap, header};

/// Texts that a client tells at most, and characters of each: a server must not fill the screen.
const MAX_TEXTS: usize = 8;
const MAX_CHARS: usize = 500;
/// Texts that are kept; a program that goes on for long hears of older ones again.
const MAX_KEPT: usize = 64;

/// The texts that any client of this process has shown: both sides of a copy may get the same.
static TOLD: LazyLock<Mutex<HashSet<String>>> = LazyLock::new(Mutex::default);

/// How many texts this client has shown.
#[derive(Debug, Default)]
pub(crate) struct Warnings {
    count: AtomicUsize,
}

impl Warnings {
    /// Shows the warnings in the head of an answer of `host` that were not shown before.
    pub(crate) fn tell(&self, host: &str, headers: &HeaderMap) {
        for value in headers.get_all(header::WARNING) {
            let Some(text) = std::str::from_utf8(value.as_bytes()).ok().and_then(text) else {
                continue;
            };
            let mut told = locked(&TOLD);
            if told.contains(&text) || self.count.fetch_add(1, Ordering::Relaxed) >= MAX_TEXTS {
                continue;
            }
            if told.len() >= MAX_KEPT {
                told.clear();
            }
            tracing::warn!("`{host}` says: {text}");
            told.insert(text);
        }
    }
}

/// The text of one field, its escapes undone. Codes other than 299 speak of caches.
fn text(field: &str) -> Option<String> {
    let rest = field.trim().strip_prefix("299 ")?;
    let (_agent, quoted) = rest.split_once('"')?;
    let mut chars = quoted.chars();
    let mut text = String::new();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => text.push(chars.next()?),
            c => text.push(c),
        }
    }
    let shown = !text.trim().is_empty() && !text.chars().any(char::is_control);
    shown.then(|| text.chars().take(MAX_CHARS).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn e12_texts_are_unescaped_and_checked() {
        assert_eq!(
            text(r#"299 - "say \"ahoy\" \\o/""#).as_deref(),
            Some(r#"say "ahoy" \o/"#)
        );
        assert_eq!(
            text(r#"299 - "old" "Sat, 01 Jan 2028 00:00:00 GMT""#).as_deref(),
            Some("old")
        );
        for dropped in [
            r#"199 - "misc""#,
            "299 - bare",
            r#"299 - "cut"#,
            r#"299 - """#,
            "299 - \"a\u{9b}31m\"",
            "299 - \"tab\there\"",
        ] {
            assert_eq!(text(dropped), None, "{dropped:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_shows_control_characters(field in "(299 - \")?[\\PC\\x00-\\x1f\"\\\\]{0,60}") {
            let shown = text(&field).unwrap_or_default();
            prop_assert!(!shown.chars().any(char::is_control));
        }
    }
}

//! Patterns over platforms: which entries of an index belong to a part of it.

use std::fmt;
use std::str::FromStr;

use super::{PlatformError, normalize, version_rank};
use crate::image::Platform;

/// `os/architecture[/variant][:os.version]`, where `*` stands for any characters but `/`; without a variant all
/// variants, without a version all versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformPattern {
    text: String,
    parts: Vec<String>,
    os_version: Option<String>,
}

impl PlatformPattern {
    /// Whether `platform`, or its usual form (`arm64` for `aarch64`), fits the pattern.
    pub fn matches(&self, platform: &Platform) -> bool {
        self.fits_version(platform) && (self.fits(platform) || self.fits(&normalize(platform)))
    }

    fn fits(&self, platform: &Platform) -> bool {
        let variant = platform.variant.as_deref().unwrap_or_default();
        let parts = [
            platform.os.as_str(),
            platform.architecture.as_str(),
            variant,
        ];
        self.parts
            .iter()
            .zip(parts)
            .all(|(pattern, part)| glob(pattern.as_bytes(), part.as_bytes()))
    }

    fn fits_version(&self, platform: &Platform) -> bool {
        let there = platform.os_version.as_deref();
        match (self.os_version.as_deref(), there) {
            (Some(pattern), Some(there)) if pattern.contains('*') => {
                glob(pattern.as_bytes(), there.as_bytes())
            }
            (wanted, _) => version_rank(wanted, there).is_some(),
        }
    }

    /// Whether the pattern names one platform, with nothing left open.
    pub fn is_exact(&self) -> bool {
        !self.text.contains('*')
    }
}

impl FromStr for PlatformPattern {
    type Err = PlatformError;

    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let (platform, os_version) = match text.split_once(':') {
            Some((platform, version)) => (platform, Some(version.to_owned())),
            None => (text, None),
        };
        let parts: Vec<String> = platform.split('/').map(str::to_owned).collect();
        let word = |s: &String| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-*".contains(&b))
        };
        if !(2..=3).contains(&parts.len()) || !parts.iter().chain(&os_version).all(word) {
            return Err(PlatformError::Format(text.to_owned()));
        }
        Ok(PlatformPattern {
            text: text.to_owned(),
            parts,
            os_version,
        })
    }
}

impl fmt::Display for PlatformPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Whether `text` fits `pattern`; time grows with the product of the lengths at most.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((star_p, star_t)) = star {
            // The last star takes one character more.
            (p, t) = (star_p + 1, star_t + 1);
            star = Some((star_p, star_t + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn platform(text: &str) -> Platform {
        let mut parts = text.split('/').map(str::to_owned);
        Platform {
            os: parts.next().unwrap(),
            architecture: parts.next().unwrap(),
            variant: parts.next(),
            ..Platform::default()
        }
    }

    fn fits(pattern: &str, text: &str) -> bool {
        pattern
            .parse::<PlatformPattern>()
            .unwrap()
            .matches(&platform(text))
    }

    #[test]
    fn stars_and_left_out_variants() {
        assert!(fits("linux/arm*", "linux/arm64/v8") && fits("linux/arm*", "linux/arm/v6"));
        assert!(fits("linux/arm", "linux/arm/v6") && !fits("linux/arm", "linux/arm64"));
        assert!(fits("linux/arm/v7", "linux/arm/v7") && !fits("linux/arm/v7", "linux/arm/v6"));
        assert!(fits("linux/arm64", "linux/aarch64") && fits("*/*", "windows/amd64"));
        assert!(fits("linux/*d*4", "linux/amd64") && !fits("linux/*d*5", "linux/amd64"));
        assert!(!fits("linux/amd64", "windows/amd64"));
    }

    #[test]
    fn a_version_narrows_a_pattern() {
        let windows = |version: &str| Platform {
            os_version: Some(version.to_owned()),
            ..platform("windows/amd64")
        };
        let fits = |pattern: &str, version| {
            let pattern: PlatformPattern = pattern.parse().unwrap();
            pattern.matches(&windows(version))
        };
        assert!(fits("windows/amd64:10.0.20348", "10.0.20348.1"));
        assert!(!fits("windows/amd64:10.0.20348", "10.0.17763.1"));
        assert!(fits("windows/*:10.0.*", "10.0.17763.1"));
        assert!(fits("windows/amd64", "10.0.17763.1"));
    }

    #[test]
    fn other_texts_are_no_patterns() {
        for text in [
            "linux/amd64:",
            "linux",
            "a/b/c/d",
            "linux/",
            "li nux/amd64",
            "",
        ] {
            assert!(text.parse::<PlatformPattern>().is_err(), "{text}");
        }
    }
}

//! Platforms: the names users and indexes give them, and their one normal form.
//!
//! Two rules use them, a file each. [`choose`] picks the one image that a command works on and follows skopeo, so
//! that the same image comes out; it never falls back to another architecture. [`preference`] and [`matches()`]
//! are containerd's wider rule, by which a machine can run an image (protocols 6.5).

mod choose;
mod pattern;
mod preference;

use std::fmt;
use std::str::FromStr;

use super::Platform;
use crate::{Error, Kind};

pub use choose::{ZSTD, choose, is_attestation, may_hold};
pub use pattern::PlatformPattern;
pub use preference::{matches, preference};

/// The platform that a user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformWish {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
}

/// Why there is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlatformError {
    /// Not `os/architecture[/variant]`.
    #[error("`{0}` is not a platform: it has to be `os/architecture` or `os/architecture/variant`")]
    Format(String),
    /// No image of the index fits.
    #[error("the index has no image for `{wanted}`; {}", listed(.available))]
    NoMatch {
        wanted: PlatformWish,
        /// The platforms of the images that are there, in the order of the index.
        available: Vec<String>,
    },
}

/// The platforms that are there, in words.
pub(crate) fn listed(available: &[String]) -> String {
    if available.is_empty() {
        "it lists no platform".to_owned()
    } else {
        format!("it has {}", available.join(", "))
    }
}

impl From<PlatformError> for Error {
    fn from(error: PlatformError) -> Error {
        let text = error.to_string();
        match &error {
            PlatformError::Format(_) => {
                Error::other(text).hint("write it like `linux/amd64` or `linux/arm/v7`")
            }
            PlatformError::NoMatch { available, .. } => {
                let hint = available
                    .first()
                    .map(|first| format!("choose one that is there, as in `--platform {first}`"));
                let failure = Error::new(Kind::NotFound, text);
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
        }
        .because(error)
    }
}

impl Default for PlatformWish {
    /// Linux on this machine's architecture.
    fn default() -> PlatformWish {
        PlatformWish {
            os: "linux".to_owned(),
            architecture: host_architecture().to_owned(),
            variant: None,
        }
    }
}

impl FromStr for PlatformWish {
    type Err = PlatformError;

    /// Reads `os/architecture[/variant]`; other names of an architecture are understood (`x86_64`, `aarch64`).
    fn from_str(text: &str) -> Result<Self, PlatformError> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |s: &&str| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError::Format(text.to_owned())),
        };
        if !parts.iter().all(word) {
            return Err(PlatformError::Format(text.to_owned()));
        }
        let (architecture, implied) = architecture_name(architecture);
        Ok(PlatformWish {
            os: os_name(os),
            variant: variant.or(implied).map(|v| variant_name(&architecture, v)),
            architecture,
        })
    }
}

impl fmt::Display for PlatformWish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        match &self.variant {
            Some(variant) => write!(f, "/{variant}"),
            None => Ok(()),
        }
    }
}

/// A platform in the one form that containerd compares: Go's names, without a variant that goes without saying.
pub fn normalize(platform: &Platform) -> Platform {
    let (architecture, implied) = architecture_name(&platform.architecture);
    let given = platform.variant.as_deref().unwrap_or_default();
    let variant = match (implied, given) {
        (Some(implied), "") => implied.to_owned(),
        _ => variant_name(&architecture, given),
    };
    let variant = match (architecture.as_str(), variant.as_str()) {
        ("arm", "") => "v7",
        ("arm64", "v8" | "v8.0") | ("amd64", "v1") => "",
        ("arm64", "v9.0") => "v9",
        (_, variant) => variant,
    };
    Platform {
        os: os_name(&platform.os),
        variant: (!variant.is_empty()).then(|| variant.to_owned()),
        architecture,
        ..platform.clone()
    }
}

fn os_name(os: &str) -> String {
    match os.to_ascii_lowercase().as_str() {
        "macos" => "darwin".to_owned(),
        os => os.to_owned(),
    }
}

/// Go's name of an architecture, and the variant that the other name stood for.
fn architecture_name(architecture: &str) -> (String, Option<&'static str>) {
    let lower = architecture.to_ascii_lowercase();
    let (name, variant) = match lower.as_str() {
        "x86_64" | "x86-64" => ("amd64", None),
        "i386" => ("386", None),
        "aarch64" => ("arm64", None),
        "armhf" => ("arm", Some("v7")),
        "armel" => ("arm", Some("v6")),
        _ => return (lower, None),
    };
    (name.to_owned(), variant)
}

/// A variant with the `v` that some leave out.
fn variant_name(architecture: &str, variant: &str) -> String {
    let lower = variant.to_ascii_lowercase();
    match architecture {
        "arm" | "arm64" if lower.starts_with(|c: char| c.is_ascii_digit()) => format!("v{lower}"),
        _ => lower,
    }
}

/// Go's name of the architecture that barque was built for.
fn host_architecture() -> &'static str {
    let little = cfg!(target_endian = "little");
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "x86" => "386",
        "aarch64" => "arm64",
        "powerpc64" if little => "ppc64le",
        "powerpc64" => "ppc64",
        "loongarch64" => "loong64",
        "mips64" if little => "mips64le",
        "mips" if little => "mipsle",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn platforms_are_read_in_full_only() {
        let read = |text: &str| text.parse::<PlatformWish>().map(|p| p.to_string());
        assert_eq!(read("Linux/x86_64").unwrap(), "linux/amd64");
        assert_eq!(read("linux/armhf").unwrap(), "linux/arm/v7");
        assert_eq!(read("linux/arm/6").unwrap(), "linux/arm/v6");
        assert_eq!(read("macos/arm64/v8").unwrap(), "darwin/arm64/v8");
        for wrong in [
            "",
            "linux",
            "amd64",
            "linux/",
            "/amd64",
            "linux/arm/v7/x",
            "linux/a b",
            "linux//v7",
        ] {
            assert_eq!(
                read(wrong),
                Err(PlatformError::Format(wrong.into())),
                "{wrong}"
            );
        }
    }
}

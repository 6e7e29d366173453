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

use super::{ImageConfig, Platform};
use crate::Error;

pub use choose::{ZSTD, choose, fits, images, is_attestation, may_hold};
pub use pattern::PlatformPattern;
pub use preference::{matches, preference};

/// The platform that a user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRequest {
    pub os: String,
    pub architecture: String,
    pub variant: Option<String>,
    /// As in `10.0.20348`; an equal version is preferred, then one of the same build.
    pub os_version: Option<String>,
    pub by: ChosenBy,
}

/// How a platform was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ChosenBy {
    /// Nothing was said: the default applies, and the user may not know that there are more.
    #[default]
    Default,
    /// skopeo's `--override-…`: a preference among the images of an index. An image without an index is taken as it is.
    Override,
    /// `--platform`: an image for another platform is an error.
    Platform,
}

/// Why there is no platform.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlatformError {
    /// Not `os/architecture[/variant]`.
    #[error("`{0}` is not a platform: it has to be `os/architecture` or `os/architecture/variant`")]
    Format(String),
    /// The image is not one of several, and is for another platform.
    #[error("the image is for `{there}`, not for `{wanted}`")]
    Other { wanted: String, there: String },
    /// No image of the index fits.
    #[error("the index has no image for `{wanted}`; {}", listed(.available))]
    NoMatch {
        wanted: String,
        /// Whether the index is a manifest list of docker.
        is_list: bool,
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
            PlatformError::Other { there, .. } => Error::not_found(text).hint(format!(
                "it has no other platform: use `--platform {there}`, or no `--platform`"
            )),
            PlatformError::NoMatch { available, .. } => {
                let hint = available
                    .first()
                    .map(|first| format!("choose one that is there, as in `--platform {first}`"));
                let failure = Error::not_found(text);
                match hint {
                    Some(hint) => failure.hint(hint),
                    None => failure,
                }
            }
        }
        .because(error)
    }
}

impl Default for PlatformRequest {
    /// Linux on this machine's architecture.
    fn default() -> PlatformRequest {
        PlatformRequest {
            os: "linux".to_owned(),
            architecture: host_architecture().to_owned(),
            variant: None,
            os_version: None,
            by: ChosenBy::Default,
        }
    }
}

impl FromStr for PlatformRequest {
    type Err = PlatformError;

    /// Reads `os/architecture[/variant][:os.version]`; other names of an architecture are understood (`x86_64`,
    /// `aarch64`).
    fn from_str(whole: &str) -> Result<Self, PlatformError> {
        let (text, os_version) = match whole.split_once(':') {
            Some((text, version)) => (text, Some(version)),
            None => (whole, None),
        };
        let parts: Vec<&str> = text.split('/').collect();
        let word = |s: &&str| {
            !s.is_empty()
                && s.bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
        };
        let (os, architecture, variant) = match parts[..] {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant)),
            _ => return Err(PlatformError::Format(whole.to_owned())),
        };
        if !parts.iter().chain(&os_version).all(word) {
            return Err(PlatformError::Format(whole.to_owned()));
        }
        let (architecture, implied) = architecture_name(architecture);
        Ok(PlatformRequest {
            os: os_name(os),
            variant: variant.or(implied).map(|v| variant_name(&architecture, v)),
            architecture,
            os_version: os_version.map(str::to_owned),
            by: ChosenBy::default(),
        })
    }
}

impl fmt::Display for PlatformRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        if let Some(variant) = &self.variant {
            write!(f, "/{variant}")?;
        }
        match &self.os_version {
            Some(version) => write!(f, ":{version}"),
            None => Ok(()),
        }
    }
}

/// Checks that an image with the config `config` (or the newest image of a schema 1 or V1 chain) is for the platform
/// `wish`. What the config does not say fits; so does a config that cannot be read.
///
/// # Errors
/// [`PlatformError::Other`], only for [`ChosenBy::Platform`].
pub fn check_config(config: &[u8], wish: &PlatformRequest) -> Result<(), PlatformError> {
    let there = match wish.by {
        ChosenBy::Platform => ImageConfig::parse(config).ok().map(|c| c.platform()),
        ChosenBy::Default | ChosenBy::Override => None,
    };
    match there {
        Some(there) if !fits(&there, wish) => Err(PlatformError::Other {
            wanted: wish.to_string(),
            there: there.to_string(),
        }),
        _ => Ok(()),
    }
}

/// How well an image with the `os.version` `there` fits a wish for `wanted`: 0 for the same version, 1 for another
/// revision of the same build (the first three numbers, protocols 6.5), 2 when the image has none; `None` for another
/// build. Without a wish all are alike.
fn version_rank(wanted: Option<&str>, there: Option<&str>) -> Option<u8> {
    let build = |version: &str, len: usize| -> Vec<String> {
        version.split('.').take(len).map(str::to_owned).collect()
    };
    match (wanted, there.filter(|v| !v.is_empty())) {
        (None, _) => Some(0),
        (Some(_), None) => Some(2),
        (Some(wanted), Some(there)) if wanted == there => Some(0),
        (Some(wanted), Some(there)) => {
            let wanted = build(wanted, 3);
            (build(there, wanted.len()) == wanted).then_some(1)
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
    fn a_version_counts_up_to_its_build() {
        let rank = |wanted, there| version_rank(Some(wanted), Some(there));
        assert_eq!(rank("10.0.20348.2", "10.0.20348.2"), Some(0));
        assert_eq!(rank("10.0.20348", "10.0.20348.587"), Some(1));
        assert_eq!(rank("10.0.20348.2", "10.0.20348.587"), Some(1));
        assert_eq!(rank("10.0", "10.0.20348.587"), Some(1));
        assert_eq!(rank("10.0.20348", "10.0.2034"), None);
        assert_eq!(rank("10.0.20348", "10.0"), None);
        assert_eq!(rank("10.0.20348", ""), Some(2));
        assert_eq!(version_rank(None, Some("10.0.17763.1")), Some(0));
    }

    #[test]
    fn a_config_is_checked_only_for_a_platform_that_was_asked_for() {
        let check = |config: &str, wish: &str, by| {
            let wish = PlatformRequest {
                by,
                ..wish.parse().unwrap()
            };
            check_config(config.as_bytes(), &wish).map_err(|e| e.to_string())
        };
        let amd64 = r#"{"os":"linux","architecture":"amd64"}"#;
        assert_eq!(
            check(amd64, "linux/arm64", ChosenBy::Platform).unwrap_err(),
            "the image is for `linux/amd64`, not for `linux/arm64`"
        );
        assert_eq!(check(amd64, "linux/arm64", ChosenBy::Override), Ok(()));
        assert_eq!(check(amd64, "linux/x86_64", ChosenBy::Platform), Ok(()));
        for silent in ["{}", r#"{"os":"linux"}"#, "no JSON"] {
            assert_eq!(check(silent, "linux/arm64", ChosenBy::Platform), Ok(()));
        }
        let arm = r#"{"os":"linux","architecture":"arm"}"#;
        assert_eq!(check(arm, "linux/arm/v7", ChosenBy::Platform), Ok(()));
        let old = r#"{"os":"windows","architecture":"amd64","os.version":"10.0.17763.1"}"#;
        assert!(check(old, "windows/amd64:10.0.20348", ChosenBy::Platform).is_err());
    }

    #[test]
    fn platforms_are_read_in_full_only() {
        let read = |text: &str| text.parse::<PlatformRequest>().map(|p| p.to_string());
        assert_eq!(read("Linux/x86_64").unwrap(), "linux/amd64");
        assert_eq!(read("linux/armhf").unwrap(), "linux/arm/v7");
        assert_eq!(read("linux/arm/6").unwrap(), "linux/arm/v6");
        assert_eq!(read("macos/arm64/v8").unwrap(), "darwin/arm64/v8");
        assert_eq!(
            read("windows/amd64:10.0.20348").unwrap(),
            "windows/amd64:10.0.20348"
        );
        for wrong in [
            "",
            "linux",
            "amd64",
            "linux/",
            "/amd64",
            "linux/arm/v7/x",
            "linux/a b",
            "linux//v7",
            "windows/amd64:",
            "windows/amd64:10:1",
            "windows:10.0.20348",
        ] {
            assert_eq!(
                read(wrong),
                Err(PlatformError::Format(wrong.into())),
                "{wrong}"
            );
        }
    }
}

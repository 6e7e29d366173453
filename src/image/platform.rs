//! Platforms: reading and normalising their names, and choosing an entry of an index by them.
//!
//! Two rules live here side by side. [`choose`] picks the one image that a command works on and follows skopeo,
//! so that the same image comes out; it never falls back to another architecture. [`preference`] and
//! [`matches`] are containerd's wider rule, by which a machine can run an image (protocols: "Platforms").

use std::fmt;
use std::str::FromStr;

use super::{Descriptor, IndexView, MediaType, Platform};
use crate::{Error, Kind};

/// The annotation by which skopeo and podman mark images with zstd layers.
const ZSTD: &str = "io.github.containers.compression.zstd";
/// The annotation by which buildkit marks attestations among images.
const ATTESTATION: &str = "vnd.docker.reference.type";

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

fn listed(available: &[String]) -> String {
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

/// The entry of `index` that `wish` means, by skopeo's rule.
///
/// An exact variant comes first, then weaker ones, then none; entries that name no platform come last. At equal
/// rank an entry annotated as zstd wins, then the earlier one. Nested indexes, attestations and things that are
/// no manifest are never chosen.
pub fn choose<'a>(
    index: &'a IndexView,
    wish: &PlatformWish,
) -> Result<&'a Descriptor, PlatformError> {
    let images = || index.manifests.iter().filter(|d| is_image(d));
    let (architecture, implied) = architecture_name(&wish.architecture);
    let variant = wish.variant.as_deref().or(implied).unwrap_or_default();
    let variants = acceptable_variants(&architecture, &variant_name(&architecture, variant));
    let os = os_name(&wish.os);
    let rank = |entry: &Descriptor| match &entry.platform {
        None => Some(usize::MAX),
        Some(platform) => {
            let (entry_architecture, implied) = architecture_name(&platform.architecture);
            let variant = platform.variant.as_deref().filter(|v| !v.is_empty());
            let variant = variant_name(&architecture, variant.or(implied).unwrap_or_default());
            (os_name(&platform.os) == os && entry_architecture == architecture)
                .then(|| variants.iter().position(|v| *v == variant))
                .flatten()
        }
    };
    images()
        .filter_map(|entry| Some((rank(entry)?, entry.annotation(ZSTD) != Some("true"), entry)))
        .min_by_key(|(rank, not_zstd, _)| (*rank, *not_zstd))
        .map(|(_, _, entry)| entry)
        .ok_or_else(|| PlatformError::NoMatch {
            wanted: wish.clone(),
            available: images()
                .filter_map(|d| d.platform.as_ref().map(Platform::to_string))
                .collect(),
        })
}

/// Whether an entry of an index is an image that can be chosen.
fn is_image(entry: &Descriptor) -> bool {
    let unknown = entry
        .platform
        .as_ref()
        .is_some_and(|p| p.os == "unknown" || p.architecture == "unknown");
    let kind = &entry.media_type;
    (kind.is_image_manifest() || kind.is_schema1() || *kind == MediaType::OCI_ARTIFACT)
        && !unknown
        && entry.annotation(ATTESTATION).is_none()
}

/// The variants that do for `variant`, best first; empty stands for none.
fn acceptable_variants(architecture: &str, variant: &str) -> Vec<String> {
    let order: &[&str] = match architecture {
        "arm" => &["v8", "v7", "v6", "v5"],
        "arm64" => &["v8"],
        _ => &[],
    };
    let from = order.iter().position(|v| *v == variant);
    let mut variants: Vec<&str> = match (variant, from) {
        ("", _) => [&[""], order].concat(),
        (_, Some(from)) => order[from..].to_vec(),
        (unknown, None) => vec![unknown],
    };
    if !variant.is_empty() {
        variants.push("");
    }
    variants.into_iter().map(str::to_owned).collect()
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

/// The platforms whose images run on `platform`, best first: weaker variants, then the 32-bit architecture.
pub fn preference(platform: &Platform) -> Vec<Platform> {
    let wanted = normalize(platform);
    let variant = wanted.variant.as_deref().unwrap_or_default();
    let on = |architecture: &str, variant: String| Platform {
        architecture: architecture.to_owned(),
        variant: (!variant.is_empty()).then_some(variant),
        ..wanted.clone()
    };
    let arm = |from: u32| (5..=from).rev().map(move |n| on("arm", format!("v{n}")));
    let (major, minor) = variant_number(variant);
    match wanted.architecture.as_str() {
        "amd64" => {
            let mut all: Vec<Platform> = match major {
                Some(n @ 1..=9) => (1..=n)
                    .rev()
                    .map(|n| on("amd64", format!("v{n}")))
                    .collect(),
                _ => vec![wanted.clone()],
            };
            all.push(on("386", String::new()));
            all
        }
        "arm" => match major {
            Some(n) if (5..=8).contains(&n) => arm(n).collect(),
            _ => vec![wanted.clone()],
        },
        "arm64" => {
            let down = |major: u32, minor: u32| {
                (0..=minor).rev().map(move |m| match m {
                    0 => on("arm64", format!("v{major}")),
                    m => on("arm64", format!("v{major}.{m}")),
                })
            };
            let minor = minor.min(9);
            match major {
                None | Some(8) => down(8, minor).chain(arm(8)).collect(),
                Some(9) => down(9, minor)
                    .chain(down(8, (minor + 5).min(9)))
                    .chain(arm(8))
                    .collect(),
                Some(_) => vec![wanted.clone()],
            }
        }
        _ => vec![wanted.clone()],
    }
}

/// Whether an image for `candidate` runs on `platform`.
pub fn matches(platform: &Platform, candidate: &Platform) -> bool {
    let key = |p: &Platform| {
        let p = normalize(p);
        (p.os, p.architecture, p.variant)
    };
    let candidate = key(candidate);
    preference(platform).iter().any(|p| key(p) == candidate)
}

/// `v8.1` as (8, 1); no major number where it is not of that form.
fn variant_number(variant: &str) -> (Option<u32>, u32) {
    let number = variant.strip_prefix('v').unwrap_or_default();
    let (major, minor) = number.split_once('.').unwrap_or((number, "0"));
    match (major.parse(), minor.parse()) {
        (Ok(major), Ok(minor)) => (Some(major), minor),
        _ => (None, 0),
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
    use crate::image::{Algorithm, Digest};

    /// An index of images named by their place; `-` for no platform.
    fn index(platforms: &[&str]) -> IndexView {
        let entry = |(at, text): (usize, &&str)| {
            let digest = Digest::of(Algorithm::Sha256, b"");
            let mut entry = Descriptor::new(MediaType::OCI_MANIFEST, digest, at as u64);
            let text = text.strip_suffix("+zstd").map_or(*text, |text| {
                entry.annotations = Some([(ZSTD.to_owned(), "true".to_owned())].into());
                text
            });
            if text != "-" {
                let mut parts = text.split('/').map(str::to_owned);
                entry.platform = Some(Platform {
                    os: parts.next().unwrap(),
                    architecture: parts.next().unwrap(),
                    variant: parts.next(),
                    ..Platform::default()
                });
            }
            entry
        };
        IndexView {
            manifests: platforms.iter().enumerate().map(entry).collect(),
            subject: None,
            artifact_type: None,
        }
    }

    fn chosen(platforms: &[&str], wish: &str) -> Option<u64> {
        let wish = wish.parse().unwrap();
        choose(&index(platforms), &wish).ok().map(|d| d.size)
    }

    #[test]
    fn variants_are_chosen_from_exact_to_weaker_to_none() {
        let arm = ["linux/arm", "linux/arm/v6", "linux/arm/v7", "linux/arm/v8"];
        assert_eq!(chosen(&arm, "linux/arm/v7"), Some(2));
        assert_eq!(chosen(&arm[..2], "linux/arm/v7"), Some(1));
        assert_eq!(chosen(&arm[..1], "linux/arm/v7"), Some(0));
        assert_eq!(chosen(&arm[2..], "linux/arm/v6"), None);
        assert_eq!(chosen(&arm, "linux/arm"), Some(0));
        assert_eq!(chosen(&arm[1..], "linux/arm"), Some(2));
        assert_eq!(chosen(&["linux/arm64/v8"], "linux/aarch64"), Some(0));
        assert_eq!(chosen(&["linux/arm64"], "linux/arm64/8"), Some(0));
        assert_eq!(
            chosen(&["linux/386", "linux/amd64/v2"], "linux/amd64"),
            None
        );
    }

    #[test]
    fn zstd_wins_at_equal_rank_and_no_platform_comes_last() {
        assert_eq!(
            chosen(&["linux/amd64", "linux/amd64+zstd"], "linux/amd64"),
            Some(1)
        );
        assert_eq!(
            chosen(&["linux/arm", "linux/arm/v8+zstd"], "linux/arm"),
            Some(0)
        );
        assert_eq!(chosen(&["-", "linux/amd64"], "linux/amd64"), Some(1));
        assert_eq!(chosen(&["-", "-+zstd"], "linux/amd64"), Some(1));
        assert_eq!(chosen(&["linux/arm64", "-"], "linux/amd64"), Some(1));
    }

    #[test]
    fn attestations_and_nested_indexes_are_no_images() {
        let mut nested = index(&["linux/amd64", "linux/amd64", "-"]);
        nested.manifests[0].media_type = MediaType::new(MediaType::OCI_INDEX);
        nested.manifests[1].annotations = Some([(ATTESTATION.into(), "x".into())].into());
        nested.manifests[2].media_type = MediaType::new("application/octet-stream");
        assert!(choose(&nested, &PlatformWish::default()).is_err());
        assert_eq!(chosen(&["unknown/unknown"], "unknown/unknown"), None);
    }

    #[test]
    fn an_error_lists_what_is_there() {
        let wish = "linux/riscv64".parse().unwrap();
        let error = choose(
            &index(&["linux/amd64", "linux/arm/v7", "unknown/unknown"]),
            &wish,
        )
        .unwrap_err();
        assert_eq!(
            error.to_string(),
            "the index has no image for `linux/riscv64`; it has linux/amd64, linux/arm/v7"
        );
        let error = Error::from(error);
        assert_eq!(error.kind(), Kind::NotFound);
        assert_eq!(
            error.advice(),
            Some("choose one that is there, as in `--platform linux/amd64`")
        );
    }

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

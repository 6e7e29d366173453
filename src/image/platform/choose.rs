//! The choice of one entry of an index, by skopeo's rule.

use super::{
    PlatformError, PlatformRequest, architecture_name, os_name, variant_name, version_rank,
};
use crate::image::{Descriptor, IndexView, MediaType, Platform};

/// The annotation by which skopeo and podman mark images with zstd layers.
pub const ZSTD: &str = "io.github.containers.compression.zstd";
/// The annotation by which buildkit marks attestations among images.
const ATTESTATION: &str = "vnd.docker.reference.type";

/// The entry of `index` that `wish` means, by skopeo's rule.
///
/// An exact variant comes first, then weaker ones, then none; entries that name no platform come last. Of one variant
/// the same `os.version` comes first, then another revision of its build, then none (protocols 6.5). At equal rank an entry annotated as zstd wins, then the earlier one. Nested indexes, attestations and things that are
/// no manifest are never chosen.
///
/// # Errors
/// [`PlatformError::NoMatch`] lists the platforms that are there.
pub fn choose<'a>(
    index: &'a IndexView,
    wish: &PlatformRequest,
) -> Result<&'a Descriptor, PlatformError> {
    let rank = ranks(wish);
    images(index)
        .filter_map(|entry| Some((rank(entry)?, entry.annotation(ZSTD) != Some("true"), entry)))
        .min_by_key(|(rank, not_zstd, _)| (*rank, *not_zstd))
        .map(|(_, _, entry)| entry)
        .ok_or_else(|| PlatformError::NoMatch {
            wanted: wish.to_string(),
            is_list: false,
            available: images(index)
                .filter_map(|d| d.platform.as_ref().map(Platform::to_string))
                .collect(),
        })
}

/// Whether an image for `wish` may be in the nested index `entry`: where that names a platform, it has to fit.
pub fn may_hold(entry: &Descriptor, wish: &PlatformRequest) -> bool {
    ranks(wish)(entry).is_some() && entry.annotation(ATTESTATION).is_none()
}

/// Whether an entry of an index is an attestation that buildkit put among the images.
pub fn is_attestation(entry: &Descriptor) -> bool {
    entry.annotation(ATTESTATION).is_some()
}

/// The entries of `index` that are images, and so can be chosen.
pub fn images(index: &IndexView) -> impl Iterator<Item = &Descriptor> {
    index.manifests.iter().filter(|d| is_image(d))
}

/// Whether an image for `platform` is one for `wish`; what `platform` leaves empty fits.
pub fn fits(platform: &Platform, wish: &PlatformRequest) -> bool {
    let or = |given: &str, wished: &str| match given {
        "" => wished.to_owned(),
        given => given.to_owned(),
    };
    let known = Platform {
        os: or(&platform.os, &wish.os),
        architecture: or(&platform.architecture, &wish.architecture),
        ..platform.clone()
    };
    rank_of(wish)(&known).is_some()
}

/// How well an entry fits: by variant, then by `os.version`; the lower the better.
type Rank = (usize, u8);

/// How well an entry fits `wish`, `None` where it does not. One that names no platform comes last.
fn ranks(wish: &PlatformRequest) -> impl Fn(&Descriptor) -> Option<Rank> {
    let rank = rank_of(wish);
    move |entry| match &entry.platform {
        None => Some((usize::MAX, u8::MAX)),
        Some(platform) => rank(platform),
    }
}

fn rank_of(wish: &PlatformRequest) -> impl Fn(&Platform) -> Option<Rank> {
    let (architecture, implied) = architecture_name(&wish.architecture);
    let variant = wish.variant.as_deref().or(implied).unwrap_or_default();
    let variants = acceptable_variants(&architecture, &variant_name(&architecture, variant));
    let os = os_name(&wish.os);
    let version = wish.os_version.clone();
    move |platform| {
        let (there, implied) = architecture_name(&platform.architecture);
        if os_name(&platform.os) != os || there != architecture {
            return None;
        }
        let variant = platform.variant.as_deref().filter(|v| !v.is_empty());
        let variant = variant_name(&architecture, variant.or(implied).unwrap_or_default());
        let by_variant = variants.iter().position(|v| *v == variant)?;
        let by_version = version_rank(version.as_deref(), platform.os_version.as_deref())?;
        Some((by_variant, by_version))
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::{Algorithm, Digest};
    use crate::{Error, Kind};

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
                let (text, version) = match text.split_once(':') {
                    Some((text, version)) => (text, Some(version.to_owned())),
                    None => (text, None),
                };
                let mut parts = text.split('/').map(str::to_owned);
                entry.platform = Some(Platform {
                    os: parts.next().unwrap(),
                    architecture: parts.next().unwrap(),
                    variant: parts.next(),
                    os_version: version,
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
    fn windows_is_chosen_by_its_build() {
        let all = [
            "windows/amd64:10.0.17763.1",
            "windows/amd64:10.0.20348.1",
            "windows/amd64:10.0.20348.2",
            "linux/amd64",
        ];
        assert_eq!(chosen(&all, "windows/amd64"), Some(0));
        assert_eq!(chosen(&all, "windows/amd64:10.0.20348"), Some(1));
        assert_eq!(chosen(&all, "windows/amd64:10.0.20348.2"), Some(2));
        assert_eq!(chosen(&all, "windows/amd64:10.0.20348.9"), Some(1));
        assert_eq!(chosen(&all, "windows/amd64:10.0.26100"), None);
        // Without a version in the index nothing contradicts.
        let none = ["windows/amd64", "windows/amd64:10.0.17763.1"];
        assert_eq!(chosen(&none, "windows/amd64:10.0.20348"), Some(0));
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
        assert!(choose(&nested, &PlatformRequest::default()).is_err());
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
}

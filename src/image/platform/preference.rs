//! The platforms that a machine can run besides its own, by containerd's rule.

use super::normalize;
use crate::image::Platform;

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

#[cfg(test)]
mod tests {
    use super::*;

    fn arm64(variant: &str) -> Platform {
        Platform {
            os: "linux".to_owned(),
            architecture: "arm64".to_owned(),
            variant: Some(variant.to_owned()),
            ..Platform::default()
        }
    }

    #[test]
    fn an_absurd_version_makes_no_long_list() {
        for (variant, length) in [("v9.4294967295", 24), ("v4294967295", 1), ("vx", 14)] {
            assert!(preference(&arm64(variant)).len() <= length, "{variant}");
        }
        let amd64 = Platform {
            architecture: "amd64".to_owned(),
            ..arm64("v4294967295")
        };
        assert_eq!(preference(&amd64).len(), 2);
    }

    #[test]
    fn a_64_bit_arm_machine_runs_32_bit_images() {
        let arm = Platform {
            architecture: "arm".to_owned(),
            ..arm64("v7")
        };
        assert!(matches(&arm64("v8"), &arm));
        assert!(!matches(&arm, &arm64("v8")));
    }
}

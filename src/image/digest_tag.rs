//! Tags that are made of a digest: the referrers tag of OCI's distribution specification ("Referrers Tag Schema"), and those at
//! which cosign keeps what belongs to an image.

use super::{Algorithm, Digest, ReferenceError, Tag};

/// Hexadecimal digits of a digest that such a tag has at most.
const DIGITS: usize = 64;

/// The suffixes of cosign's tags: signatures, attestations and SBOMs.
pub const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// The tag at which the referrers of `subject` are listed.
///
/// # Errors
/// When the digest's algorithm is too long for a tag, which none of the known ones is.
pub fn referrers_tag(subject: &Digest) -> Result<Tag, ReferenceError> {
    base(subject).parse()
}

/// The tag of cosign with this one of [`COSIGN_SUFFIXES`].
///
/// # Errors
/// As for [`referrers_tag`].
pub fn cosign_tag(of: &Digest, suffix: &str) -> Result<Tag, ReferenceError> {
    format!("{}.{suffix}", base(of)).parse()
}

fn base(digest: &Digest) -> String {
    let hex = &digest.hex()[..DIGITS.min(digest.hex().len())];
    format!("{}-{hex}", digest.algorithm())
}

/// Whether `tag` is one at which clients list referrers.
pub fn is_referrers_tag(tag: &str) -> bool {
    tag.split_once('-').is_some_and(|(algorithm, hex)| {
        algorithm.parse::<Algorithm>().is_ok()
            && hex.len() == DIGITS
            && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

/// Whether `tag` is made of a digest: a referrers tag, or one of cosign's.
pub fn is_digest_tag(tag: &str) -> bool {
    match tag.split_once('.') {
        Some((base, suffix)) => COSIGN_SUFFIXES.contains(&suffix) && is_referrers_tag(base),
        None => is_referrers_tag(tag),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_is_cut_to_what_a_tag_holds() {
        let short = Digest::of(Algorithm::Sha256, b"");
        let long = Digest::of(Algorithm::Sha512, b"");
        let of = |digest: &Digest| referrers_tag(digest).unwrap().to_string();
        assert_eq!(of(&short), format!("sha256-{}", short.hex()));
        assert_eq!(of(&long), format!("sha512-{}", &long.hex()[..64]));
        assert!(is_referrers_tag(&of(&short)) && is_referrers_tag(&of(&long)));
        for other in [
            format!("{}.sig", of(&short)),
            "sha256-1".to_owned(),
            format!("v1-{}", short.hex()),
        ] {
            assert!(!is_referrers_tag(&other), "{other}");
        }
    }

    #[test]
    fn cosign_puts_a_suffix_behind_it() {
        let digest = Digest::of(Algorithm::Sha256, b"");
        let sig = cosign_tag(&digest, "sig").unwrap().to_string();
        assert_eq!(sig, format!("sha256-{}.sig", digest.hex()));
        assert!(is_digest_tag(&sig) && is_digest_tag(&sig.replace(".sig", "")));
        for other in ["latest", "sha256-1.sig", &sig.replace(".sig", ".txt")] {
            assert!(!is_digest_tag(other), "{other}");
        }
    }
}

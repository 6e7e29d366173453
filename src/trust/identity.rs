//! Whether a signature that was made for one name is accepted for an image of another (`signedIdentity`).

use crate::image::{DaemonImage, ImageName, Reference};
use crate::settings::policy::Identity;

/// The name of `image` in a registry. The other places have none, so rules that compare with it refuse.
pub(super) fn docker_reference(image: &ImageName) -> Option<Reference> {
    match image {
        ImageName::Docker(reference) => Some(reference.clone()),
        ImageName::DockerDaemon(DaemonImage::Named(reference)) => Some(reference.clone()),
        ImageName::DockerV1(old) => format!("{}/{}:{}", old.registry, old.repository, old.tag)
            .parse()
            .ok(),
        _ => None,
    }
}

impl Identity {
    /// Whether a signature made for `signed` is accepted for `image`; a refusal says why.
    pub(super) fn accepts(&self, image: &ImageName, signed: &str) -> Result<(), String> {
        let refused = || format!("it is signed as `{signed}`, which the rule does not accept");
        let Ok(found) = signed.parse::<Reference>() else {
            return Err(format!(
                "it is signed as `{signed}`, which is no image name"
            ));
        };
        let accepted = match self {
            Identity::ExactReference(wanted) => has_tag_or_digest(&found) && found == *wanted,
            Identity::ExactRepository(wanted) => found.repository == *wanted,
            other => match docker_reference(image) {
                Some(asked) => other.accepts_for(asked, &found).map_err(|e| {
                    format!("it is signed as `{signed}`, and the rule cannot compare: {e}")
                })?,
                None => {
                    return Err(format!(
                        "{}, because an image outside of registries has no name to compare with",
                        refused()
                    ));
                }
            },
        };
        match accepted {
            true => Ok(()),
            false => Err(refused()),
        }
    }

    /// The rules that compare with the name `asked` for.
    fn accepts_for(&self, asked: Reference, found: &Reference) -> Result<bool, String> {
        Ok(match self {
            Identity::Exact => has_tag_or_digest(found) && *found == asked,
            Identity::RepoDigestOrExact => digest_or_exact(&asked, found),
            Identity::Repository => found.repository == asked.repository,
            Identity::Remap {
                prefix,
                signed_prefix,
            } => digest_or_exact(&remapped(asked, prefix, signed_prefix)?, found),
            Identity::ExactReference(_) | Identity::ExactRepository(_) | Identity::Digest => false,
        })
    }
}

fn has_tag_or_digest(reference: &Reference) -> bool {
    reference.tag.is_some() || reference.digest.is_some()
}

/// By tag, the same name; by digest, which says itself what the image is, the same repository.
fn digest_or_exact(asked: &Reference, found: &Reference) -> bool {
    has_tag_or_digest(found)
        && match asked.digest {
            Some(_) => found.repository == asked.repository,
            None => found == asked,
        }
}

/// `asked` with `prefix` at its beginning replaced once, where it begins with all of its components.
fn remapped(asked: Reference, prefix: &str, signed_prefix: &str) -> Result<Reference, String> {
    let name = asked.repository.to_string();
    let rest = match name.strip_prefix(prefix) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest,
        _ => return Ok(asked),
    };
    let text = format!("{signed_prefix}{rest}");
    let renamed: Reference = text
        .parse()
        .map_err(|e| format!("`{text}` is not a valid image name: {e}"))?;
    // Nothing may be added to it: a host alone would become a repository of Docker Hub.
    if renamed.to_string() != text {
        return Err(format!("`{text}` is no full name of a repository"));
    }
    Ok(Reference {
        repository: renamed.repository,
        ..asked
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepts(identity: &Identity, image: &str, signed: &str) -> bool {
        let image = ImageName::parse(image).unwrap();
        identity.accepts(&image, signed).is_ok()
    }

    const DIGEST: &str = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    #[test]
    fn names_are_compared_in_full() {
        use Identity::*;
        for (identity, image, signed, accepted) in [
            (
                Exact,
                "docker://busybox:1",
                "docker.io/library/busybox:1",
                true,
            ),
            (Exact, "docker://busybox:1", "busybox", false),
            (Exact, "docker://busybox:1", "busybox:2", false),
            (RepoDigestOrExact, "docker://a.io/b:1", "a.io/b:1", true),
            (RepoDigestOrExact, "docker://a.io/b:1", "a.io/b:2", false),
            (Repository, "docker://a.io/b:1", "a.io/b:2", true),
            (Repository, "docker://a.io/b:1", "a.io/b", true),
            (Repository, "docker://a.io/b:1", "a.io/b/c", false),
            (Repository, "docker://a.io/b:1", "a.io/B", false),
            (Repository, "dir:/x", "a.io/b", false),
        ] {
            assert_eq!(
                accepts(&identity, image, signed),
                accepted,
                "{identity:?} {image} {signed}"
            );
        }
        let by_digest = format!("docker://a.io/b@{DIGEST}");
        assert!(accepts(&RepoDigestOrExact, &by_digest, "a.io/b:7"));
        assert!(!accepts(&RepoDigestOrExact, &by_digest, "a.io/b"));
        assert!(!accepts(&RepoDigestOrExact, &by_digest, "a.io/c:7"));
        assert!(!accepts(&Exact, &by_digest, "a.io/b:7"));
        let tagged = Identity::ExactReference("a.io/b:1".parse().unwrap());
        assert!(accepts(&tagged, "dir:/x", "a.io/b:1"));
        assert!(!accepts(&tagged, "dir:/x", "a.io/b"));
    }

    #[test]
    fn a_prefix_is_replaced_once_and_by_whole_components() {
        let remap = |prefix: &str, signed_prefix: &str| Identity::Remap {
            prefix: prefix.to_owned(),
            signed_prefix: signed_prefix.to_owned(),
        };
        let mirror = remap("mirror.io/hub", "a.io");
        assert!(accepts(&mirror, "docker://mirror.io/hub/b:1", "a.io/b:1"));
        assert!(!accepts(&mirror, "docker://mirror.io/hub/b:1", "a.io/b:2"));
        assert!(!accepts(
            &mirror,
            "docker://mirror.io/hubs/b:1",
            "a.io/s/b:1"
        ));
        assert!(accepts(
            &mirror,
            "docker://mirror.io/other/b:1",
            "mirror.io/other/b:1"
        ));
        // A host alone is no name.
        assert!(!accepts(&mirror, "docker://mirror.io/hub:1", "a.io:1"));
        let whole = remap("mirror.io/hub/b", "a.io/x/c");
        assert!(accepts(&whole, "docker://mirror.io/hub/b:1", "a.io/x/c:1"));
    }
}

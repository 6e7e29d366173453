//! Names with a digest: what a copy prints, and how it is read again.
//!
//! In a registry the digest is a part of the name. At other places it follows the name, `dir:DIR@sha256:HEX`; since a path or a
//! REF may end like that too, such a name is first taken as it stands, and only then as a name and a digest.

use std::path::Path;

use super::{DaemonImage, ImageName};
use crate::image::{Digest, Reference};

impl ImageName {
    /// The name with the digest that its image has, as [`ImageName::parse`] reads it. Names of V1 registries and
    /// of `tarball:` stay as they are, since nothing has a digest there.
    pub fn pinned(&self, digest: &Digest) -> String {
        match self {
            ImageName::Docker(reference) => {
                let digest = Some(digest.clone());
                let reference = reference.clone();
                format!(
                    "docker://{}",
                    Reference {
                        digest,
                        ..reference
                    }
                )
            }
            ImageName::DockerV1(_) | ImageName::Tarball(_) => self.to_string(),
            name => format!("{name}@{digest}"),
        }
    }

    /// The name and the digest of which this one was made by [`ImageName::pinned`], for images that are not in a
    /// registry; `None` where it does not end with a digest.
    pub fn unpinned(&self) -> Option<(ImageName, Digest)> {
        match self {
            ImageName::Docker(_)
            | ImageName::DockerV1(_)
            | ImageName::ContainersStorage(_)
            | ImageName::Tarball(_) => return None,
            // `NAME@DIGEST` without a tag is a name that engines know.
            ImageName::DockerDaemon(DaemonImage::Named(name)) if name.tag.is_none() => return None,
            _ => {}
        }
        let text = self.to_string();
        let (name, digest) = text.rsplit_once('@')?;
        Some((ImageName::parse(name).ok()?, digest.parse().ok()?))
    }
}

/// Whether `FILE@ALGORITHM` and `hex` are the two halves of a file's name with a digest.
pub(super) fn is_digest_of(path: &Path, hex: &str) -> bool {
    let algorithm = path.to_str().and_then(|path| path.rsplit_once('@'));
    algorithm.is_some_and(|(_, algorithm)| format!("{algorithm}:{hex}").parse::<Digest>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Algorithm;
    use proptest::prelude::*;

    /// Names of every transport, as users type them.
    fn names() -> impl Strategy<Value = String> {
        let path = "[a-z./_ @-]{0,12}[a-z]";
        let tag = "(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,8})?";
        let part = "[a-z0-9]{1,5}([._-][a-z0-9]{1,3})?";
        let image = format!("((localhost|r\\.io:[0-9]{{1,4}})/)?{part}(/{part})?{tag}");
        let reference = format!("(:({image}|[A-Za-z0-9]{{1,6}}|@[0-9]))?");
        let forms = [
            format!("docker://{image}(@sha256:[0-9a-f]{{64}}|@sha512:[0-9a-f]{{128}})?"),
            format!("docker-v1://r\\.io/[a-z]{{4}}/[A-Za-z]{{2,5}}{tag}"),
            format!("oci:{path}{reference}"),
            format!("oci-archive:{path}{reference}"),
            format!("docker-archive:{path}(:({image}|@[0-9]))?"),
            format!("docker-daemon:{image}"),
            format!("dir:{path}(:[a-z]{{1,4}})?"),
        ];
        let all = forms.map(|form| format!("({form})")).join("|");
        proptest::string::string_regex(&all).unwrap()
    }

    proptest! {
        #[test]
        fn what_a_copy_prints_reads_back(text in names(), sha512 in any::<bool>(), content in any::<u64>()) {
            let algorithm = if sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = Digest::of(algorithm, &content.to_le_bytes());
            let Ok(name) = ImageName::parse(&text) else { return Ok(()) };
            prop_assert_eq!(&ImageName::parse(&name.to_string()).unwrap(), &name);
            if text.contains(":@") {
                return Ok(()); // A place in an index is for reading only.
            }
            let printed = ImageName::parse(&name.pinned(&digest)).unwrap();
            match (name, printed) {
                (ImageName::Docker(of), ImageName::Docker(printed)) => {
                    prop_assert_eq!(&printed.repository, &of.repository);
                    prop_assert_eq!(&printed.tag, &of.tag);
                    prop_assert_eq!(printed.digest, Some(digest));
                }
                (ImageName::DockerV1(of), ImageName::DockerV1(printed)) => prop_assert_eq!(of, printed),
                (name, printed) => prop_assert_eq!(printed.unpinned(), Some((name, digest))),
            }
        }
    }

    #[test]
    fn a_name_without_a_digest_is_only_itself() {
        for text in [
            "oci:d",
            "oci:d:a@b",
            "dir:a@b",
            "docker-daemon:a:1",
            "docker-archive:a.tar:b:1",
        ] {
            assert_eq!(ImageName::parse(text).unwrap().unpinned(), None, "{text}");
        }
        let by_digest = format!("docker-daemon:a@sha256:{}", "a".repeat(64));
        assert_eq!(ImageName::parse(&by_digest).unwrap().unpinned(), None);
    }
}

//! `Pick`: which image of a repository is meant.

use crate::image::{Digest, Reference, Repository, Tag};

/// An image of a repository, by name or by digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pick {
    /// By its tag.
    Tag(Tag),
    /// By the digest of its manifest.
    Digest(Digest),
    /// By its digest, whatever its tag stands for now; it has this tag at its targets.
    Pinned(Tag, Digest),
}

impl Pick {
    /// The image of its repository that `reference` is; `latest` if it does not say.
    pub fn of_reference(reference: &Reference) -> Pick {
        match (&reference.tag, &reference.digest) {
            (Some(tag), Some(digest)) => Pick::Pinned(tag.clone(), digest.clone()),
            (None, Some(digest)) => Pick::Digest(digest.clone()),
            (Some(tag), None) => Pick::Tag(tag.clone()),
            (None, None) => Pick::Tag(Tag::latest()),
        }
    }

    /// The image of `repository` that this is.
    pub fn of(&self, repository: &Repository) -> Reference {
        let (tag, digest) = match self {
            Pick::Tag(tag) => (Some(tag.clone()), None),
            Pick::Digest(digest) => (None, Some(digest.clone())),
            Pick::Pinned(tag, digest) => (Some(tag.clone()), Some(digest.clone())),
        };
        Reference {
            repository: repository.clone(),
            tag,
            digest,
        }
    }

    /// The name that the image of this name has in `repository` as a target.
    pub(super) fn kept_in(&self, repository: &Repository) -> Reference {
        match self {
            Pick::Pinned(tag, _) => Pick::Tag(tag.clone()).of(repository),
            _ => self.of(repository),
        }
    }
}

//! `Pick`: which image of a repository is meant.

use crate::image::{Digest, Reference, Repository, Tag};

/// An image of a repository, by name or by digest.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pick {
    /// By its tag.
    Tag(Tag),
    /// By the digest of its manifest.
    Digest(Digest),
}

impl Pick {
    /// The image of its repository that `reference` is; `latest` if it does not say.
    pub fn of_reference(reference: &Reference) -> Pick {
        match (&reference.tag, &reference.digest) {
            (_, Some(digest)) => Pick::Digest(digest.clone()),
            (Some(tag), None) => Pick::Tag(tag.clone()),
            (None, None) => Pick::Tag(Tag::latest()),
        }
    }

    /// The image of `repository` that this is.
    pub fn of(&self, repository: &Repository) -> Reference {
        let (tag, digest) = match self {
            Pick::Tag(tag) => (Some(tag.clone()), None),
            Pick::Digest(digest) => (None, Some(digest.clone())),
        };
        Reference {
            repository: repository.clone(),
            tag,
            digest,
        }
    }
}

//! Indexes within an index: read level by level, each once, and only for as long as what is wanted was not found.

use std::collections::{HashSet, VecDeque};

use crate::image::platform::{PlatformError, choose, may_hold};
use crate::image::{Descriptor, Digest, IndexView, Manifest, MediaType, PlatformRequest, View};
use crate::transport::{ManifestRef, Source};
use crate::{Error, Result};

/// Nested indexes deeper than this are taken for an attack.
pub(crate) const MAX_DEPTH: usize = 8;
/// Manifests below an index that are read at most, because they are said to be indexes.
const MAX_INDEXES: usize = 64;

/// An index that was read.
pub(crate) struct Level {
    pub(crate) manifest: Manifest,
    pub(crate) view: IndexView,
    /// How many indexes are around it.
    pub(crate) depth: usize,
}

/// The indexes of an image, the outermost first.
pub(crate) struct Nested<'a, F> {
    source: &'a dyn Source,
    /// Whether a nested index is to be read at all.
    enters: F,
    pub(crate) read: Vec<Level>,
    /// Those that were not read yet, with their depth.
    ahead: VecDeque<(Descriptor, usize)>,
    seen: HashSet<Digest>,
    fetched: usize,
}

impl<'a, F: Fn(&Descriptor) -> bool> Nested<'a, F> {
    /// Begins with `top`, whose content is `view`.
    pub(crate) fn new(
        source: &'a dyn Source,
        top: &Manifest,
        view: IndexView,
        enters: F,
    ) -> Nested<'a, F> {
        let mut nested = Nested {
            source,
            enters,
            read: Vec::new(),
            ahead: VecDeque::new(),
            seen: [top.digest().clone()].into(),
            fetched: 0,
        };
        nested.push(top.clone(), view, 0);
        nested
    }

    /// Whether there is an index at this place of `read`, where it is from now on.
    pub(crate) async fn reach(&mut self, at: usize) -> Result<bool> {
        while self.read.len() <= at {
            let Some((entry, depth)) = self.ahead.pop_front() else {
                return Ok(false);
            };
            let bound = match self.fetched >= MAX_INDEXES {
                true => Some(format!("the index holds more than {MAX_INDEXES} others")),
                false if depth > MAX_DEPTH => {
                    Some(format!("indexes are nested more than {MAX_DEPTH} deep"))
                }
                false => None,
            };
            if let Some(text) = bound {
                return Err(Error::corrupt(text));
            }
            self.fetched += 1;
            let manifest = fetch(self.source, &entry).await?;
            if let View::Index(view) = manifest.view()? {
                self.push(manifest, view, depth);
            }
        }
        Ok(true)
    }

    fn push(&mut self, manifest: Manifest, view: IndexView, depth: usize) {
        for entry in &view.manifests {
            let index = entry.media_type.is_index() && (self.enters)(entry);
            if index && self.seen.insert(entry.digest.clone()) {
                self.ahead.push_back((entry.clone(), depth + 1));
            }
        }
        self.read.push(Level {
            manifest,
            view,
            depth,
        });
    }
}

/// The entry that `wish` means in the index `top`, whose content is `view`, or else in the indexes within it.
pub(crate) async fn choose_below(
    source: &dyn Source,
    top: &Manifest,
    view: IndexView,
    wish: &PlatformRequest,
) -> Result<Descriptor> {
    let mut nested = Nested::new(source, top, view, |entry| may_hold(entry, wish));
    let mut there: Vec<String> = Vec::new();
    let mut at = 0;
    while nested.reach(at).await? {
        match choose(&nested.read[at].view, wish) {
            Ok(entry) => return Ok(entry.clone()),
            Err(PlatformError::NoMatch { available, .. }) => {
                let new: Vec<_> = available
                    .into_iter()
                    .filter(|p| !there.contains(p))
                    .collect();
                there.extend(new);
            }
            Err(e) => return Err(e.into()),
        }
        at += 1;
    }
    Err(PlatformError::NoMatch {
        wanted: wish.to_string(),
        is_list: *top.media_type() == MediaType::DOCKER_LIST,
        available: there,
    }
    .into())
}

/// The manifest that `entry` of an index points at.
pub(crate) async fn fetch(source: &dyn Source, entry: &Descriptor) -> Result<Manifest> {
    let manifest = source
        .manifest(&ManifestRef::Digest(entry.digest.clone()))
        .await?;
    let size = manifest.raw().len() as u64;
    if size != entry.size {
        let text = format!(
            "the index gives `{}` {} bytes, but it has {size}",
            entry.digest, entry.size
        );
        return Err(Error::corrupt(text));
    }
    Ok(manifest)
}

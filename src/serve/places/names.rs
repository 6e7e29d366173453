//! What the images at a place are called: there, by the user, or after their file.

use std::path::Path;

use crate::image::{ImageName, Reference, RepositoryName, Selector, Tag};
use crate::open::{all_tags, open_tags};
use crate::settings::Context;
use crate::{Error, Result};

/// Images in one archive at most.
const MOST: usize = 100_000;

/// What a handle says of the name of an image.
pub(super) enum Name {
    Full(String, Tag),
    Tag(Tag),
    None,
}

/// The name in `handle`, by which a place knows an image.
pub(super) fn name_of(handle: &str) -> Name {
    if let Ok(tag) = handle.parse() {
        return Name::Tag(tag);
    }
    let reference: Result<Reference, _> = handle.parse();
    let Ok(Reference {
        repository,
        tag,
        digest: None,
    }) = reference
    else {
        return Name::None;
    };
    let tag = tag.unwrap_or_else(Tag::latest);
    let path = repository.name.as_str();
    // As the archive has it: without the registry when that is Docker Hub. A registry with a port cannot be part of a name.
    let named = match repository.registry.is_docker_hub() {
        true => match path.strip_prefix("library/") {
            Some(short) if !short.contains('/') => short.to_owned(),
            _ => path.to_owned(),
        },
        false => {
            let full = format!("{}/{path}", repository.registry);
            match full.parse::<RepositoryName>() {
                Ok(_) => full,
                Err(_) => path.to_owned(),
            }
        }
    };
    Name::Full(named, tag)
}

/// `NAME[:TAG]` as the user gave it.
pub(super) fn given_name(text: &str) -> Result<(String, Option<Tag>)> {
    let (name, tag) = match text.rsplit_once(':') {
        Some((name, tag)) => (name, Some(tag)),
        None => (text, None),
    };
    let wrong = |e| Error::other(format!("`{text}` is not the name of a repository")).because(e);
    let name: RepositoryName = name.parse().map_err(wrong)?;
    let tag = tag.map(str::parse).transpose().map_err(wrong)?;
    Ok((name.to_string(), tag))
}

/// The name of the file or directory of `place` as one of a repository.
pub(super) fn file_name(place: &ImageName) -> Result<String> {
    let path = place.path().map(Path::canonicalize).and_then(Result::ok);
    let name = path
        .as_deref()
        .and_then(Path::file_stem)
        .unwrap_or_default();
    let name = name.to_string_lossy().to_lowercase();
    name.parse::<RepositoryName>()
        .map(|n| n.to_string())
        .map_err(|_| {
            Error::other(format!("`{place}` does not say which repository it is"))
                .hint("name it with `--as NAME`")
        })
}

/// The images at a place: what each is called there, and the name that picks it.
pub(super) async fn images_of(
    place: &ImageName,
    context: &Context,
) -> Result<Vec<(String, ImageName)>> {
    if let ImageName::Dir { path } = place {
        return match path.join("manifest.json").is_file() {
            true => Ok(vec![(String::new(), place.clone())]),
            false => {
                let text = format!("`{place}` is not an image: it has no `manifest.json`");
                Err(Error::not_found(text))
            }
        };
    }
    match place.selector() {
        Some(Selector::Named(name)) => Ok(vec![(name.clone(), place.clone())]),
        Some(Selector::At(_)) => Ok(vec![(String::new(), place.clone())]),
        Some(Selector::Only) => {
            let tags = open_tags(place, context).await?;
            let handles = all_tags(tags.pages, MOST, "serve fewer images at once").await?;
            let name = |handle: String| {
                let at = handle.strip_prefix('@').and_then(|n| n.parse().ok());
                let selector = at.map_or_else(|| Selector::Named(handle.clone()), Selector::At);
                (handle, place.selecting(selector))
            };
            Ok(handles.into_iter().map(name).collect())
        }
        None => {
            let text = format!("`{place}` cannot be served in place");
            Err(Error::other(text).hint("`oci:`, `oci-archive:`, `docker-archive:` and `dir:` can"))
        }
    }
}

//! Names of images as commands read them: with a look at the files that a name without a transport could mean.

use std::fs::File;
use std::path::Path;

use super::flags::Global;
use crate::image::{ImageName, Reference, has_transport};
use crate::settings::registries_conf::ShortName;
use crate::{Error, Result};

/// Entries of an archive that are looked at for what kind it is.
const LOOKED_AT: usize = 2000;

/// Reads the name of an image that is only read: a bare name is taken for one of a registry, which is Docker Hub where
/// neither `text` nor the registries.conf of `global` names another.
pub(super) fn to_read(text: &str, global: &Global) -> Result<ImageName> {
    let exists = Path::new(text).exists();
    let name = ImageName::parse_lenient(text, exists).map_err(|e| with_file(text, e))?;
    match name {
        ImageName::Docker(_) if !text.contains("://") => match short_name(text, global)? {
            Some(reference) => Ok(ImageName::Docker(reference.or_latest())),
            None => Ok(name),
        },
        _ => Ok(name),
    }
}

/// What `text`, a reference without a transport, stands for by an alias or the only search registry of registries.conf.
pub(super) fn short_name(text: &str, global: &Global) -> Result<Option<Reference>> {
    let candidates = match global.registries().get()?.short_name(text)? {
        ShortName::Unknown => return Ok(None),
        ShortName::Candidates(candidates) => candidates,
    };
    match &candidates[..] {
        [only] => {
            tracing::debug!("`{text}` is `{only}` by registries.conf");
            Ok(Some(only.clone()))
        }
        several => {
            let list: Vec<_> = several.iter().map(|c| format!("`{c}`")).collect();
            let list = list.join(" or ");
            let message = format!("the short name `{text}` may stand for {list}");
            Err(Error::other(message).hint("write the name in full, with its registry"))
        }
    }
}

/// Reads the name of an image with its transport.
pub(super) fn in_full(text: &str) -> Result<ImageName> {
    ImageName::parse(text).map_err(|e| with_file(text, e))
}

/// The error `e` for `text`, which lacks a transport, with a hint that has what commands that only read take it for.
pub(super) fn as_short(e: Error, text: &str, global: &Global) -> Error {
    let advises = e.advice().is_some_and(|hint| hint.contains("`docker://"));
    match short_name(text, global) {
        Ok(Some(reference)) if advises && !has_transport(text) => {
            Error::new(e.kind(), e.to_string())
                .hint(format!("did you mean `docker://{}`?", reference.familiar()))
        }
        _ => e,
    }
}

/// Reads the names of the two sides of a command.
pub(super) fn of_sides(source: &str, destination: &str) -> Result<(ImageName, ImageName)> {
    let from = in_full(source).map_err(|e| e.context("reading the source's name"))?;
    let to = in_full(destination).map_err(|e| e.context("reading the destination's name"))?;
    Ok((from, to))
}

/// Replaces the hint of `e` with one about the file or directory that `text` names or would name.
fn with_file(text: &str, e: Error) -> Error {
    match file_meant(text) {
        Some(hint) => Error::new(e.kind(), e.to_string()).hint(hint),
        None => e,
    }
}

fn file_meant(text: &str) -> Option<String> {
    let path = Path::new(text);
    let Ok(about) = path.metadata() else {
        let is_path = text.starts_with(['/', '.', '~']);
        let is_archive = [".tar", ".tar.gz", ".tgz", ".tar.zst"];
        return match is_archive.iter().any(|end| text.ends_with(end)) {
            true if !text.contains(':') => Some(format!(
                "write `docker-archive:{text}` for an archive of `docker save`, or `oci-archive:{text}`"
            )),
            _ if is_path && !text.contains(':') => {
                Some(format!("write `dir:{text}` or `oci:{text}`"))
            }
            _ => None,
        };
    };
    let shown = text.trim_end_matches('/');
    let shown = if shown.is_empty() { text } else { shown };
    if about.is_dir() {
        let has = |name: &str| path.join(name).exists();
        return Some(
            match (has("index.json") || has("oci-layout"), has("manifest.json")) {
                (true, _) => format!("it is an OCI layout: write `oci:{shown}`"),
                (false, true) => format!("it is an image directory: write `dir:{shown}`"),
                (false, false) => format!("write `oci:{shown}` or `dir:{shown}`"),
            },
        );
    }
    if !about.is_file() {
        return Some(format!(
            "write `docker-archive:{shown}` or `oci-archive:{shown}`"
        ));
    }
    Some(match archive_kind(path) {
        Some(kind) => format!("it is an archive: write `{kind}:{shown}`"),
        None => {
            format!("if it is an archive, write `docker-archive:{shown}` or `oci-archive:{shown}`")
        }
    })
}

/// The transport of the tar archive `path`, by the names in it; `None` where it is compressed or no image.
fn archive_kind(path: &Path) -> Option<&'static str> {
    let mut archive = tar::Archive::new(File::open(path).ok()?);
    let (mut docker, mut oci) = (false, false);
    for entry in archive.entries_with_seek().ok()?.take(LOOKED_AT) {
        let entry = entry.ok()?;
        let name = entry.path_bytes();
        match name.strip_prefix(b"./").unwrap_or(&name) {
            b"manifest.json" | b"repositories" => docker = true,
            b"index.json" | b"oci-layout" => oci = true,
            _ => {}
        }
    }
    // `docker save` writes both since Docker 25.
    match (docker, oci) {
        (true, _) => Some("docker-archive"),
        (false, true) => Some("oci-archive"),
        (false, false) => None,
    }
}

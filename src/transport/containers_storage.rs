//! `containers-storage:`: an image in the store of podman, buildah and CRI-O, to read.
//!
//! The format of the store is the business of those programs, as are its locks and the user namespaces that reading it may
//! take. So podman writes the image as `docker save` would, and that is read as any other archive. Its layers are
//! uncompressed, as they are in the store.

use std::fs::File;
use std::io;
use std::process::Stdio;

use tokio::process::Command;

use super::archive_file::Unpacking;
use super::docker_archive::{DockerArchiveSource, Older};
use crate::image::Selector;
use crate::{Error, Result};

/// Bytes that podman may say of an error.
const SAID: usize = 2000;

/// The image `image` of the store, to read: a name or an id, with `[DRIVER@ROOT+RUNROOT]` in front for another store than the
/// user's. Fails with [`crate::Kind::NotFound`] when the store does not have it; an error if podman is not installed.
pub(crate) async fn source(
    image: &str,
    unpacking: &Unpacking,
    older: Older,
) -> Result<DockerArchiveSource> {
    let failed = |e| Error::other("a temporary file for the image cannot be made").because(e);
    let file = match &unpacking.tmpdir {
        Some(dir) => tempfile::NamedTempFile::new_in(dir),
        None if std::env::var_os("TMPDIR").is_some() => tempfile::NamedTempFile::new(),
        None => tempfile::NamedTempFile::new_in(crate::platform::roomy_directory()),
    };
    let file = file.map_err(failed)?;
    save(image, file.as_file().try_clone().map_err(failed)?).await?;
    // The open archive outlives the file's name, which goes at the end of this function.
    let archive = DockerArchiveSource::open(file.path(), &Selector::Only, unpacking, older).await?;
    Ok(archive.called(format!("containers-storage:{image}"), None))
}

/// Has podman write `image` to `file`.
async fn save(image: &str, file: File) -> Result<()> {
    let (store, name) = store(image);
    let mut podman = Command::new("podman");
    podman
        .args(store)
        .args(["save", "--quiet", "--format", "docker-archive", "--", name])
        .stdin(Stdio::null())
        .stdout(file)
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let spawned = podman.spawn().map_err(|e| match e.kind() {
        io::ErrorKind::NotFound => Error::other(format!(
            "`containers-storage:{image}` is read with podman, which is not installed"
        ))
        .hint("install podman, or save the image where it is: `podman save -o image.tar NAME`, then `docker-archive:image.tar`"),
        _ => Error::other("podman cannot be started").because(e),
    });
    let output = spawned?.wait_with_output().await;
    let output = output.map_err(|e| Error::other("waiting for podman").because(e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.trim().lines().last().unwrap_or_default();
    let said: String = said
        .trim_start_matches("Error: ")
        .chars()
        .take(SAID)
        .collect();
    let is_missing = [
        "not known",
        "no such image",
        "does not exist",
        "unable to find",
    ]
    .iter()
    .any(|words| said.to_lowercase().contains(words));
    Err(match is_missing {
        true => Error::not_found(format!("the store has no image `{name}`"))
            .because(io::Error::other(said)),
        false => {
            Error::other(format!("podman cannot save `{name}`")).because(io::Error::other(said))
        }
    })
}

/// podman's flags for the store that `image` names, and the rest of the name.
fn store(image: &str) -> (Vec<String>, &str) {
    let Some((spec, name)) = image
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    else {
        return (Vec::new(), image);
    };
    let (driver, place) = match spec.split_once('@') {
        Some((driver, place)) => (driver, place),
        None => ("", spec),
    };
    let (place, options) = place.split_once(':').unwrap_or((place, ""));
    let (root, run_root) = place.split_once('+').unwrap_or((place, ""));
    let mut flags = Vec::new();
    for (flag, value) in [
        ("--storage-driver", driver),
        ("--root", root),
        ("--runroot", run_root),
    ] {
        if !value.is_empty() {
            flags.extend([flag.to_owned(), value.to_owned()]);
        }
    }
    for option in options.split(',').filter(|option| !option.is_empty()) {
        flags.extend(["--storage-opt".to_owned(), option.to_owned()]);
    }
    (flags, name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_in_the_name_is_told_to_podman() {
        let of = |image| {
            let (flags, name) = store(image);
            (flags.join(" "), name)
        };
        assert_eq!(of("app:1"), (String::new(), "app:1"));
        assert_eq!(of("[/a]app"), ("--root /a".into(), "app"));
        assert_eq!(
            of("[vfs@/a+/b:x=1,y=2]app@sha256:12"),
            (
                "--storage-driver vfs --root /a --runroot /b --storage-opt x=1 --storage-opt y=2"
                    .into(),
                "app@sha256:12"
            )
        );
    }
}

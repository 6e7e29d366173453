//! `ImageName`: what a user types for an image, `transport:rest`.
//!
//! The syntax is skopeo's. Reading a name touches nothing; `transport::open` turns it into a place to read
//! from or write to.

pub(crate) mod mistakes;
mod path;
mod pinned;

use std::fmt;
use std::path::PathBuf;

use super::{Digest, Reference, ReferenceError, V1Reference};
use crate::{Error, Result};
use path::{split_files, split_selector};

pub use path::is_ref_name;

/// An image at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageName {
    /// `docker://NAME[:TAG][@DIGEST]`: an image in a registry.
    Docker(Reference),
    /// `docker-v1://HOST/[NAMESPACE/]NAME[:TAG]`: an image in a registry of the first generation.
    DockerV1(V1Reference),
    /// `oci:DIR[:REF|:@N]`: an image in an OCI image layout.
    Oci { path: PathBuf, selector: Selector },
    /// `oci-archive:FILE[:REF|:@N]`: an image in a tar of an OCI image layout; the file `-` is stdin or stdout.
    OciArchive { path: PathBuf, selector: Selector },
    /// `docker-archive:FILE[:NAME[:TAG]|:@N]`: an image in what `docker save` writes; the file `-` is stdin or
    /// stdout. The name is kept in full, as in `docker.io/library/alpine:latest`.
    DockerArchive { path: PathBuf, selector: Selector },
    /// `docker-daemon:NAME[:TAG]`, `docker-daemon:NAME@DIGEST` or `docker-daemon:ALGORITHM:HEX`: an image that a
    /// Docker Engine holds.
    DockerDaemon(DaemonImage),
    /// `containers-storage:NAME`: an image in the store of podman, for reading only.
    ContainersStorage(String),
    /// `tarball:FILE[:FILE…]`: an image made of tar files, each a layer, for reading only; the file `-` is stdin.
    Tarball(Vec<PathBuf>),
    /// `dir:PATH`: a flat directory with a manifest and its blobs.
    Dir { path: PathBuf },
}

/// The name of an image in an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DaemonImage {
    Named(Reference),
    /// The digest of its config; for reading only.
    Id(Digest),
}

impl fmt::Display for DaemonImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // Old engines do not know the full forms.
            DaemonImage::Named(reference) => f.write_str(&reference.familiar()),
            DaemonImage::Id(id) => write!(f, "{id}"),
        }
    }
}

/// Which image of a place that can hold several.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Selector {
    /// The only one; reading is an error when there are several.
    Only,
    /// The one with this name: its `org.opencontainers.image.ref.name`, or one of its `RepoTags`.
    Named(String),
    /// The one at this place of the index, counted from 0; for reading only.
    At(usize),
}

/// The transports by name, as `--help` and error messages list them.
pub const TRANSPORTS: [&str; 9] = [
    "docker://",
    "docker-v1://",
    "oci:",
    "oci-archive:",
    "docker-archive:",
    "docker-daemon:",
    "containers-storage:",
    "tarball:",
    "dir:",
];

/// Whether `transport`, without its colon, is one of places that hold their images on this machine.
pub(crate) fn is_local_transport(transport: &str) -> bool {
    TRANSPORTS.contains(&format!("{transport}:").as_str())
}

impl ImageName {
    /// Reads `transport:rest`. A reference without tag and digest means the tag `latest`.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] for an unknown transport and for a name that its transport does not allow; the hint shows
    /// the corrected form where it can be guessed.
    pub fn parse(text: &str) -> Result<ImageName> {
        if text
            .split_once(':')
            .is_some_and(|(transport, _)| !is_local_transport(transport))
            && let Some(error) = mistakes::with_login(text)
        {
            return Err(error);
        }
        let Some((transport, rest)) = text.split_once(':') else {
            return Err(unknown_transport(text));
        };
        if let Some(error) = mistakes::with_slashes(text) {
            return Err(error);
        }
        match transport {
            "docker" => match rest.strip_prefix("//") {
                Some(reference) => Ok(ImageName::Docker(in_registry(reference)?.or_latest())),
                None => Err(Error::other(format!("`{text}` is not a valid image name"))
                    .hint(format!("write `docker://{}`", rest.trim_start_matches('/')))),
            },
            "docker-v1" => match rest.strip_prefix("//") {
                Some(reference) => Ok(ImageName::DockerV1(V1Reference::parse(reference)?)),
                None => Err(
                    Error::other(format!("`{text}` is not a valid image name")).hint(format!(
                        "write `docker-v1://{}`",
                        rest.trim_start_matches('/')
                    )),
                ),
            },
            "oci" => {
                let (path, selector) = parse_layout(text, rest)?;
                Ok(ImageName::Oci { path, selector })
            }
            "oci-archive" => {
                let (path, selector) = parse_layout(text, rest)?;
                Ok(ImageName::OciArchive { path, selector })
            }
            "docker-archive" => {
                let (path, selector) = parse_docker_archive(text, rest)?;
                Ok(ImageName::DockerArchive { path, selector })
            }
            "docker-daemon" => parse_daemon_image(text, rest).map(ImageName::DockerDaemon),
            "containers-storage" if rest.is_empty() || rest.ends_with(']') => {
                Err(Error::other(format!("`{text}` names no image")))
            }
            "containers-storage" => Ok(ImageName::ContainersStorage(rest.to_owned())),
            "tarball" => Ok(ImageName::Tarball(split_files(text, rest)?)),
            "dir" if rest.is_empty() => Err(Error::other(format!("`{text}` names no directory"))),
            "dir" => Ok(ImageName::Dir { path: rest.into() }),
            _ => Err(unknown_transport(text)),
        }
    }

    /// Reads a name as [`ImageName::parse`] does, and a bare reference as `docker://` where `text` names no
    /// transport and `exists` (a file or folder of that name) is false.
    ///
    /// # Errors
    /// As [`ImageName::parse`].
    pub fn parse_lenient(text: &str, exists: bool) -> Result<ImageName> {
        if exists || has_transport(text) {
            return ImageName::parse(text);
        }
        Ok(ImageName::Docker(in_registry(text)?.or_latest()))
    }
}

/// Whether `text` begins with a transport, known or misspelt, and is no bare reference.
pub fn has_transport(text: &str) -> bool {
    let transport = text.split_once(':').map_or("", |(transport, _)| transport);
    TRANSPORTS
        .iter()
        .any(|t| t.trim_end_matches("//").strip_suffix(':') == Some(transport))
        || is_foreign_transport(transport)
        || text.contains("://")
        || (transport.len() > "docker".len() && mistakes::transport_meant(text).is_some())
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (transport, path, selector) = match self {
            ImageName::Docker(reference) => return write!(f, "docker://{reference}"),
            ImageName::DockerV1(reference) => return write!(f, "docker-v1://{reference}"),
            ImageName::Dir { path } => return write!(f, "dir:{}", path.display()),
            ImageName::DockerDaemon(DaemonImage::Named(reference)) => {
                return write!(f, "docker-daemon:{reference}");
            }
            ImageName::DockerDaemon(DaemonImage::Id(id)) => {
                return write!(f, "docker-daemon:{id}");
            }
            ImageName::ContainersStorage(image) => return write!(f, "containers-storage:{image}"),
            ImageName::Tarball(files) => {
                let files: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
                return write!(f, "tarball:{}", files.join(":"));
            }
            ImageName::Oci { path, selector } => ("oci", path, selector),
            ImageName::OciArchive { path, selector } => ("oci-archive", path, selector),
            ImageName::DockerArchive { path, selector } => ("docker-archive", path, selector),
        };
        write!(f, "{transport}:{}", path.display())?;
        match selector {
            Selector::Only => Ok(()),
            Selector::Named(name) => write!(f, ":{name}"),
            Selector::At(n) => write!(f, ":@{n}"),
        }
    }
}

/// [`parse_reference`] for a place in a registry: a host alone is an error.
///
/// # Errors
/// As [`parse_reference`], and for the name of a registry alone.
pub fn in_registry(text: &str) -> Result<Reference> {
    match mistakes::registry_alone(text) {
        Some(error) => Err(error),
        None => parse_reference(text),
    }
}

/// Reads a reference as users type it.
///
/// # Errors
/// [`crate::Kind::Other`] when it does not follow the grammar of references; the hint shows the corrected form where it
/// can be guessed.
pub fn parse_reference(text: &str) -> Result<Reference> {
    text.parse().map_err(|e: ReferenceError| {
        if let Some(error) = mistakes::with_login(text) {
            return error;
        }
        let error = Error::other(format!("`{text}` is not a valid image name: {e}"));
        match corrected(text, &e) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    })
}

/// The form that was probably meant, when there is one that reads well.
fn corrected(text: &str, error: &ReferenceError) -> Option<String> {
    if *error == ReferenceError::BareId {
        return Some(format!(
            "name a repository before it: `REPOSITORY@sha256:{text}`"
        ));
    }
    if let Some(hint) = mistakes::digest_meant(text) {
        return Some(hint);
    }
    let better = mistakes::without_url(text);
    let candidates = [
        better.clone(),
        lower_path(&better),
        better.replace("//", "/"),
    ];
    let fits = candidates
        .into_iter()
        .find(|c| c != text && c.parse::<Reference>().is_ok())?;
    Some(format!("did you mean `{fits}`?"))
}

/// Lower-cases the repository, not the tag.
fn lower_path(text: &str) -> String {
    let start = text.rfind('/').map_or(0, |i| i + 1);
    let end = text[start..]
        .find([':', '@'])
        .map_or(text.len(), |i| start + i);
    text[..end].to_lowercase() + &text[end..]
}

/// Reads `PATH[:REF|:@N]`.
fn parse_layout(text: &str, rest: &str) -> Result<(PathBuf, Selector)> {
    let (path, selector) = split_selector(text, rest)?;
    if let Selector::Named(name) = &selector
        && !is_ref_name(name)
    {
        return Err(
            Error::other(format!("`{text}`: `{name}` is not a valid reference name"))
                .hint("the path ends at the first `:`; letters, digits and `-._:@+/` may follow"),
        );
    }
    Ok((path, selector))
}

/// Reads `PATH[:NAME[:TAG]|:@N]`.
fn parse_docker_archive(text: &str, rest: &str) -> Result<(PathBuf, Selector)> {
    let (path, selector) = split_selector(text, rest)?;
    match selector {
        // `FILE@sha256:HEX`, as a copy prints it.
        Selector::Named(hex) if pinned::is_digest_of(&path, &hex) => {
            Ok((path, Selector::Named(hex)))
        }
        Selector::Named(name) => {
            let reference = parse_reference(&name)?.or_latest();
            Ok((path, Selector::Named(reference.to_string())))
        }
        selector => Ok((path, selector)),
    }
}

/// Reads `NAME[:TAG]`, `NAME@DIGEST` or a digest. A name that looks like a digest is one, as in skopeo.
fn parse_daemon_image(text: &str, rest: &str) -> Result<DaemonImage> {
    if rest.is_empty() {
        return Err(Error::other(format!("`{text}` names no image")));
    }
    if let Ok(id) = rest.parse::<Digest>() {
        return Ok(DaemonImage::Id(id));
    }
    Ok(DaemonImage::Named(parse_reference(rest)?.or_latest()))
}

/// Transports of skopeo that barque knows by name only: a word with a colon that is surely no image name.
fn is_foreign_transport(transport: &str) -> bool {
    matches!(transport, "sif" | "ostree" | "atomic" | "http" | "https")
}

fn unknown_transport(text: &str) -> Error {
    let list = TRANSPORTS.map(|t| format!("`{t}`")).join(", ");
    if let Some((transport, rest)) = text.split_once(':')
        && let Some(hint) = mistakes::elsewhere(transport, rest)
    {
        return Error::other(format!(
            "`{text}`: the transport `{transport}:` is not supported (known: {list})"
        ))
        .hint(hint);
    }
    let error = Error::other(format!("`{text}` has no transport prefix (known: {list})"));
    if let Some(error) = mistakes::registry_alone(text) {
        return error;
    }
    if let Some(meant) = mistakes::transport_meant(text) {
        return error.hint(format!("did you mean `{meant}`?"));
    }
    let bare = mistakes::without_url(text);
    match bare.parse::<Reference>() {
        _ if text.starts_with(['/', '.', '~']) || path::has_drive(text) => {
            error.hint(format!("write `dir:{text}` or `oci:{text}`"))
        }
        Ok(_) => error.hint(format!("did you mean `docker://{bare}`?")),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(s: &str) -> ImageName {
        ImageName::parse(s).unwrap()
    }

    fn hint(s: &str) -> String {
        ImageName::parse(s)
            .unwrap_err()
            .advice()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn names_print_as_they_read() {
        for name in [
            "docker://docker.io/library/a:1",
            "docker-v1://r.io/ab/App:1",
            "oci:/x/y",
            "oci:d:v1.0-a_b",
            "oci:d:@3",
            "oci:d:reg.io/a:1",
            "oci-archive:a.tar:v1",
            "oci-archive:-",
            "docker-archive:a.tar:docker.io/library/a:1",
            "docker-archive:a.tar:@1",
            "docker-daemon:docker.io/library/a:1",
            "docker-daemon:sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            "tarball:a.tar:b.tar.gz",
            "tarball:-",
            "dir:a b",
        ] {
            assert_eq!(parse(name).to_string(), name);
        }
        assert_eq!(
            parse("docker://a").to_string(),
            "docker://docker.io/library/a:latest"
        );
        assert_eq!(parse("oci:d:"), parse("oci:d"));
        assert_eq!(
            parse("docker-archive:d:a").to_string(),
            "docker-archive:d:docker.io/library/a:latest"
        );
    }

    #[test]
    fn a_mistake_shows_the_corrected_form() {
        assert_eq!(hint("alpine:3"), "did you mean `docker://alpine:3`?");
        assert_eq!(hint("docker:alpine"), "write `docker://alpine`");
        assert_eq!(
            hint("docker://Foo.io/Bar:V1"),
            "did you mean `foo.io/bar:V1`?"
        );
        assert_eq!(hint("docker://https://r.io/a"), "did you mean `r.io/a`?");
        assert_eq!(hint("https://r.io/a"), "did you mean `docker://r.io/a`?");
        assert_eq!(hint("./layout"), "write `dir:./layout` or `oci:./layout`");
        assert!(hint(&format!("docker://{}", "a".repeat(64))).contains("REPOSITORY@sha256:"));
        assert_eq!(
            hint("oci://a/b:1"),
            "write `oci:a/b:1`, or `oci:/a/b:1` for an absolute path"
        );
        for wrong in ["oci-archive://a.tar", "docker-archive://a.tar", "dir://a"] {
            assert!(ImageName::parse(wrong).is_err(), "{wrong}");
        }
        assert!(ImageName::parse("oci:///a/b:1").is_ok());
        assert!(ImageName::parse("oci::v1").is_err() && ImageName::parse("dir:").is_err());
        assert!(ImageName::parse("oci:d:a b").is_err());
        assert!(ImageName::parse("oci-archive::v1").is_err());
        for wrong in ["docker-archive:d:A", "docker-archive:d:@x"] {
            assert!(ImageName::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_bare_name_is_a_registry_name_only_where_it_can_be_nothing_else() {
        assert_eq!(
            ImageName::parse_lenient("a:1", false).unwrap(),
            parse("docker://a:1")
        );
        assert_eq!(
            ImageName::parse_lenient("localhost:5000/a", false).unwrap(),
            parse("docker://localhost:5000/a")
        );
        assert!(ImageName::parse_lenient("layout", true).is_err());
        assert_eq!(
            ImageName::parse_lenient("containers-storage:x", false).unwrap(),
            ImageName::ContainersStorage("x".into())
        );
        assert!(ImageName::parse_lenient("sif:x", false).is_err());
    }
}

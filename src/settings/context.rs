//! `Context`: everything that one side of an operation needs to know besides the name of its image.

use std::borrow::Cow;
use std::fmt::Display;
use std::path::PathBuf;

use super::registries_conf::ConfiguredRegistries;
use super::registries_d::SignaturePlaces;
use super::{Access, AuthFiles, Kept, Limits, Login, Timeouts};
use crate::Result;

/// How one side of an operation reaches its place: a registry, or files and engines on this machine.
///
/// The default sends no credentials and knows no configuration; [`Context::of_machine`] goes by the files of this machine.
/// Each transport reads the fields that it needs and ignores the others.
///
/// ```
/// use barque::settings::{Access, Context};
///
/// let mut access = Access::default();
/// access.tls_verify = false;
/// let mut context = Context::default().with_access(access);
/// context.tmpdir = Some("/big/disk".into());
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Context {
    /// Credentials and certificates for a registry.
    pub access: Access,
    /// How long to wait for a registry.
    pub timeouts: Timeouts,
    /// Where images are really read from, and which registries are blocked or insecure; by default names are taken as
    /// they are.
    pub registries: ConfiguredRegistries,
    /// How many requests and pulls a registry gets from all operations with these limits.
    pub limits: Limits,
    /// What operations one after the other share: connections, tokens, and what was learned of each registry. By default
    /// each operation begins by itself.
    pub kept: Kept,
    /// The directory for temporary files that cannot be next to the destination; by default `TMPDIR` or `/var/tmp`.
    pub tmpdir: Option<PathBuf>,
    /// Most bytes that a compressed archive, or one from a pipe, may take in that directory; by default 1 GiB, or 100
    /// times the archive's own size if that is more.
    pub max_unpacked: Option<u64>,
    /// Further names for an image in a `docker-archive:`, in full.
    pub additional_tags: Vec<String>,
    /// Do as skopeo does: replace an `oci-archive:` that is there, leave a `docker-archive:` as it is, read the first of
    /// the images of a layout that have the same name, and delete the manifest of a tag where the tag alone could go.
    pub as_skopeo: bool,
    /// Do not decompress the layers written to a `docker-archive:`.
    pub keep_compressed: bool,
    /// The address of the engine that `docker-daemon:` means; by default `DOCKER_HOST`, else the system's socket.
    pub daemon_host: Option<String>,
    /// Where signatures of images in registries are; by default they are not looked for.
    pub signature_places: SignaturePlaces,
    /// The directory that holds the blobs of an `oci:` layout, which several layouts may share.
    pub shared_blobs: Option<PathBuf>,
}

impl Context {
    /// What the files of this machine say: the credentials that Docker's and podman's tools, or `barque login`, have stored,
    /// mirrors and blocked registries (containers-registries.conf(5)), and where signatures are (containers-registries.d(5)).
    /// Those of configuration are read when they are first needed. The policy is not part of it: see
    /// [`Gate::of_machine`](crate::trust::Gate::of_machine).
    ///
    /// # Errors
    /// As [`AuthFiles::find`].
    pub fn of_machine() -> Result<Context> {
        let access = Access {
            login: Login::Files(AuthFiles::find(None)?),
            ..Access::default()
        };
        Ok(Context {
            registries: ConfiguredRegistries::of_machine(None),
            signature_places: SignaturePlaces::of_machine(None),
            ..Context::default().with_access(access)
        })
    }

    /// This context with other credentials and certificates.
    #[must_use]
    pub fn with_access(mut self, access: Access) -> Context {
        self.access = access;
        // What was made for other credentials must not be used with these.
        self.kept = match self.kept.is_some() {
            true => Kept::new(),
            false => Kept::default(),
        };
        self
    }

    /// This context as it applies to requests that go to `place`, a repository or a registry, and not to its mirrors:
    /// without the check of certificates where registries.conf marks it insecure and nothing else was asked for.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] where `place` is blocked, and what is wrong with registries.conf.
    pub fn at(&self, place: &impl Display) -> Result<Cow<'_, Context>> {
        let conf = self.registries.get()?;
        conf.check_allowed(place)?;
        Ok(self.insecure_if(conf.is_insecure(place)))
    }

    /// This context for a place that registries.conf marks as insecure or not.
    pub(crate) fn insecure_if(&self, insecure: bool) -> Cow<'_, Context> {
        let mut context = Cow::Borrowed(self);
        if insecure && !self.access.tls_verify_is_given {
            context.to_mut().access.tls_verify = false;
        }
        context
    }

    /// This context with other timeouts.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Context {
        self.timeouts = timeouts;
        self
    }
}

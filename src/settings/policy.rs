//! policy.json: which images are accepted, by where they come from and by which signatures they have.
//!
//! Read strictly: an unknown key is an error, since a misspelt rule would be one that does not protect. The rules are
//! data here and key files are only named; what a signature is worth is decided in `trust`. The format is that of
//! containers-policy.json(5).

mod parse;
mod scope;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::paths::{Environment, machine_containers};
use crate::files::read_whole;
use crate::image::{Reference, Repository};
use crate::{Error, Result};

pub use scope::Scope;
pub(super) use scope::of_reference;

/// Larger files are not policies.
const SIZE_CAP: u64 = 8 << 20;
/// Bytes of a key file or a file of certificates.
const KEY_CAP: u64 = 8 << 20;

/// The policy of this machine.
#[derive(Debug, Clone)]
pub struct Policy {
    default: Vec<Requirement>,
    /// By transport, then by scope; the empty scope is the default of its transport.
    transports: BTreeMap<String, BTreeMap<String, Vec<Requirement>>>,
    file: PathBuf,
}

/// What an image has to fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Requirement {
    /// `insecureAcceptAnything`: nothing.
    AcceptAnything,
    /// `reject`: no image does.
    Reject,
    /// `signedBy`: an OpenPGP signature in the simple signing format.
    SignedBy(SignedBy),
    /// `sigstoreSigned`: a signature of sigstore's, attached as cosign 1 and 2 did it.
    SigstoreSigned(Box<SigstoreSigned>),
    /// `sigstoreBundleSigned`: a sigstore bundle, as cosign 3 stores it. Only barque has this type.
    SigstoreBundleSigned(Box<BundleRule>),
    /// `signedBaseLayer`, which no program implements: no image fulfils it.
    SignedBaseLayer,
}

impl Requirement {
    /// The name of its type in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Requirement::AcceptAnything => "insecureAcceptAnything",
            Requirement::Reject => "reject",
            Requirement::SignedBy(_) => "signedBy",
            Requirement::SigstoreSigned(_) => "sigstoreSigned",
            Requirement::SigstoreBundleSigned(_) => "sigstoreBundleSigned",
            Requirement::SignedBaseLayer => "signedBaseLayer",
        }
    }
}

/// The requirement `signedBy`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedBy {
    /// `keyType`. Only `GPGKeys` can be verified; the others are refusals.
    pub key_type: String,
    pub keys: KeySource,
    pub identity: Identity,
}

/// The requirement `sigstoreSigned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigstoreSigned {
    pub signer: Signer,
    /// Public keys of Rekor logs, one of which has to have recorded the signature.
    pub rekor: Option<KeySource>,
    pub identity: Identity,
}

/// Who has to have made a sigstore signature.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signer {
    /// The holder of one of these keys.
    Keys(KeySource),
    /// The holder of a certificate of Fulcio, made after a login.
    Fulcio {
        ca: KeySource,
        oidc_issuer: String,
        subject_email: String,
    },
    /// The holder of a certificate that a trusted root vouches for, or of a key whose signatures its logs or timestamp
    /// authorities have seen. Policy files cannot say this of attachments.
    TrustedRoot(Box<BundleRule>),
    /// The holder of a certificate of some other authority.
    Pki {
        roots: KeySource,
        intermediates: Option<KeySource>,
        subject_email: Option<String>,
        subject_hostname: Option<String>,
    },
}

/// The requirement `sigstoreBundleSigned`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRule {
    pub signer: BundleSigner,
    /// The authorities, logs and timestamp authorities that are trusted (a `trusted_root.json`). Without it, logs and
    /// timestamps are not looked at, and only keys can be trusted.
    pub trusted_root: Option<KeySource>,
    /// What a signed statement has to be of; [`BundleRule::SIGNATURE`] by default.
    pub predicate_type: String,
    pub identity: Identity,
}

impl BundleRule {
    /// The type of the statement by which cosign signs an image.
    pub const SIGNATURE: &str = "https://sigstore.dev/cosign/sign/v1";
}

/// Who has to have signed a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleSigner {
    /// The holder of one of these keys.
    Keys(KeySource),
    /// The holder of a certificate for one of these identities, after a login at one of these providers.
    Certificate { identity: Pattern, issuer: Pattern },
}

/// Texts that are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pattern {
    /// This one.
    Exact(String),
    /// Those in which this regular expression is found.
    Regexp(String),
}

/// Keys or certificates: files that are read when they are needed, or their content.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeySource {
    Files(Vec<PathBuf>),
    Data(Vec<Vec<u8>>),
}

impl KeySource {
    /// The contents, each with its name for messages. Blocks.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when a file cannot be read, even if another would do.
    pub fn load(&self) -> Result<Vec<(String, Vec<u8>)>> {
        match self {
            KeySource::Data(all) => Ok(all
                .iter()
                .map(|data| ("the policy's key data".to_owned(), data.clone()))
                .collect()),
            KeySource::Files(paths) => paths.iter().map(|path| load_file(path)).collect(),
        }
    }
}

fn load_file(path: &Path) -> Result<(String, Vec<u8>)> {
    match read_whole(path, KEY_CAP) {
        Ok(bytes) => Ok((format!("`{}`", path.display()), bytes)),
        Err(e) => Err(Error::not_allowed(format!(
            "cannot read the key file `{}`: {e}",
            path.display()
        ))),
    }
}

/// Which names in a signature are accepted for an image (`signedIdentity`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Identity {
    /// The very name that the image was asked for by.
    Exact,
    /// The same, or the same repository where the image was asked for by digest.
    #[default]
    RepoDigestOrExact,
    /// Any name in the same repository.
    Repository,
    ExactReference(Reference),
    ExactRepository(Repository),
    /// The name with `prefix` replaced by `signed_prefix`, then as [`Identity::RepoDigestOrExact`].
    Remap {
        prefix: String,
        signed_prefix: String,
    },
    /// Any image with the digest that is signed. Only for bundles, which name no image; only barque has it.
    Digest,
}

impl Policy {
    /// A policy without a file, by which all images have to fulfil `requirement`.
    pub fn of(requirement: Requirement) -> Policy {
        Policy {
            default: vec![requirement],
            transports: BTreeMap::new(),
            file: PathBuf::new(),
        }
    }

    /// Reads the policy of this machine: `explicit` (`--policy`), else `CONTAINERS_POLICY_JSON`, else the user's or the
    /// system's `policy.json`. `None` where there is no file.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when the file cannot be read or is not a valid policy; the message names the file and the
    /// member.
    pub fn load(explicit: Option<&Path>) -> Result<Option<Policy>> {
        Policy::load_in(explicit, &Environment::of_process())
    }

    /// As [`Policy::load`] in a given environment.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn load_in(explicit: Option<&Path>, environment: &Environment) -> Result<Option<Policy>> {
        let named = explicit.map(Path::to_owned);
        if let Some(path) = named.or_else(|| environment.path("CONTAINERS_POLICY_JSON")) {
            return Policy::read(&path).map(Some);
        }
        let folders = environment.containers_config().into_iter();
        let folders = folders.chain(machine_containers());
        for path in folders.map(|folder| folder.join("policy.json")) {
            match path.metadata() {
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => {}
                _ => return Policy::read(&path).map(Some),
            }
        }
        Ok(None)
    }

    fn read(path: &Path) -> Result<Policy> {
        let bytes = read_whole(path, SIZE_CAP).map_err(|e| {
            let message = format!("cannot read the signature policy `{}`", path.display());
            Error::other(message).because(e)
        })?;
        Policy::parse(&bytes, path)
    }

    /// Reads the text of a policy; `path` is its file, for messages.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when it is not valid; the message names the member.
    pub fn parse(text: &[u8], path: &Path) -> Result<Policy> {
        let parsed = parse::parse(text).map_err(|e| {
            let path = path.display();
            Error::other(format!("the signature policy `{path}` is not valid: {e}"))
        })?;
        Ok(Policy {
            file: path.to_owned(),
            ..parsed
        })
    }

    /// The file that it was read from; empty for one that was not.
    pub fn file(&self) -> &Path {
        &self.file
    }
}

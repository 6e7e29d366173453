//! Policies and verification: the bytes of signatures in, a verdict with its reasons out.
//!
//! It is separate because what a signature is worth must not depend on where it was found. It fetches nothing and
//! knows no transports: callers pass an image's name, its digest and the signatures that lie beside it. Key files that
//! a policy names are read when a requirement asks for them. All cryptography is that of other crates; without the
//! feature `trust` there is none, and requirements that need it refuse. Signatures are made in [`signing`].

#[cfg(feature = "trust")]
mod bundle;
mod gate;
mod identity;
#[cfg(feature = "trust")]
mod keys;
#[cfg(feature = "trust")]
mod openpgp;
mod payload;
#[cfg(feature = "trust")]
mod pem;
mod requirement;
pub mod signing;
#[cfg(feature = "trust")]
mod sigstore;
#[cfg(feature = "trust")]
mod simple_signing;
mod stored;
mod subject;
#[cfg(all(test, feature = "trust"))]
mod tests;
#[cfg(not(feature = "trust"))]
mod unavailable;
mod verdict;

#[cfg(not(feature = "trust"))]
use unavailable::sigstore;
#[cfg(not(feature = "trust"))]
use unavailable::{bundle, openpgp};

#[cfg(feature = "trust")]
pub use bundle::verify_bundle;
pub use gate::Gate;
#[cfg(feature = "trust")]
pub use openpgp::{Keyring, OpenPgpSigned, dump_unverified, verify_openpgp};
pub use payload::Payload;
#[cfg(feature = "trust")]
pub use simple_signing::SimpleSigning;
pub use stored::{Attachment, StoredSignature};
pub use subject::{Found, Subject};
pub use verdict::{Attempt, Judged, Signer, Verdict, VerifiedSignature};

/// What is accepted although barque refuses it by default. Other programs accept all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Leniency {
    /// OpenPGP signatures that use SHA-1, of which two documents can have one signature.
    pub sha1: bool,
    /// OpenPGP signatures of version 3, which no program has made for twenty years.
    pub openpgp_v3: bool,
    /// Indexes without a look at them: only the images that they list are judged.
    pub unsigned_index: bool,
}

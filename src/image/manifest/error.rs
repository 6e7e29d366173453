//! `ManifestError`: why bytes are no manifest that barque will work with.

use crate::{Error, Kind};

/// Why bytes are no manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Something else than JSON came: an HTML page, a signature, nothing.
    #[error("{0} came in place of a manifest")]
    NotJson(String),
    /// Broken JSON, or JSON that is no object.
    #[error("the manifest is not valid JSON: {0}")]
    Json(String),
    /// A member that decides what the manifest is, twice.
    #[error("the manifest has the member `{0}` twice")]
    Duplicate(String),
    /// A member that some readers take for a known one and others do not.
    #[error("the manifest has the member `{found}`, which has to be written `{proper}`")]
    Spelling { found: String, proper: &'static str },
    /// `Content-Type` and `mediaType` disagree.
    #[error("the manifest was served as `{served}` but calls itself `{body}`")]
    TypeMismatch { served: String, body: String },
    /// Members of two kinds of manifest in one (CVE-2021-41190).
    #[error(
        "the manifest is of type `{media_type}` but also has `{member}`: it could be read as two different ones"
    )]
    Ambiguous {
        media_type: String,
        member: &'static str,
    },
    /// A `schemaVersion` that does not fit the type or is not known.
    #[error("the manifest has schema version {0}, which does not fit its type")]
    Version(String),
    /// JSON of which nothing says that it is a manifest.
    #[error("the document is no manifest of a known kind: {0}")]
    Unknown(String),
    /// Schema 1: what the signatures cover cannot be made out.
    #[error("the manifest's signatures are malformed: {0}")]
    Signatures(String),
    /// Docker schema 1, in a build without the feature `legacy`.
    #[error("this build of barque has no support for docker schema 1 (feature `legacy`)")]
    NoSchema1,
    /// A member is missing or is not what the specification says.
    #[error("the manifest is malformed: {0}")]
    Malformed(String),
}

impl From<ManifestError> for Error {
    /// The class is [`Kind::Corrupt`]: the content is not what its name or type promises. Only what this build does not
    /// read is [`Kind::Other`].
    fn from(error: ManifestError) -> Error {
        let kind = match error {
            ManifestError::NoSchema1 => Kind::Other,
            _ => Kind::Corrupt,
        };
        Error::new(kind, error.to_string()).because(error)
    }
}

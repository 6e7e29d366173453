//! TarSum: docker's checksum of a tar by its members, and the checksums that a V1 registry records.
//!
//! TarSum (protocols 1.7) looks at names, attributes and contents and not at how the tar was written. Separate
//! from `digest` because such a sum names no blob. Nothing is read or inflated here.

mod header;
mod summer;

use std::fmt;
use std::str::FromStr;

use crate::image::{Algorithm, Digest, DigestError, Digester};

pub(crate) use header::begins_tar;
pub use summer::TarSummer;

/// The rules by which a TarSum was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TarSumVersion {
    /// `tarsum`: times of change count, extended attributes do not.
    V0,
    /// `tarsum.v1`: extended attributes count, times do not.
    V1,
    /// `tarsum.dev`: as V1.
    Dev,
}

impl TarSumVersion {
    fn as_str(self) -> &'static str {
        match self {
            TarSumVersion::V0 => "tarsum",
            TarSumVersion::V1 => "tarsum.v1",
            TarSumVersion::Dev => "tarsum.dev",
        }
    }
}

/// A checksum of the form `tarsum.v1+sha256:HEX`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TarSum {
    pub version: TarSumVersion,
    pub digest: Digest,
}

impl fmt::Display for TarSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.version.as_str(), self.digest)
    }
}

/// How a registry of late 2014 names a blob (protocols 2): by a digest, or by a TarSum of the layer alone.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlobSum {
    Digest(Digest),
    TarSum(TarSum),
}

impl fmt::Display for BlobSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlobSum::Digest(digest) => digest.fmt(f),
            BlobSum::TarSum(sum) => sum.fmt(f),
        }
    }
}

impl FromStr for BlobSum {
    type Err = DigestError;

    /// Reads a TarSum or a digest.
    fn from_str(text: &str) -> Result<BlobSum, DigestError> {
        if let Ok(sum) = text.parse() {
            return Ok(BlobSum::TarSum(sum));
        }
        text.parse().map(BlobSum::Digest)
    }
}

/// What a V1 registry recorded of an image: its JSON and its layer in one sum.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum V1Checksum {
    /// Over the JSON, a newline and the layer as it is sent ([`payload_digester`]).
    Payload(Digest),
    /// Over the members of the plain layer and the JSON.
    TarSum(TarSum),
}

impl FromStr for V1Checksum {
    type Err = TarSumError;

    /// Reads `sha256:HEX` or a TarSum. Other forms are [`TarSumError::Unknown`].
    fn from_str(text: &str) -> Result<V1Checksum, TarSumError> {
        if text.contains('+') {
            return text.parse().map(V1Checksum::TarSum);
        }
        text.parse()
            .map(V1Checksum::Payload)
            .map_err(|_| unknown(text))
    }
}

impl FromStr for TarSum {
    type Err = TarSumError;

    /// Reads `VERSION+ALGORITHM:HEX`. Other forms are [`TarSumError::Unknown`].
    fn from_str(text: &str) -> Result<TarSum, TarSumError> {
        let (version, digest) = text.split_once('+').ok_or_else(|| unknown(text))?;
        let version = match version {
            "tarsum" => TarSumVersion::V0,
            "tarsum.v1" => TarSumVersion::V1,
            "tarsum.dev" => TarSumVersion::Dev,
            _ => return Err(unknown(text)),
        };
        let digest = digest.parse().map_err(|_| unknown(text))?;
        Ok(TarSum { version, digest })
    }
}

fn unknown(text: &str) -> TarSumError {
    TarSumError::Unknown(text.chars().take(100).collect())
}

impl fmt::Display for V1Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            V1Checksum::Payload(digest) => digest.fmt(f),
            V1Checksum::TarSum(sum) => sum.fmt(f),
        }
    }
}

/// A digester that has seen the JSON of an image, byte for byte, and the newline after it: the layer as it is sent
/// gives the payload checksum.
pub fn payload_digester(json: &[u8]) -> Digester {
    let mut digester = Digester::new(Algorithm::Sha256);
    digester.update(json);
    digester.update(b"\n");
    digester
}

/// Why there is no TarSum.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TarSumError {
    #[error("`{0}` is no checksum of a known kind")]
    Unknown(String),
    #[error("the layer is no tar: {0}")]
    Malformed(&'static str),
    #[error("the layer has members that TarSum does not define: {0}")]
    Undefined(&'static str),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_read_and_printed() {
        let hex = "ab".repeat(32);
        for text in [
            format!("sha256:{hex}"),
            format!("tarsum+sha256:{hex}"),
            format!("tarsum.v1+sha256:{hex}"),
            format!("tarsum.dev+sha512:{hex}{hex}"),
        ] {
            assert_eq!(text.parse::<V1Checksum>().unwrap().to_string(), text);
        }
        for wrong in ["", "md5:00", "tarsum+sha256:00", "tarsum.v9+sha256:00"] {
            assert!(wrong.parse::<V1Checksum>().is_err(), "{wrong}");
        }
    }
}

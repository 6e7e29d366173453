//! `Verdict`: what a policy says of an image, and why.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::Error;
use crate::image::Digest;

/// What a policy says of an image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Verdict {
    /// The image by the name that it was asked for, with its transport.
    pub image: String,
    /// The manifest that was judged.
    pub digest: Digest,
    /// The file of the policy; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// Where in the file the requirements are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// Whether the image may be used.
    pub accepted: bool,
    /// Whether a signature was verified. An image that is accepted without one is what a rule, or the absence of a
    /// policy, lets through.
    pub verified: bool,
    /// The requirements in the order of the file. All of them have to be satisfied.
    pub requirements: Vec<Judged>,
}

/// What came of one requirement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Judged {
    /// The type of the requirement, as in the file.
    #[serde(rename = "Type")]
    pub kind: &'static str,
    pub satisfied: bool,
    /// Why it is not satisfied, where that is not a matter of one signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The signatures of its kind, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub signatures: Vec<Attempt>,
}

/// What came of one signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which one: `signature 1` is the first that lies beside the image.
    pub signature: String,
    /// What was verified, or why the signature is refused.
    pub outcome: Result<VerifiedSignature, String>,
}

impl Serialize for Attempt {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Shown<'a> {
            signature: &'a str,
            verified: bool,
            #[serde(flatten)]
            what: Option<&'a VerifiedSignature>,
            #[serde(skip_serializing_if = "Option::is_none")]
            reason: Option<&'a str>,
        }
        let shown = Shown {
            signature: &self.signature,
            verified: self.outcome.is_ok(),
            what: self.outcome.as_ref().ok(),
            reason: self.outcome.as_ref().err().map(String::as_str),
        };
        shown.serialize(s)
    }
}

/// A signature that satisfies a requirement, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VerifiedSignature {
    /// Its format: `simple-signing`, `sigstore-attachment` or `sigstore-bundle`.
    pub format: &'static str,
    #[serde(flatten)]
    pub signer: Signer,
    /// The name that the image is signed as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The program that made it, by its own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creator: Option<String>,
    /// When it was made, by its own account (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// When a transparency log or a timestamp authority saw it (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub witnessed: Option<String>,
}

/// Who made a signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged, rename_all_fields = "PascalCase")]
#[non_exhaustive]
pub enum Signer {
    /// An OpenPGP key, by its fingerprints in upper-case hex.
    OpenPgp {
        fingerprint: String,
        signing_fingerprint: String,
    },
    /// The holder of a public key, by the file or the policy that it is in.
    Key { key: String },
    /// The holder of a certificate.
    Certificate {
        identity: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        issuer: Option<String>,
    },
}

impl Judged {
    /// A requirement that holds, or does not, whatever signatures there are.
    pub(super) fn outright(kind: &'static str, reason: Option<String>) -> Judged {
        Judged {
            kind,
            satisfied: reason.is_none(),
            reason,
            signatures: Vec::new(),
        }
    }

    /// Why it is not satisfied, on one line.
    fn refusal(&self) -> String {
        let tried = self.signatures.iter().filter_map(|attempt| {
            let why = attempt.outcome.as_ref().err()?;
            Some(format!("{}: {why}", attempt.signature))
        });
        let all: Vec<String> = self.reason.clone().into_iter().chain(tried).collect();
        format!("`{}`: {}", self.kind, all.join("; "))
    }
}

impl Verdict {
    /// The verdict, if the image may be used.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] with the rule, its scope, and each signature with its reason; the verdict is its cause.
    pub fn enforced(self) -> Result<Verdict, Error> {
        match self.accepted {
            true => Ok(self),
            false => Err(Error::not_allowed(self.to_string()).because(self)),
        }
    }
}

/// A refusal as the cause of an [`Error`].
impl std::error::Error for Verdict {}

/// Why the image is refused: the rule, its scope, and each signature with its reason.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.accepted {
            return write!(f, "`{}` (`{}`) is accepted", self.image, self.digest);
        }
        let refused: Vec<String> = self
            .requirements
            .iter()
            .filter(|judged| !judged.satisfied)
            .map(Judged::refusal)
            .collect();
        let by = match (&self.policy, &self.scope) {
            (Some(file), Some(scope)) => format!(" by the signature policy `{file}` (`{scope}`)"),
            _ => String::new(),
        };
        match refused.is_empty() {
            true => write!(
                f,
                "`{}` (`{}`) is refused: no rule of a signature policy has verified a signature of it",
                self.image, self.digest
            ),
            false => write!(
                f,
                "`{}` (`{}`) is refused{by}: {}",
                self.image,
                self.digest,
                refused.join("; ")
            ),
        }
    }
}

/// `seconds` since 1970, as people read it.
pub(super) fn rfc3339(seconds: i64) -> Option<String> {
    let time = jiff::Timestamp::from_second(seconds).ok()?;
    Some(time.to_string())
}

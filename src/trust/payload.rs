//! What a signature says: the JSON of simple signing, which cosign 1 and 2 use too.
//!
//! Read strictly, because two programs must not read one signature differently: no other members, none twice, none
//! missing. It is read only after the signature over it was verified.

use crate::image::Digest;
use crate::image::strict_json::{self, Object, StrictError};

/// `critical.type` of a signature made with OpenPGP.
pub(super) const SIMPLE_TYPE: &str = "atomic container signature";
/// `critical.type` of a signature of sigstore's tools.
pub(super) const COSIGN_TYPE: &str = "cosign container image signature";

/// A claim about an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The digest of the manifest that is signed.
    pub digest: Digest,
    /// The name that the image is signed as, exactly as it is written.
    pub reference: String,
    /// The program that made the signature, by its own account.
    pub creator: Option<String>,
    /// When it was made, by its own account, in seconds since 1970.
    pub timestamp: Option<i64>,
}

impl Payload {
    /// Reads `json`, whose `critical.type` has to be `kind`. Fails with the name of the member that is wrong, or with
    /// the place where the text is no JSON.
    pub(super) fn parse(json: &[u8], kind: &str) -> Result<Payload, String> {
        parse(json, kind).map_err(|e| format!("its payload is not valid: {e}"))
    }
}

fn parse(json: &[u8], kind: &str) -> Result<Payload, StrictError> {
    let mut top = strict_json::parse(json)?.object("")?;
    let mut critical = top.need_object("critical")?;
    let named = critical.need_string("type")?;
    if named != kind {
        let text = format!("`critical.type` is `{named}` and not `{kind}`");
        return Err(StrictError(text));
    }
    let mut image = critical.need_object("image")?;
    let text = image.need_string("docker-manifest-digest")?;
    let digest = text.parse::<Digest>().map_err(|e| {
        StrictError(format!(
            "`critical.image.docker-manifest-digest` is `{text}`: {e}"
        ))
    })?;
    let mut identity = critical.need_object("identity")?;
    let reference = identity.need_string("docker-reference")?;
    for object in [image, identity, critical] {
        object.finish()?;
    }
    let optional = top.need("optional")?;
    top.finish()?;
    let (creator, timestamp) = match optional.is_null() && kind == COSIGN_TYPE {
        true => (None, None),
        false => optional_members(optional.object("`optional`")?)?,
    };
    Ok(Payload {
        digest,
        reference,
        creator,
        timestamp,
    })
}

/// `creator` and `timestamp`; all others are allowed and mean nothing here.
fn optional_members(optional: Object) -> Result<(Option<String>, Option<i64>), StrictError> {
    let mut optional = optional.without_nulls();
    let creator = optional.string("creator")?;
    let timestamp = optional.integer("timestamp")?;
    Ok((creator, timestamp))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(critical: &str, optional: &str) -> String {
        format!("{{\"critical\":{{{critical}}},\"optional\":{optional}}}")
    }

    fn critical(kind: &str) -> String {
        let hex = "a".repeat(64);
        format!(
            "\"type\":\"{kind}\",\"image\":{{\"docker-manifest-digest\":\"sha256:{hex}\"}},\"identity\":{{\"docker-reference\":\"a/b:1\"}}"
        )
    }

    #[test]
    fn a_payload_is_read() {
        let text = payload(
            &critical(SIMPLE_TYPE),
            r#"{"creator":"x","timestamp":12.0,"more":[1]}"#,
        );
        let read = Payload::parse(text.as_bytes(), SIMPLE_TYPE).unwrap();
        assert_eq!(
            (read.reference.as_str(), read.timestamp),
            ("a/b:1", Some(12))
        );
        assert_eq!(read.creator.as_deref(), Some("x"));
        let null = payload(&critical(COSIGN_TYPE), "null");
        assert!(Payload::parse(null.as_bytes(), COSIGN_TYPE).is_ok());
        let nulls = payload(
            &critical(SIMPLE_TYPE),
            r#"{"creator":null,"timestamp":null}"#,
        );
        let read = Payload::parse(nulls.as_bytes(), SIMPLE_TYPE).unwrap();
        assert_eq!((read.creator, read.timestamp), (None, None));
    }

    #[test]
    fn anything_else_is_refused() {
        let good = critical(SIMPLE_TYPE);
        let texts = [
            payload(&critical(COSIGN_TYPE), "{}"),
            payload(&good, "null"),
            payload(&good, r#"{"creator":1}"#),
            payload(&good, r#"{"timestamp":1.5}"#),
            payload(&good, r#"{"timestamp":"1"}"#),
            payload(&format!("{good},\"more\":1"), "{}"),
            payload(&format!("{good},{good}"), "{}"),
            payload(&good.replace("a/b:1\"", "a/b:1\",\"x\":1"), "{}"),
            payload(&good.replace("sha256:", "md5:"), "{}"),
            payload(&good.replace("\"identity\"", "\"Identity\""), "{}"),
            format!("{{\"critical\":{{{good}}}}}"),
            format!("{} x", payload(&good, "{}")),
            format!("[{}]", payload(&good, "{}")),
            payload(&good, "{}").replacen('{', "{\"extra\":{},", 1),
            "This is not JSON".to_owned(),
            String::new(),
        ];
        for text in texts {
            let read = Payload::parse(text.as_bytes(), SIMPLE_TYPE);
            assert!(read.is_err(), "{text}");
        }
    }
}

//! Whether the signatures of a schema 1 manifest are right, and whether it is signed under the name that it was asked
//! for by.

use super::Schema1Error;
use crate::image::schema1::Schema1Document;
use crate::image::{Manifest, Schema1Check, SignatureCheck, Tag};
use crate::transport::Source;
use crate::{Error, Result};

/// The name by which a schema 1 manifest was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The repository without its registry; of docker.io with `library/`.
    pub name: &'a str,
    /// `None` where it was asked for by digest.
    pub tag: Option<&'a str>,
}

/// Checks the signatures of `manifest`, and that a signed one is what was asked for. Unsigned ones and other types
/// have nothing to check.
///
/// # Errors
/// [`Schema1Error::Signature`] for the first bad signature, [`Schema1Error::Name`] for another name or tag.
pub fn verify(
    manifest: &Manifest,
    asked: Option<Asked<'_>>,
) -> Result<Vec<SignatureCheck>, Schema1Error> {
    let checks = manifest.check_signatures()?;
    for (at, check) in checks.iter().enumerate() {
        if let Some(fault) = &check.fault {
            let (index, fault) = (at + 1, fault.clone());
            return Err(Schema1Error::Signature { index, fault });
        }
    }
    let (Some(asked), false) = (asked, checks.is_empty()) else {
        return Ok(checks);
    };
    // Nothing but schema 1 has signatures. How its layers are named does not matter here.
    let view = Schema1Document::of(manifest.payload())?;
    let pairs = [
        ("name", &view.name, Some(asked.name)),
        ("tag", &view.tag, asked.tag),
    ];
    for (what, found, wanted) in pairs {
        if let Some(wanted) = wanted.filter(|wanted| found != wanted) {
            return Err(Schema1Error::Name {
                what,
                found: found.clone(),
                wanted: wanted.to_owned(),
            });
        }
    }
    Ok(checks)
}

/// Checks `manifest`, read from `source`. `named` says that it is what the source's name stands for. Returns a warning
/// when it is signed as another image and `check` lets that pass.
///
/// # Errors
/// [`crate::Kind::Corrupt`] for a wrong signature, and for another name where `check` includes the name.
pub fn check_signatures(
    source: &dyn Source,
    manifest: &Manifest,
    named: bool,
    check: Schema1Check,
) -> Result<Option<String>> {
    if check == Schema1Check::Off {
        return Ok(None);
    }
    let latest = Tag::latest();
    let asked = source.reference().filter(|_| named).map(|r| Asked {
        name: r.repository.name.as_str(),
        tag: match (&r.digest, &r.tag) {
            (Some(_), _) => None,
            (None, tag) => Some(tag.as_ref().unwrap_or(&latest).as_str()),
        },
    });
    match verify(manifest, asked) {
        Ok(_) => Ok(None),
        Err(error @ Schema1Error::Name { .. }) if check == Schema1Check::Signatures => {
            let name = source.name();
            Ok(Some(format!(
                "{error}; `{name}` is probably a copy of that image (`--verify-signature` refuses it)"
            )))
        }
        Err(error) => Err(Error::from(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;
    use crate::image::{Algorithm, Digest};
    use crate::legacy::jws::SigningKey;

    #[test]
    fn a_signed_manifest_answers_to_its_own_name_only() {
        let payload = format!(
            r#"{{"schemaVersion":1,"name":"x/y","tag":"1","fsLayers":[{{"blobSum":"{}"}}],"history":[{{"v1Compatibility":"{{}}"}}]}}"#,
            Digest::of(Algorithm::Sha256, b"a")
        );
        let key = SigningKey::generate().unwrap();
        let signed = key
            .sign(payload.as_bytes(), jiff::Timestamp::UNIX_EPOCH)
            .unwrap();
        let parse = |bytes: bytes::Bytes| Manifest::parse(bytes, None).unwrap();
        let asked = |name, tag| Some(Asked { name, tag });
        let manifest = parse(signed.clone());
        assert_eq!(verify(&manifest, None).unwrap()[0].key_id, Some(key.id()));
        assert!(verify(&manifest, asked("x/y", Some("1"))).is_ok());
        assert!(verify(&manifest, asked("x/y", None)).is_ok());
        for (name, tag) in [("x/z", Some("1")), ("x/y", Some("2")), ("y", None)] {
            let refused = verify(&manifest, asked(name, tag)).unwrap_err();
            assert!(matches!(refused, Schema1Error::Name { .. }), "{refused}");
            assert_eq!(Error::from(refused).kind(), Kind::Corrupt);
        }
        let text = String::from_utf8(signed.to_vec()).unwrap();
        let forged = parse(text.replacen("x/y", "x/z", 1).into());
        assert_eq!(
            verify(&forged, None).unwrap_err().to_string(),
            "signature 1 is not good: it does not match what it signs"
        );
        let unsigned = parse(payload.into());
        assert!(verify(&unsigned, asked("z", None)).unwrap().is_empty());
    }
}

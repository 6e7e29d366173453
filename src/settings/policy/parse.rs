//! The text of a policy becomes requirements; the whole file is checked before any of it is used.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{
    BundleRule, BundleSigner, Identity, KeySource, Pattern, Policy, Requirement, SignedBy, Signer,
    SigstoreSigned,
};
use crate::image::reference::parse_raw;
use crate::image::strict_json::{self, Object, StrictError, Value};
use crate::image::{Reference, Registry};

type Result<T, E = StrictError> = std::result::Result<T, E>;

fn wrong<T>(message: impl Into<String>) -> Result<T> {
    Err(StrictError(message.into()))
}

pub(super) fn parse(text: &[u8]) -> Result<Policy> {
    let mut top = strict_json::parse(text)?.object("")?;
    let Some(default) = top.take("default") else {
        return wrong("`default` is missing");
    };
    let default = requirements(default, "`default`")?;
    let mut transports = BTreeMap::new();
    if let Some(value) = top.take("transports") {
        let all = value.object("`transports`")?;
        let paths: Vec<_> = all.rest();
        for (transport, scopes) in paths {
            let at = format!("`transports.{transport}`");
            let mut by_scope = BTreeMap::new();
            for (scope, value) in scopes.object(&at)?.rest() {
                let at = format!("`transports.{transport}.\"{scope}\"`");
                if !is_scope(&transport, &scope) {
                    return wrong(format!("{at} is not a scope of the transport {transport}"));
                }
                by_scope.insert(scope, requirements(value, &at)?);
            }
            transports.insert(transport, by_scope);
        }
    }
    top.finish()?;
    Ok(Policy {
        default,
        transports,
        file: PathBuf::new(),
    })
}

/// Whether `scope` can be a key of `transport`. Scopes of unknown transports are not looked at.
fn is_scope(transport: &str, scope: &str) -> bool {
    match transport {
        _ if scope.is_empty() => true,
        "dir" | "oci" | "oci-archive" | "sif" => {
            let clean = |part: &str| !matches!(part, "" | "." | "..");
            scope
                .strip_prefix('/')
                .is_some_and(|rest| rest.split('/').all(clean))
        }
        "docker-archive" | "tarball" => false,
        "containers-storage" => scope.starts_with('['),
        _ => true,
    }
}

fn requirements(value: Value, at: &str) -> Result<Vec<Requirement>> {
    let items = value.array(at)?;
    if items.is_empty() {
        return wrong(format!("{at} is empty; it needs at least one requirement"));
    }
    let one = |(i, value): (usize, Value)| {
        let at = format!("{}[{i}]`", at.trim_end_matches('`'));
        requirement(value.object(&at)?)
    };
    items.into_iter().enumerate().map(one).collect()
}

fn requirement(mut object: Object) -> Result<Requirement> {
    let at = object.at("type");
    let kind = object.need_string("type")?;
    let requirement = match kind.as_str() {
        "insecureAcceptAnything" => Requirement::AcceptAnything,
        "reject" => Requirement::Reject,
        "signedBy" => Requirement::SignedBy(signed_by(&mut object)?),
        "sigstoreSigned" => Requirement::SigstoreSigned(Box::new(sigstore_signed(&mut object)?)),
        "sigstoreBundleSigned" => {
            Requirement::SigstoreBundleSigned(Box::new(bundle_signed(&mut object)?))
        }
        "signedBaseLayer" => {
            identity(object.need_object("baseLayerIdentity")?)?;
            Requirement::SignedBaseLayer
        }
        other => return wrong(format!("{at}: `{other}` is not a type of requirement")),
    };
    object.finish()?;
    Ok(requirement)
}

fn signed_by(object: &mut Object) -> Result<SignedBy> {
    let at = object.at("keyType");
    let key_type = object.need_string("keyType")?;
    let known = [
        "GPGKeys",
        "signedByGPGKeys",
        "X509Certificates",
        "signedByX509CAs",
    ];
    if !known.contains(&key_type.as_str()) {
        return wrong(format!("{at}: `{key_type}` is not a type of key"));
    }
    let mut found = sources(object, &["keyPath", "keyPaths", "keyData"])?;
    match (found.pop(), found.len()) {
        (Some((_, keys)), 0) => Ok(SignedBy {
            key_type,
            keys,
            identity: signed_identity(object)?,
        }),
        _ => wrong(format!(
            "{}: exactly one of `keyPath`, `keyPaths` and `keyData` is needed",
            object.path()
        )),
    }
}

fn sigstore_signed(object: &mut Object) -> Result<SigstoreSigned> {
    let path = object.path().to_owned();
    let keys = ["keyPath", "keyPaths", "keyData", "keyDatas"];
    let mut signers = Vec::new();
    for (key, source) in sources(object, &keys)? {
        not_empty(&path, &key, &source)?;
        signers.push(Signer::Keys(source));
    }
    if let Some(value) = object.take("fulcio") {
        signers.push(fulcio(value.object(&object.at("fulcio"))?)?);
    }
    if let Some(value) = object.take("pki") {
        signers.push(pki(value.object(&object.at("pki"))?)?);
    }
    let (Some(signer), 0) = (signers.pop(), signers.len()) else {
        return wrong(format!(
            "{path}: exactly one of {}, `fulcio` and `pki` is needed",
            keys.map(|k| format!("`{k}`")).join(", ")
        ));
    };
    let logs = [
        "rekorPublicKeyPath",
        "rekorPublicKeyPaths",
        "rekorPublicKeyData",
        "rekorPublicKeyDatas",
    ];
    let mut found = sources(object, &logs)?;
    let rekor = found.pop();
    if !found.is_empty() {
        return wrong(format!(
            "{path}: only one of the `rekorPublicKey…` keys can be given"
        ));
    }
    if let Some((key, source)) = &rekor {
        not_empty(&path, key, source)?;
    }
    match (&signer, &rekor) {
        (Signer::Fulcio { .. }, None) => {
            return wrong(format!("{path}: `fulcio` needs a `rekorPublicKey…`"));
        }
        (Signer::Pki { .. }, Some((key, _))) => {
            return wrong(format!("{path}: `{key}` cannot be given with `pki`"));
        }
        _ => {}
    }
    Ok(SigstoreSigned {
        signer,
        rekor: rekor.map(|(_, source)| source),
        identity: signed_identity(object)?,
    })
}

fn bundle_signed(object: &mut Object) -> Result<BundleRule> {
    let path = object.path().to_owned();
    let mut signers = Vec::new();
    let keys = ["keyPath", "keyPaths", "keyData", "keyDatas"];
    for (key, source) in sources(object, &keys)? {
        not_empty(&path, &key, &source)?;
        signers.push(BundleSigner::Keys(source));
    }
    if let Some(value) = object.take("certificate") {
        let mut certificate = value.object(&object.at("certificate"))?;
        let identity = pattern(&mut certificate, "identity", "identityRegexp")?;
        let issuer = pattern(&mut certificate, "oidcIssuer", "oidcIssuerRegexp")?;
        certificate.finish()?;
        signers.push(BundleSigner::Certificate { identity, issuer });
    }
    let (Some(signer), 0) = (signers.pop(), signers.len()) else {
        return wrong(format!(
            "{path}: exactly one of {} and `certificate` is needed",
            keys.map(|k| format!("`{k}`")).join(", ")
        ));
    };
    let is_certificate = matches!(signer, BundleSigner::Certificate { .. });
    let root = ["trustedRootPath", "trustedRootData"];
    let trusted_root = one_source(object, &root, is_certificate)?;
    let predicate_type = object.string("predicateType")?;
    let at = object.at("signedIdentity");
    let identity = match object.take("signedIdentity") {
        Some(value) => {
            let mut value = value.object(&at)?;
            match value.string("type")?.as_deref() {
                Some("matchDigest") => {
                    value.finish()?;
                    Identity::Digest
                }
                Some(kind) => identity_of(kind, value)?,
                None => return wrong(format!("{} is missing", value.at("type"))),
            }
        }
        None => Identity::default(),
    };
    Ok(BundleRule {
        signer,
        trusted_root,
        predicate_type: predicate_type.unwrap_or_else(|| BundleRule::SIGNATURE.to_owned()),
        identity,
    })
}

/// One of the keys `exact` and `regexp`, which is needed.
fn pattern(object: &mut Object, exact: &str, regexp: &str) -> Result<Pattern> {
    match (object.string(exact)?, object.string(regexp)?) {
        (Some(text), None) if !text.is_empty() => Ok(Pattern::Exact(text)),
        (None, Some(text)) if !text.is_empty() => Ok(Pattern::Regexp(text)),
        _ => wrong(format!(
            "{}: exactly one of `{exact}` and `{regexp}` is needed",
            object.path()
        )),
    }
}

fn fulcio(mut object: Object) -> Result<Signer> {
    let ca = one_source(&mut object, &["caPath", "caData"], true)?;
    let needed = |object: &mut Object, key: &str| match object.string(key)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => wrong(format!("{} is missing", object.at(key))),
    };
    let oidc_issuer = needed(&mut object, "oidcIssuer")?;
    let subject_email = needed(&mut object, "subjectEmail")?;
    object.finish()?;
    match ca {
        Some(ca) => Ok(Signer::Fulcio {
            ca,
            oidc_issuer,
            subject_email,
        }),
        None => wrong("`fulcio` has no certificate authority"),
    }
}

fn pki(mut object: Object) -> Result<Signer> {
    let roots = one_source(&mut object, &["caRootsPath", "caRootsData"], true)?;
    let intermediates = ["caIntermediatesPath", "caIntermediatesData"];
    let intermediates = one_source(&mut object, &intermediates, false)?;
    let subject_email = object.string("subjectEmail")?.filter(|t| !t.is_empty());
    let subject_hostname = object.string("subjectHostname")?.filter(|t| !t.is_empty());
    if subject_email.is_none() && subject_hostname.is_none() {
        return wrong(format!(
            "{}: `subjectEmail` or `subjectHostname` is needed",
            object.path()
        ));
    }
    object.finish()?;
    match roots {
        Some(roots) => Ok(Signer::Pki {
            roots,
            intermediates,
            subject_email,
            subject_hostname,
        }),
        None => wrong("`pki` has no certificate authority"),
    }
}

fn one_source(object: &mut Object, keys: &[&str; 2], needed: bool) -> Result<Option<KeySource>> {
    let mut found = sources(object, keys)?;
    let source = found.pop();
    if !found.is_empty() || (needed && source.is_none()) {
        let count = if needed { "exactly" } else { "at most" };
        let [a, b] = keys;
        return wrong(format!(
            "{}: {count} one of `{a}` and `{b}` is needed",
            object.path()
        ));
    }
    Ok(source.map(|(_, source)| source))
}

/// Takes those of `keys` out that are there, each with its name. The name says how a value is read: `…Path` and
/// `…Data` are one, `…Paths` and `…Datas` are several. An empty string counts as not given.
fn sources(object: &mut Object, keys: &[&str]) -> Result<Vec<(String, KeySource)>> {
    let mut found = Vec::new();
    for &key in keys {
        let at = object.at(key);
        let (texts, one) = match key.ends_with('s') {
            true => (object.strings(key)?, false),
            false => (object.string(key)?.map(|text| vec![text]), true),
        };
        let Some(texts) = texts.filter(|texts| !(one && texts.iter().all(String::is_empty))) else {
            continue;
        };
        let source = if key.contains("Data") {
            let decoded = texts.iter().map(|text| decoded(text, &at));
            KeySource::Data(decoded.collect::<Result<_>>()?)
        } else {
            KeySource::Files(texts.into_iter().map(PathBuf::from).collect())
        };
        found.push((key.to_owned(), source));
    }
    Ok(found)
}

fn not_empty(path: &str, key: &str, source: &KeySource) -> Result<()> {
    let is_empty = match source {
        KeySource::Files(paths) => paths.is_empty(),
        KeySource::Data(all) => all.is_empty(),
    };
    match is_empty {
        true => wrong(format!("{path}: `{key}` has no entries")),
        false => Ok(()),
    }
}

/// Base64, in which line ends are skipped.
fn decoded(text: &str, at: &str) -> Result<Vec<u8>> {
    let text: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    match STANDARD.decode(text) {
        Ok(bytes) => Ok(bytes),
        Err(e) => wrong(format!("{at} is not base64: {e}")),
    }
}

fn signed_identity(object: &mut Object) -> Result<Identity> {
    let at = object.at("signedIdentity");
    match object.take("signedIdentity") {
        Some(value) => identity(value.object(&at)?),
        None => Ok(Identity::default()),
    }
}

fn identity(mut object: Object) -> Result<Identity> {
    let kind = object.need_string("type")?;
    identity_of(&kind, object)
}

/// The identity of the type `kind`, with the members of `object` besides.
fn identity_of(kind: &str, mut object: Object) -> Result<Identity> {
    let at = object.at("type");
    let identity = match kind {
        "matchExact" => Identity::Exact,
        "matchRepoDigestOrExact" => Identity::RepoDigestOrExact,
        "matchRepository" => Identity::Repository,
        "exactReference" => {
            let reference = reference(&mut object, "dockerReference")?;
            if reference.tag.is_none() && reference.digest.is_none() {
                return wrong(format!(
                    "{}: neither a tag nor a digest",
                    object.at("dockerReference")
                ));
            }
            Identity::ExactReference(reference)
        }
        // As for other programs, a tag in the value is ignored.
        "exactRepository" => {
            Identity::ExactRepository(reference(&mut object, "dockerRepository")?.repository)
        }
        "remapIdentity" => Identity::Remap {
            prefix: prefix(&mut object, "prefix")?,
            signed_prefix: prefix(&mut object, "signedPrefix")?,
        },
        other => return wrong(format!("{at}: `{other}` is not a type of identity")),
    };
    object.finish()?;
    Ok(identity)
}

fn reference(object: &mut Object, key: &str) -> Result<Reference> {
    let text = object.need_string(key)?;
    match text.parse::<Reference>() {
        Ok(reference) => Ok(reference),
        Err(e) => wrong(format!(
            "{}: `{text}` is not a valid image name: {e}",
            object.at(key)
        )),
    }
}

/// `HOST[:PORT]`, or a name without tag and digest.
fn prefix(object: &mut Object, key: &str) -> Result<String> {
    let text = object.need_string(key)?;
    let is_host = text.parse::<Registry>().is_ok();
    let is_name = parse_raw(&text).is_ok_and(|raw| raw.tag.is_none() && raw.digest.is_none())
        && text.parse::<Reference>().is_ok();
    match is_host || is_name {
        true => Ok(text),
        false => wrong(format!(
            "{}: `{text}` is neither a host nor a name without tag and digest",
            object.at(key)
        )),
    }
}

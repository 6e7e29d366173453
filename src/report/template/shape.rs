//! `Shape`: the Go type of a document, by which a template knows a struct from a map and a zero from nothing.
//!
//! A template written for skopeo runs over Go structs: an unknown field is an error, a field that the JSON leaves out
//! is empty, a nil map prints as `map[]`. JSON alone does not say any of this, so the types are written down here,
//! apart from the evaluator. A test keeps them in step with the documents. How their values are held, `value` knows.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::value::{Struct as Fields, Value};
use crate::report::go_time::GoTime;
use crate::report::json;

/// A Go type, as far as templates can tell.
#[derive(Debug, PartialEq)]
pub(crate) enum Shape {
    Text,
    Number,
    Bool,
    /// `digest.Digest`.
    Digest,
    /// `*time.Time`; a missing one is a nil pointer.
    Time,
    List(&'static Shape),
    Map(&'static Shape),
    /// Fields: the name in JSON, the name in Go, the type. A field whose name in JSON is empty is an embedded struct:
    /// its members stand among those of the one around it, in JSON and for templates.
    Struct(&'static [(&'static str, &'static str, Shape)]),
}

use Shape::{Bool, Digest, List, Map, Number, Struct, Text, Time};

/// The document of `inspect` ([`InspectReport`](crate::report::inspect::InspectReport)).
pub(crate) static INSPECT: Shape = Struct(&[
    ("Name", "Name", Text),
    ("Tag", "Tag", Text),
    ("Digest", "Digest", Digest),
    ("RepoTags", "RepoTags", List(&Text)),
    ("Created", "Created", Time),
    ("DockerVersion", "DockerVersion", Text),
    ("Labels", "Labels", Map(&Text)),
    ("Architecture", "Architecture", Text),
    ("Os", "Os", Text),
    ("Layers", "Layers", List(&Text)),
    ("LayersData", "LayersData", List(&LAYER_DATA)),
    ("Env", "Env", List(&Text)),
    ("MediaType", "MediaType", Text),
    ("ManifestDigest", "ManifestDigest", Digest),
    ("ConfigDigest", "ConfigDigest", Digest),
    ("Size", "Size", Number),
    ("Platforms", "Platforms", List(&Text)),
    ("Platform", "Platform", Text),
    ("ArtifactType", "ArtifactType", Text),
    ("SignatureVerdict", "SignatureVerdict", Text),
    ("Signatures", "Signatures", List(&SIGNATURE)),
    ("Attestations", "Attestations", List(&ATTESTATION)),
    ("Referrers", "Referrers", List(&REFERRER)),
    ("Trust", "Trust", TRUST),
]);

static ATTESTATION: Shape = Struct(&[
    ("PredicateType", "PredicateType", Text),
    ("MediaType", "MediaType", Text),
    ("Digest", "Digest", Digest),
    ("Size", "Size", Number),
    ("Manifest", "Manifest", Digest),
]);

/// The document of `referrers` ([`ReferrersReport`](crate::report::referrers::ReferrersReport)).
pub(crate) static REFERRERS: Shape = Struct(&[
    ("Name", "Name", Text),
    ("Digest", "Digest", Digest),
    ("MediaType", "MediaType", Text),
    ("Referrers", "Referrers", List(&REFERRER)),
    ("Entries", "Entries", List(&ENTRY)),
]);

static ENTRY: Shape = Struct(&[
    ("Digest", "Digest", Digest),
    ("Size", "Size", Number),
    ("MediaType", "MediaType", Text),
    ("Platform", "Platform", Text),
    ("Referrers", "Referrers", List(&REFERRER)),
]);

static REFERRER: Shape = Struct(&[
    ("Digest", "Digest", Digest),
    ("Size", "Size", Number),
    ("MediaType", "MediaType", Text),
    ("ArtifactType", "ArtifactType", Text),
    ("Tag", "Tag", Text),
    ("Subject", "Subject", Digest),
    ("Annotations", "Annotations", Map(&Text)),
    ("Referrers", "Referrers", List(&REFERRER)),
]);

/// What a signature policy says (`Verdict` of `trust`).
const TRUST: Shape = Struct(&[
    ("Image", "Image", Text),
    ("Digest", "Digest", Digest),
    ("Policy", "Policy", Text),
    ("Scope", "Scope", Text),
    ("Accepted", "Accepted", Bool),
    ("Verified", "Verified", Bool),
    ("Requirements", "Requirements", List(&REQUIREMENT)),
]);

static REQUIREMENT: Shape = Struct(&[
    ("Type", "Type", Text),
    ("Satisfied", "Satisfied", Bool),
    ("Reason", "Reason", Text),
    ("Signatures", "Signatures", List(&ATTEMPT)),
]);

static ATTEMPT: Shape = Struct(&[
    ("Signature", "Signature", Text),
    ("Verified", "Verified", Bool),
    ("Format", "Format", Text),
    ("Fingerprint", "Fingerprint", Text),
    ("SigningFingerprint", "SigningFingerprint", Text),
    ("Key", "Key", Text),
    ("Identity", "Identity", Text),
    ("Issuer", "Issuer", Text),
    ("Reference", "Reference", Text),
    ("Creator", "Creator", Text),
    ("Created", "Created", Text),
    ("Witnessed", "Witnessed", Text),
    ("Reason", "Reason", Text),
]);

static SIGNATURE: Shape = Struct(&[
    ("KeyId", "KeyId", Text),
    ("Algorithm", "Algorithm", Text),
    ("Time", "Time", Text),
    ("Verdict", "Verdict", Text),
    ("Fault", "Fault", Text),
]);

static LAYER_DATA: Shape = Struct(&[
    ("MIMEType", "MIMEType", Text),
    ("Digest", "Digest", Digest),
    ("Size", "Size", Number),
    ("Annotations", "Annotations", Map(&Text)),
]);

/// The document of `inspect --config`: the OCI image config (image-spec, config.md), by the field names of Go's struct.
pub(crate) static CONFIG: Shape = Struct(&[
    ("created", "Created", Time),
    ("author", "Author", Text),
    ("", "Platform", Struct(PLATFORM)),
    ("config", "Config", Struct(RUN_CONFIG)),
    ("rootfs", "RootFS", Struct(ROOT_FS)),
    ("history", "History", List(&HISTORY)),
]);

static PLATFORM: &[(&str, &str, Shape)] = &[
    ("architecture", "Architecture", Text),
    ("os", "OS", Text),
    ("os.version", "OSVersion", Text),
    ("os.features", "OSFeatures", List(&Text)),
    ("variant", "Variant", Text),
];

static RUN_CONFIG: &[(&str, &str, Shape)] = &[
    ("User", "User", Text),
    ("ExposedPorts", "ExposedPorts", Map(&Struct(&[]))),
    ("Env", "Env", List(&Text)),
    ("Entrypoint", "Entrypoint", List(&Text)),
    ("Cmd", "Cmd", List(&Text)),
    ("Volumes", "Volumes", Map(&Struct(&[]))),
    ("WorkingDir", "WorkingDir", Text),
    ("Labels", "Labels", Map(&Text)),
    ("StopSignal", "StopSignal", Text),
    ("ArgsEscaped", "ArgsEscaped", Bool),
];

static ROOT_FS: &[(&str, &str, Shape)] = &[
    ("type", "Type", Text),
    ("diff_ids", "DiffIDs", List(&Digest)),
];

static HISTORY: Shape = Struct(&[
    ("created", "Created", Time),
    ("created_by", "CreatedBy", Text),
    ("author", "Author", Text),
    ("comment", "Comment", Text),
    ("empty_layer", "EmptyLayer", Bool),
]);

impl Shape {
    /// The document `json` as a template sees it. What is missing, `null` or of another type is the type's zero.
    pub(super) fn value(&'static self, json: &Json) -> Value {
        match self {
            Text => Value::Text(json.as_str().unwrap_or_default().into()),
            Number => Value::Int(json.as_i64().unwrap_or_else(|| match json.is_u64() {
                true => i64::MAX,
                false => 0,
            })),
            Bool => Value::Bool(json.as_bool().unwrap_or_default()),
            Digest => match json.as_str() {
                Some(digest) if digest.contains(':') => Value::Digest(digest.into()),
                other => Value::Text(other.unwrap_or_default().into()),
            },
            Time => {
                let time = json.as_str().and_then(GoTime::parse);
                time.map_or(Value::Nil, |time| Value::Time(time.into()))
            }
            List(item) => {
                let items = json.as_array();
                Value::List(items.map(|items| items.iter().map(|i| item.value(i)).collect()))
            }
            Map(item) => {
                let members = json.as_object().map(|members| {
                    let members = members.iter().map(|(k, v)| (k.clone(), item.value(v)));
                    members.collect::<BTreeMap<_, _>>().into()
                });
                Value::Map(members, item)
            }
            Struct(fields) => structure(fields, json, json::to_compact_json(json)),
        }
    }

    /// The value of this type that Go has for nothing.
    pub(super) fn zero(&'static self) -> Value {
        self.value(&Json::Null)
    }
}

fn structure(fields: &'static [(&str, &str, Shape)], json: &Json, text: String) -> Value {
    let mut own = Vec::new();
    let mut promoted = Vec::new();
    for (key, name, shape) in fields {
        let value = match shape {
            Struct(members) if key.is_empty() => {
                let member = |(key, name, of): &'static (&str, &'static str, Shape)| {
                    (*name, of.value(&json[*key]))
                };
                promoted.extend(members.iter().map(member));
                let present = members.iter().filter_map(|(key, ..)| {
                    let member = json::to_compact_json(json.get(*key)?);
                    Some(format!("{}:{member}", json::to_compact_json(key)))
                });
                let present: Vec<_> = present.collect();
                structure(members, json, format!("{{{}}}", present.join(",")))
            }
            _ => shape.value(&json[*key]),
        };
        own.push((*name, value));
    }
    Value::Struct(
        Fields {
            fields: own,
            promoted,
            json: text,
        }
        .into(),
    )
}

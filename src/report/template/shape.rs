//! `Shape`: the Go type of a document, by which a template knows a struct from a map and a zero from nothing.
//!
//! A template written for skopeo runs over Go structs: an unknown field is an error, a field that the JSON leaves out
//! is empty, a nil map prints as `map[]`. JSON alone does not say any of this, so the types are written down here,
//! apart from the evaluator. A test keeps them in step with the documents. How their values are held, `value` knows.

use gtmpl_ng::Value;
use serde_json::Value as Json;

use super::value::{digest, nil_list, nil_map, object, plain, time};
use crate::report::go_time::GoTime;
use crate::report::json;

/// A Go type, as far as templates can tell.
#[derive(Debug)]
pub enum Shape {
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
pub static INSPECT: Shape = Struct(&[
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
pub static CONFIG: Shape = Struct(&[
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
    pub(super) fn value(&self, json: &Json) -> Value {
        match self {
            Text => Value::from(json.as_str().unwrap_or_default()),
            Number => json.as_u64().map_or_else(
                || Value::from(json.as_i64().unwrap_or_default()),
                Value::from,
            ),
            Bool => Value::from(json.as_bool().unwrap_or_default()),
            Digest => digest(json.as_str().unwrap_or_default()),
            Time => json
                .as_str()
                .and_then(GoTime::parse)
                .map_or(Value::Nil, |moment| time(&moment)),
            List(item) => json.as_array().map_or_else(nil_list, |items| {
                Value::Array(items.iter().map(|i| item.value(i)).collect())
            }),
            Map(item) => json.as_object().map_or_else(nil_map, |members| {
                Value::Map(
                    members
                        .iter()
                        .map(|(k, v)| (k.clone(), item.value(v)))
                        .collect(),
                )
            }),
            Struct(fields) => structure(fields, json, json::to_compact_json(json)),
        }
    }
}

fn structure(fields: &[(&str, &'static str, Shape)], json: &Json, text: String) -> Value {
    let mut values = Vec::new();
    let mut spoken = Vec::new();
    for (key, name, shape) in fields {
        let value = match shape {
            Struct(members) if key.is_empty() => {
                values.extend(
                    members
                        .iter()
                        .map(|(key, name, of)| (*name, of.value(&json[*key]))),
                );
                let own = members
                    .iter()
                    .filter_map(|(key, ..)| Some((*key, json.get(*key)?)));
                let own: Vec<_> = own
                    .map(|(key, member)| {
                        format!(
                            "{}:{}",
                            json::to_compact_json(&key),
                            json::to_compact_json(member)
                        )
                    })
                    .collect();
                structure(members, json, format!("{{{}}}", own.join(",")))
            }
            _ => shape.value(&json[*key]),
        };
        spoken.push(plain(&value).to_string());
        values.push((*name, value));
    }
    object(values, format!("{{{}}}", spoken.join(" ")), text)
}

//! `Shape`: the Go type of a document, by which a template knows a struct from a map and a zero from nothing.
//!
//! A template written for skopeo runs over Go structs: an unknown field is an error, a field that the JSON leaves out
//! is empty, a nil map prints as `map[]`. JSON alone does not say any of this, so the types are written down here,
//! apart from the evaluator. A test keeps them in step with the documents.

use gtmpl_ng::Value;
use serde_json::Value as Json;

use crate::report::go_time::GoTime;
use crate::report::json;

/// The name under which a struct's JSON text lies among its fields: no template can spell it.
const JSON_TEXT: &str = "";

/// A Go type, as far as templates can tell.
#[derive(Debug)]
pub enum Shape {
    Text,
    Number,
    Bool,
    /// `time.Time`; a missing one is a nil pointer.
    Time,
    List(&'static Shape),
    Map(&'static Shape),
    /// Fields: the name in JSON, the name in Go, the type.
    Struct(&'static [(&'static str, &'static str, Shape)]),
}

use Shape::{Bool, List, Map, Number, Struct, Text, Time};

/// The document of `inspect` ([`InspectReport`](crate::report::inspect::InspectReport)).
pub static INSPECT: Shape = Struct(&[
    ("Name", "Name", Text),
    ("Tag", "Tag", Text),
    ("Digest", "Digest", Text),
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
    ("ManifestDigest", "ManifestDigest", Text),
    ("ConfigDigest", "ConfigDigest", Text),
    ("Size", "Size", Number),
    ("Platforms", "Platforms", List(&Text)),
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
    ("Digest", "Digest", Text),
    ("Size", "Size", Number),
    ("Annotations", "Annotations", Map(&Text)),
]);

/// The document of `inspect --config`: the OCI image config (image-spec, config.md), by the field names of Go's struct.
pub static CONFIG: Shape = Struct(&[
    ("created", "Created", Time),
    ("author", "Author", Text),
    ("architecture", "Architecture", Text),
    ("variant", "Variant", Text),
    ("os", "OS", Text),
    ("os.version", "OSVersion", Text),
    ("os.features", "OSFeatures", List(&Text)),
    ("config", "Config", Struct(RUN_CONFIG)),
    ("rootfs", "RootFS", Struct(ROOT_FS)),
    ("history", "History", List(&HISTORY)),
]);

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

static ROOT_FS: &[(&str, &str, Shape)] =
    &[("type", "Type", Text), ("diff_ids", "DiffIDs", List(&Text))];

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
            Time => json
                .as_str()
                .and_then(GoTime::parse)
                .map_or(Value::Nil, |time| Value::from(time.spoken())),
            List(item) => {
                let items = json.as_array().into_iter().flatten();
                Value::Array(items.map(|i| item.value(i)).collect())
            }
            Map(item) => {
                let members = json.as_object().into_iter().flatten();
                Value::Map(members.map(|(k, v)| (k.clone(), item.value(v))).collect())
            }
            Struct(fields) => {
                let text = Value::from(json::to_compact_json(json));
                let fields = fields
                    .iter()
                    .map(|(key, name, shape)| ((*name).to_owned(), shape.value(&json[*key])));
                let json_text = (JSON_TEXT.to_owned(), text);
                Value::Object(fields.chain([json_text]).collect())
            }
        }
    }
}

/// The JSON of a value on one line: structs in the order of their document, maps sorted as Go does.
pub(super) fn to_json(value: &Value) -> String {
    match value {
        Value::Object(fields) => match fields.get(JSON_TEXT) {
            Some(Value::String(text)) => text.clone(),
            _ => "{}".to_owned(),
        },
        Value::Map(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(key, _)| *key);
            let members = members
                .iter()
                .map(|(key, value)| format!("{}:{}", json::to_compact_json(key), to_json(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(to_json).collect();
            format!("[{}]", items.join(","))
        }
        Value::String(text) => json::to_compact_json(text),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::NoValue | Value::Nil | Value::Function(_) => "null".to_owned(),
    }
}

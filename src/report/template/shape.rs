//! `Shape`: the Go type of a document, by which a template knows a struct from a map and a zero from nothing.
//!
//! A template written for skopeo runs over Go structs: an unknown field is an error, a field that the JSON leaves out
//! is empty, a nil map prints as `map[]`. JSON alone does not say any of this, so the types are written down here,
//! apart from the evaluator. A test keeps them in step with the documents. How their values are held, `value` knows.

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

/// The result of a signature policy (`Verdict` of `trust`).
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

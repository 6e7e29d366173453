use super::*;
use crate::Kind;
use crate::report::template::{INSPECT, Shape};
use bytes::Bytes;
use serde_json::{Value, json};

const CONFIG: &[u8] = br#"{
    "created": "2021-09-23T23:47:57.442200Z", "architecture": "arm64", "os": "linux", "docker_version": "20.10",
    "config": {"Labels": {"b": "<1>", "a": ""}, "Env": ["PATH=/bin"]}
}"#;

fn hex(digit: char) -> String {
    format!("sha256:{}", String::from(digit).repeat(64))
}

fn manifest(document: &Value) -> Manifest {
    let media_type = document["mediaType"].as_str().map(str::to_owned);
    let raw = serde_json::to_vec(document).unwrap();
    Manifest::parse(Bytes::from(raw), media_type.as_deref()).unwrap()
}

fn image(media_type: &str, config_type: &str) -> Manifest {
    manifest(&json!({
        "schemaVersion": 2, "mediaType": media_type,
        "config": {"mediaType": config_type, "digest": hex('c'), "size": 10},
        "layers": [
            {"mediaType": "layer/a", "digest": hex('1'), "size": 100, "annotations": {"k": "v"}},
            {"mediaType": "layer/b", "digest": hex('2'), "size": 20},
            {"mediaType": "layer/b", "digest": hex('2'), "size": 20},
        ],
    }))
}

fn describe(top: &Manifest, image: &Manifest, config: Option<&[u8]>) -> InspectReport {
    InspectReport::new(Inspected {
        name: None,
        top,
        image,
        config,
        tags: Vec::new(),
    })
    .unwrap()
}

#[test]
fn a_chosen_image_has_all_keys_in_order() {
    let top = manifest(&json!({
        "schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [
            {"mediaType": MediaType::OCI_MANIFEST, "digest": hex('a'), "size": 1,
             "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}},
            {"mediaType": MediaType::OCI_MANIFEST, "digest": hex('b'), "size": 1,
             "platform": {"os": "linux", "architecture": "arm64"}},
            {"mediaType": MediaType::OCI_MANIFEST, "digest": hex('d'), "size": 1,
             "platform": {"os": "unknown", "architecture": "unknown"}},
        ],
    }));
    let image = image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG);
    let report = InspectReport::new(Inspected {
        name: Some("docker.io/library/x".into()),
        top: &top,
        image: &image,
        config: Some(CONFIG),
        tags: vec!["1".into(), "latest".into()],
    });
    insta::assert_snapshot!(to_go_json(&report.unwrap()), @r#"
    {
        "Name": "docker.io/library/x",
        "Digest": "sha256:079b909e4a791e6fcee0e7561fe2f55446362f062319da3461fa3ab22e9ca8fa",
        "RepoTags": [
            "1",
            "latest"
        ],
        "Created": "2021-09-23T23:47:57.4422Z",
        "DockerVersion": "20.10",
        "Labels": {
            "a": "",
            "b": "\u003c1\u003e"
        },
        "Architecture": "arm64",
        "Os": "linux",
        "Layers": [
            "sha256:1111111111111111111111111111111111111111111111111111111111111111",
            "sha256:2222222222222222222222222222222222222222222222222222222222222222",
            "sha256:2222222222222222222222222222222222222222222222222222222222222222"
        ],
        "LayersData": [
            {
                "MIMEType": "layer/a",
                "Digest": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
                "Size": 100,
                "Annotations": {
                    "k": "v"
                }
            },
            {
                "MIMEType": "layer/b",
                "Digest": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
                "Size": 20,
                "Annotations": null
            },
            {
                "MIMEType": "layer/b",
                "Digest": "sha256:2222222222222222222222222222222222222222222222222222222222222222",
                "Size": 20,
                "Annotations": null
            }
        ],
        "Env": [
            "PATH=/bin"
        ],
        "MediaType": "application/vnd.oci.image.index.v1+json",
        "ManifestDigest": "sha256:cbac4e18c7212ae0cfcbb2dc4333bc9901fae37cc3f72775ddfc9249bb440484",
        "ConfigDigest": "sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc",
        "Size": 130,
        "Platforms": [
            "linux/arm/v7",
            "linux/arm64"
        ],
        "Platform": "linux/arm64"
    }
    "#);
}

#[test]
fn missing_time_depends_on_the_format() {
    let oci = image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG);
    let report = describe(&oci, &oci, Some(b"{}"));
    assert_eq!(
        (report.created, report.labels, report.env),
        (None, None, None)
    );
    let docker = image(MediaType::DOCKER_MANIFEST, MediaType::DOCKER_CONFIG);
    let report = describe(
        &docker,
        &docker,
        Some(br#"{"created":"?","config":{"Labels":{},"Env":[]}}"#),
    );
    assert_eq!(report.created, Some(GoTime::zero()));
    assert_eq!(report.labels, Some(BTreeMap::new()));
    assert_eq!(report.env, Some(Vec::new()));
    assert_eq!(report.platforms, None);
}

#[cfg(feature = "legacy")]
#[test]
fn schema_1_lists_base_first_without_sizes() {
    let id = |digit: &str| digit.repeat(64);
    let base = json!({"id": id("a")}).to_string();
    let mut newest: Value = serde_json::from_slice(CONFIG).unwrap();
    (newest["id"], newest["parent"]) = (json!(id("b")), json!(id("a")));
    let newest = newest.to_string();
    let old = manifest(&json!({
        "schemaVersion": 1, "name": "library/x", "tag": "1", "architecture": "amd64",
        "fsLayers": [{"blobSum": hex('2')}, {"blobSum": hex('1')}],
        "history": [{"v1Compatibility": newest}, {"v1Compatibility": base}],
    }));
    let report = serde_json::to_value(describe(&old, &old, None)).unwrap();
    assert_eq!(report["Tag"], "1");
    assert_eq!(report["Architecture"], "arm64");
    assert_eq!(report["Layers"], json!([hex('1'), hex('2')]));
    assert_eq!(
        report["LayersData"][0],
        json!({"MIMEType": "", "Digest": hex('1'), "Size": -1, "Annotations": null})
    );
    assert_eq!(
        (&report["Size"], &report["ConfigDigest"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn an_artifact_is_described_without_reading_its_config() {
    let chart = image(
        MediaType::OCI_MANIFEST,
        "application/vnd.cncf.helm.config.v1+json",
    );
    assert!(matches!(chart.view().unwrap(), View::Image(view) if !view.is_image()));
    let report = serde_json::to_value(describe(&chart, &chart, None)).unwrap();
    assert_eq!(
        report["ArtifactType"],
        "application/vnd.cncf.helm.config.v1+json"
    );
    assert_eq!(
        (&report["Created"], &report["Os"]),
        (&Value::Null, &json!(""))
    );
    assert_eq!(report["LayersData"][1]["MIMEType"], "layer/b");
}

#[test]
fn a_broken_config_is_corrupt() {
    let oci = image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG);
    for config in [&b""[..], b"[]", b"{\"os\":1}", b"<html>"] {
        let from = Inspected {
            name: None,
            top: &oci,
            image: &oci,
            config: Some(config),
            tags: Vec::new(),
        };
        assert_eq!(InspectReport::new(from).unwrap_err().kind(), Kind::Corrupt);
    }
}

#[test]
fn a_list_in_pieces_is_the_document() {
    for count in [0, 1, 2, 4095, 4096, 4097, 9000] {
        for repository in [None, Some("r.io/<a>".to_owned())] {
            let tags = (0..count).map(|i| format!("<{i}>\"")).collect();
            let report = ListReport { repository, tags };
            let whole = to_go_json(&report) + "\n";
            let pieces: Vec<String> = report.into_json().collect();
            assert!(pieces.concat() == whole, "{count} tags");
            assert_eq!(pieces.len(), 1 + (count as usize).div_ceil(4096));
        }
    }
}

#[test]
fn tags_without_a_repository() {
    let report = ListReport {
        repository: None,
        tags: Vec::new(),
    };
    assert_eq!(to_go_json(&report), "{\n    \"Tags\": []\n}");
}

#[test]
fn templates_know_every_key() {
    let oci = image(MediaType::OCI_MANIFEST, MediaType::OCI_CONFIG);
    let mut report = describe(&oci, &oci, Some(CONFIG));
    report.name = Some(String::new());
    report.tag = Some(String::new());
    report.platforms = Some(Vec::new());
    report.platform = Some(String::new());
    report.artifact_type = Some("".into());
    report.add_signatures(&[], true);
    report.attestations = Some(Vec::new());
    report.referrers = Some(Vec::new());
    report.trust = Some(Verdict {
        image: String::new(),
        digest: oci.digest().clone(),
        policy: None,
        scope: None,
        accepted: true,
        verified: false,
        requirements: Vec::new(),
    });
    let report = serde_json::to_value(report).unwrap();
    let keys: Vec<_> = report.as_object().unwrap().keys().collect();
    let Shape::Struct(fields) = &INSPECT else {
        panic!("a document is a struct");
    };
    assert_eq!(keys, fields.iter().map(|f| f.0).collect::<Vec<_>>());
    assert!(fields.iter().all(|f| f.0 == f.1));
}

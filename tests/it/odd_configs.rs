//! Configs that other tools wrote strangely: barque reads them as Go's decoder does, which is what skopeo reads with.

use serde_json::Value;

use super::support::Barque;
use super::support::images::{self, Dialect, Maker, TestImage, sha256, write_dir};
use super::support::peers;
use super::support::sandbox::Sandbox;

/// An image whose config has these members besides what it needs.
pub(crate) fn image(dialect: Dialect, members: &[u8]) -> TestImage {
    let base = Maker::new(dialect).file_layer("a", b"1").make();
    let config: Value = serde_json::from_slice(&base.blobs[&base.config()]).unwrap();
    let rootfs = config["rootfs"].to_string();
    let head = format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{rootfs},"#);
    let config = [head.as_bytes(), members, b"}"].concat();
    let mut manifest = base.json();
    manifest["config"]["digest"] = sha256(&config).to_string().into();
    manifest["config"]["size"] = config.len().into();
    let mut blobs = base.blobs.clone();
    blobs.remove(&base.config());
    blobs.insert(sha256(&config), config);
    TestImage {
        blobs,
        ..TestImage::raw(&base.media_type, manifest.to_string())
    }
}

const ODD: [(&str, &[u8]); 4] = [
    (
        "latin1",
        b"\"author\":\"Ren\xe9\",\"config\":{\"Labels\":{\"a\":\"caf\xe9\xe2\x82\"}},\"history\":[{\"created_by\":\"\xfc\"}]",
    ),
    (
        "surrogates",
        br#""author":"\ud83d x","config":{"Env":["A=\udc00\ud83d\ude00"]},"history":[{"created_by":"\ud800"}]"#,
    ),
    (
        "twice",
        br#""author":"a","author":"b","config":{"User":"u","Env":["A=1"]},"config":{"Env":["B=2"]},"history":[{"created_by":"1"},{}],"history":[{"created_by":"2"}]"#,
    ),
    (
        "case",
        br#""AUTHOR":"a","Config":{"env":["A=1"],"LABELS":{"x":"y"},"labels":{"z":"w"}},"History":[{"Created_By":"2"}]"#,
    ),
];

#[test]
fn odd_configs_are_read_and_converted_as_by_skopeo() {
    peers::needs!("skopeo");
    for dialect in [Dialect::Oci, Dialect::Docker] {
        for (name, members) in ODD {
            let (barque, skopeo) = (Barque::new(), peers::skopeo());
            write_dir(&barque.path("dir"), &image(dialect, members));
            let from = format!("dir:{}", barque.path("dir").display());
            for args in [&["inspect", &from][..], &["inspect", "--config", &from]] {
                let theirs = skopeo.args(args).run().ok().json();
                let ours = barque.args(args).run().ok().json();
                for (key, value) in theirs.as_object().unwrap() {
                    assert_eq!(&ours[key], value, "{name}: {key}");
                }
            }
            skopeo.args(["copy", "-q", &from, "oci:out:1"]).run().ok();
            barque.args(["copy", "-q", &from, "oci:out:1"]).run().ok();
            let digest = |sandbox: &Sandbox| {
                let index = std::fs::read(sandbox.path("out/index.json")).unwrap();
                serde_json::from_slice::<Value>(&index).unwrap()["manifests"][0]["digest"].clone()
            };
            assert_eq!(digest(&barque), digest(&skopeo), "{name}");
            let archive = "docker-archive:out.tar:a:1";
            barque.args(["copy", "-q", &from, archive]).run().ok();
            let args = ["copy", "-q", "docker-archive:out.tar", "dir:back"];
            let out = barque.path("out.tar");
            std::fs::copy(out, skopeo.path("out.tar")).unwrap();
            skopeo.args(args).run().ok();
            let step = barque.args(["layers", "--list", &from]).run().ok();
            let wanted = match name {
                "latin1" | "surrogates" => "\t\u{fffd}\n",
                _ => "\t2\n",
            };
            assert!(step.stdout().ends_with(wanted), "{name}: {}", step.stdout());
        }
    }
}

#[test]
fn an_empty_time_is_none_wherever_it_is() {
    let members = br#""created":"","history":[{"created":"","created_by":"x"}]"#;
    for (dialect, created) in [(Dialect::Oci, "<nil>"), (Dialect::Docker, "0001-01-01")] {
        let barque = Barque::new();
        write_dir(&barque.path("dir"), &image(dialect, members));
        let shown = barque
            .args(["inspect", "-f", "{{.Created}}", "dir:dir"])
            .run()
            .ok();
        assert!(shown.stdout().starts_with(created), "{}", shown.stdout());
        let config = barque.args(["inspect", "--config", "dir:dir"]).run().ok();
        let config = config.json();
        assert_eq!(config["created"], Value::Null);
        assert_eq!(config["history"][0].as_object().unwrap().len(), 1);
        let list = barque.args(["layers", "--list", "dir:dir"]).run().ok();
        assert!(list.stdout().ends_with("\tx\n"), "{}", list.stdout());
        for to in ["oci:out:1", "docker-archive:out.tar:a:1"] {
            barque.args(["copy", "dir:dir", to]).run().ok();
        }
        if cfg!(feature = "legacy") {
            let copy = ["copy", "--format=v2s1", "dir:dir", "dir:old"];
            barque.args(copy).run().ok();
        }
    }
    let wrong = image(Dialect::Oci, br#""history":[{"created":"yesterday"}]"#);
    let barque = Barque::new();
    write_dir(&barque.path("dir"), &wrong);
    let told = barque.args(["layers", "--list", "dir:dir"]).run().code(4);
    assert!(told.stderr().contains("`yesterday` is not a time"));
}

/// Bytes of address space that barque gets here, of which a build without optimisation takes 54 MiB for itself. Read without
/// a bound, each of these configs took more of it alone.
const ROOM: usize = 224 << 20;

#[test]
fn a_config_of_a_million_values_is_refused_in_little_memory() {
    peers::needs!("prlimit");
    let many = |open: &str, one: &str, last: &str, count: usize| {
        format!("{open}{}{last}", one.repeat(count)).into_bytes()
    };
    for (command, members, code) in [
        (
            "history",
            many(r#""history":["#, "{},", "{}]", 1_300_000),
            4,
        ),
        (
            "env",
            many(r#""config":{"Env":["#, r#""","#, r#"""]}"#, 1_300_000),
            4,
        ),
        ("just fits", many(r#""history":["#, "{},", "{}]", 49_900), 0),
    ] {
        let limited = Sandbox::of("prlimit")
            .first_arg(&format!("--as={ROOM}"))
            .first_arg(env!("CARGO_BIN_EXE_barque"));
        images::write_dir(&limited.path("dir"), &image(Dialect::Docker, &members));
        for args in [
            &["inspect", "dir:dir"][..],
            &["inspect", "--config", "dir:dir"],
            &["layers", "--list", "dir:dir"],
            &["copy", "dir:dir", "oci:out:1"],
        ] {
            let out = limited.args(args).run().code(code);
            let told = out.stderr().contains("more than 50000 values");
            assert_eq!(told, code != 0, "{command} {args:?}: {}", out.stderr());
        }
        // Bytes that are only copied are not read.
        limited.args(["copy", "dir:dir", "dir:out2"]).run().ok();
    }
}

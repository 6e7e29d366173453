//! `barque inspect`: its documents beside skopeo's, for every kind of image and from each transport.

use serde_json::{Value, json};

use super::support::fake::{FakeRegistry, on};
use super::support::images::{self, Dialect, Maker, TestImage, media, sha256};
use super::support::peers::{self, DockerRegistry};
use super::support::sandbox::{Output, Sandbox};
use super::support::{Barque, fixtures};

/// skopeo's `inspect` with these global flags and arguments, over plain HTTP where it needs it.
fn skopeo(global: &[&str], args: &[&str]) -> Output {
    let plain = args
        .iter()
        .any(|a| a.starts_with("docker://"))
        .then_some("--tls-verify=false");
    peers::skopeo()
        .args(global)
        .args(["inspect"])
        .args(plain)
        .args(args)
        .run()
        .ok()
}

fn barque(args: &[&str]) -> Output {
    Barque::new().args(["inspect"]).args(args).run()
}

/// Every key of skopeo is there, in its order and with its value; returns the keys that are barque's own.
#[track_caller]
fn agree(theirs: &Value, ours: &Value, what: &str) -> Vec<String> {
    let (theirs, ours) = (theirs.as_object().unwrap(), ours.as_object().unwrap());
    let (known, own): (Vec<_>, Vec<_>) = ours.keys().partition(|k| theirs.contains_key(*k));
    assert_eq!(known, theirs.keys().collect::<Vec<_>>(), "{what}");
    for (key, value) in theirs {
        assert_eq!(&ours[key], value, "{what}: {key}");
    }
    own.into_iter().cloned().collect()
}

fn kinds() -> [(&'static str, TestImage); 5] {
    [
        ("docker", images::two_layers_docker()),
        ("index", images::five_platforms()),
        ("list", images::five_platforms_docker()),
        ("oci", images::small()),
        ("zstd", images::zstd_layer()),
    ]
}

fn fleet() -> DockerRegistry {
    let registry = DockerRegistry::open();
    for (tag, image) in kinds() {
        registry.feed(&format!("fleet/ship:{tag}"), &image);
    }
    registry
}

#[test]
fn the_document_is_skopeos_and_then_some() {
    peers::needs!("docker-registry", "skopeo");
    let registry = fleet();
    for (tag, image) in kinds() {
        let name = registry.docker(&format!("fleet/ship:{tag}"));
        let ours = barque(&[&name]).ok();
        let own = agree(&skopeo(&[], &[&name]).json(), &ours.json(), tag);
        let mut wanted = vec![
            "LayersData",
            "MediaType",
            "ManifestDigest",
            "ConfigDigest",
            "Size",
        ];
        let is_index = !image.children.is_empty();
        if is_index {
            wanted.extend(["Platforms", "Platform"]);
        }
        assert_eq!(own, wanted, "{tag}");
        let ours = ours.json();
        assert_eq!(ours["MediaType"], image.media_type.as_str());
        assert_eq!(ours["Digest"], image.digest.to_string());
        let described = image
            .children
            .iter()
            .find(|c| c.digest.to_string() == ours["ManifestDigest"])
            .unwrap_or(&image);
        assert_eq!(ours["ManifestDigest"], described.digest.to_string());
        assert_eq!(ours["ConfigDigest"], described.config().to_string());
        let bytes: usize = described.blobs.values().map(Vec::len).sum();
        assert_eq!(ours["Size"], bytes);
        for (i, layer) in ours["LayersData"].as_array().unwrap().iter().enumerate() {
            let manifest = &described.json()["layers"][i];
            assert_eq!(layer["MIMEType"], manifest["mediaType"]);
            assert_eq!(layer["Size"], manifest["size"]);
            assert_eq!(layer["Annotations"], Value::Null);
        }
        if is_index {
            let platforms = json!([
                "linux/amd64",
                "linux/arm64/v8",
                "linux/arm/v7",
                "linux/ppc64le",
                "linux/s390x"
            ]);
            assert_eq!(ours["Platforms"], platforms);
        }
        // Four blanks of indent and one newline at the end, as skopeo's.
        let text = barque(&["-n", &name]).ok();
        assert!(text.stdout().starts_with("{\n    \"Name\": "), "{tag}");
        assert!(text.stdout().ends_with("\n}\n"), "{tag}");
        assert_eq!(text.json()["RepoTags"], json!([]));
    }
}

#[test]
fn each_platform_can_be_chosen() {
    peers::needs!("docker-registry", "skopeo");
    let registry = fleet();
    for tag in ["index", "list"] {
        let name = registry.docker(&format!("fleet/ship:{tag}"));
        for (os, arch, variant) in images::PLATFORMS {
            let (os_flag, arch_flag) = (
                format!("--override-os={os}"),
                format!("--override-arch={arch}"),
            );
            let variant_flag = format!("--override-variant={variant}");
            let mut flags = vec![os_flag.as_str(), &arch_flag];
            let mut platform = format!("{os}/{arch}");
            if !variant.is_empty() {
                flags.push(&variant_flag);
                platform = format!("{platform}/{variant}");
            }
            let theirs = skopeo(&flags, &[&name]).json();
            assert_eq!(theirs["Architecture"], arch);
            let by_platform = barque(&[&name, "--platform", &platform]).ok().json();
            agree(&theirs, &by_platform, &platform);
            let by_flags = barque(&[&flags[..], &[&name]].concat()).ok().json();
            assert_eq!(by_flags, by_platform);
        }
        let absent = barque(&[&name, "--platform=windows/amd64"]).code(2);
        assert_eq!(absent.stdout(), "");
        for there in ["windows/amd64", "linux/arm/v7", "linux/s390x"] {
            assert!(absent.stderr().contains(there), "{}", absent.stderr());
        }
        let twice = barque(&[&name, "--platform=linux/arm64", "--override-arch=arm"]).code(1);
        assert!(twice.stderr().contains("`--platform`"));
    }
}

#[test]
fn layouts_and_directories_are_inspected_alike() {
    peers::needs!("skopeo");
    let place = Sandbox::of("true");
    for (tag, image) in kinds() {
        let dir = place.path(format!("dir-{tag}"));
        images::write_dir(&dir, &image);
        let layout = place.path(format!("oci-{tag}"));
        images::write_layout(&layout, &[("v1", &image)]);
        let mut names = vec![format!("dir:{}", dir.display())];
        // skopeo reads no docker types from a layout.
        if image.media_type.contains(".oci.") {
            names.push(format!("oci:{}:v1", layout.display()));
            names.push(format!("oci:{}", layout.display()));
        }
        for name in names {
            let ours = barque(&[&name]).ok().json();
            agree(&skopeo(&[], &[&name]).json(), &ours, &name);
            assert_eq!(ours.get("Name"), None, "{name}");
            assert_eq!(
                barque(&["--raw", &name]).ok().stdout_bytes(),
                image.manifest
            );
        }
    }
}

#[test]
fn raw_and_config_are_what_skopeo_prints() {
    peers::needs!("docker-registry", "skopeo");
    let registry = fleet();
    for (tag, image) in kinds() {
        let name = registry.docker(&format!("fleet/ship:{tag}"));
        let raw = barque(&["--raw", &name]).ok();
        assert_eq!(raw.stdout_bytes(), image.manifest, "{tag}");
        let config = barque(&["--config", &name]).ok();
        assert_eq!(
            config.stdout(),
            skopeo(&[], &["--config", &name]).stdout(),
            "{tag}"
        );
        let both = barque(&["--config", "--raw", &name]).ok();
        let digest = sha256(both.stdout_bytes());
        let described = image.children.first().unwrap_or(&image);
        let arch = both.json()["architecture"].clone();
        let described = image
            .children
            .iter()
            .find(|c| c.blobs.contains_key(&digest))
            .unwrap_or(described);
        assert_eq!(digest, described.config(), "{tag} {arch}");
    }
}

#[test]
fn templates_are_gos() {
    let registry = FakeRegistry::start()
        .image("a/b", "1", &images::small())
        .image("a/b", "2", &images::two_layers());
    let name = registry.docker("a/b:1");
    let layers = images::small().layers();
    let host = registry.address();
    for (format, wanted) in [
        ("{{.Name}}", format!("{host}/a/b")),
        ("{{.Digest}}", images::small().digest.to_string()),
        (
            "{{index .Labels \"org.opencontainers.image.version\"}}",
            "1".into(),
        ),
        (
            "{{range .Layers}}{{.}} {{end}}",
            format!("{} {} ", layers[0], layers[1]),
        ),
        (
            "{{if eq .Os \"linux\"}}{{upper .Architecture}}{{else}}-{{end}}",
            "AMD64".into(),
        ),
        ("{{json .Env}}", "[\"PATH=/usr/bin:/bin\"]".into()),
        (
            "{{join .RepoTags \"+\"}} {{len .Layers}} {{lower \"ABC\"}}",
            "1+2 2 abc".into(),
        ),
        (
            "{{printf \"%s|%d\" .Os (len .Layers)}}\\t.",
            "linux|2\t.".into(),
        ),
        // Structs as Go prints them, methods of digests and times, and what ends in a newline already.
        (
            "{{with index .LayersData 0}}{{.Digest.Hex}} {{.}}{{end}} {{.Created.Format \"2006-01-02\"}}",
            format!(
                "{} {{application/vnd.oci.image.layer.v1.tar+gzip {} {} map[]}} 2024-02-29",
                layers[0].hex(),
                layers[0],
                images::small().blobs[&layers[0]].len()
            ),
        ),
        ("{{println .Os}}", "linux\n".into()),
        ("table {{.Os}} {{.Os}}", "linux       linux".into()),
    ] {
        let out = barque(&["--format", format, &name]).ok();
        assert_eq!(out.stdout(), format!("{wanted}\n"), "{format}");
    }
    let json = barque(&["-f", "json", &name]).ok();
    assert_eq!(json.stdout(), barque(&[&name]).ok().stdout());
    let nothing = barque(&["-f", "", &name]).ok();
    assert_eq!(json.stdout(), nothing.stdout());
    let config = barque(&["--config", "-f", "{{.OS}} {{.Config.Cmd}}", &name]).ok();
    assert_eq!(config.stdout(), "linux [/bin/true]\n");
    let unknown = barque(&["-f", "{{.Nope}}", &name]).code(1);
    let said = "template: barque inspect:1:2: executing \"barque inspect\" at <.Nope>: can't evaluate field Nope";
    assert!(unknown.stderr().contains(said), "{}", unknown.stderr());
    assert_eq!(unknown.stdout(), "");
    let raw = barque(&["--raw", "--format", "{{.Name}}", &name]).code(1);
    assert!(raw.stderr().contains("cannot be used with"));
}

#[test]
fn several_images_are_printed_in_order_and_those_that_fail_are_told() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("a", "2", &images::two_layers())
        .rule(
            on("GET")
                .path_end("/manifests/1")
                .delay(std::time::Duration::from_millis(300)),
        );
    let (one, two) = (registry.docker("a:1"), registry.docker("a:2"));
    let digest = ["-n", "-f", "{{.Digest}}"];
    let both = barque(&[&digest[..], &[&one, &two, &one]].concat()).ok();
    let (small, large) = (images::small().digest, images::two_layers().digest);
    assert_eq!(both.stdout(), format!("{small}\n{large}\n{small}\n"));
    let absent = registry.docker("a:3");
    let failed = barque(&[&digest[..], &[&one, &absent, &two]].concat()).code(2);
    assert_eq!(failed.stdout(), format!("{small}\n{large}\n"));
    assert!(failed.stderr().contains(&absent), "{}", failed.stderr());
    let nowhere = barque(&[&digest[..], &[&one, "dir:nowhere", &two]].concat()).code(2);
    assert_eq!(nowhere.stdout(), format!("{small}\n{large}\n"));
    assert!(
        nowhere.stderr().contains("`dir:nowhere`"),
        "{}",
        nowhere.stderr()
    );
    // The worst of all codes, wherever it stands; each failure once.
    registry.add_rule(on("GET").path_end("/manifests/4").status(403));
    let denied = registry.docker("a:4");
    let three = barque(&[&digest[..], &[&denied, &absent, &one, "dir:nowhere"]].concat()).code(3);
    assert_eq!(three.stdout(), format!("{small}\n"));
    assert_eq!(three.stderr().matches("barque: ").count(), 3);
}

#[test]
fn an_artifact_is_described() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    let image = images::artifact();
    registry.feed("notes:1", &image);
    let name = registry.docker("notes:1");
    let document = barque(&[&name]).ok().json();
    assert_eq!(document["ArtifactType"], "application/vnd.example.text");
    assert_eq!(document["Layers"], json!([image.layers()[0].to_string()]));
    assert_eq!(document["RepoTags"], json!(["1"]));
    assert_eq!(
        document["LayersData"][0]["Annotations"]["org.opencontainers.image.title"],
        "note.txt"
    );
    assert_eq!(document["Created"], Value::Null);
    let config = barque(&["--config", &name]).code(1);
    assert!(config.stderr().contains("artifact"), "{}", config.stderr());
    let raw = barque(&["--config", "--raw", &name]).ok();
    assert_eq!(sha256(raw.stdout_bytes()), image.config());
}

/// An image whose config is this, with no layers.
fn with_config(dialect: Dialect, config: &str) -> TestImage {
    let (manifest, of_config) = match dialect {
        Dialect::Oci => (media::OCI_MANIFEST, media::OCI_CONFIG),
        Dialect::Docker => (media::DOCKER_MANIFEST, media::DOCKER_CONFIG),
    };
    let body = json!({
        "schemaVersion": 2, "mediaType": manifest, "layers": [],
        "config": { "mediaType": of_config, "digest": sha256(config.as_bytes()), "size": config.len() },
    });
    TestImage {
        blobs: [(sha256(config.as_bytes()), config.into())].into(),
        ..TestImage::raw(manifest, body.to_string())
    }
}

#[test]
fn odd_configs_are_read_as_skopeo_reads_them() {
    peers::needs!("skopeo");
    let odd = [
        "{}",
        r#"{"config":null,"rootfs":null,"history":null}"#,
        r#"{"config":{"Labels":{},"Env":[]},"created":"2020-01-02T03:04:05.600Z"}"#,
        r#"{"config":{"Labels":{"a":"<&>","b":"ü\u2028"}},"os":"linux","docker_version":"1.0","x":{"y":1}}"#,
        r#"{"created":"0001-01-01T00:00:00Z","architecture":"mips","config":{"ExposedPorts":{"80/tcp":{}}}}"#,
    ];
    let place = Sandbox::of("true");
    for (dialect, prefix) in [(Dialect::Oci, "oci"), (Dialect::Docker, "docker")] {
        for (i, config) in odd.iter().enumerate() {
            let dir = place.path(format!("{prefix}-{i}"));
            images::write_dir(&dir, &with_config(dialect, config));
            let name = format!("dir:{}", dir.display());
            let what = format!("{prefix}: {config}");
            let ours = barque(&[&name]).ok().json();
            agree(&skopeo(&[], &[&name]).json(), &ours, &what);
            let theirs = skopeo(&[], &["--config", &name]);
            assert_eq!(
                barque(&["--config", &name]).ok().stdout(),
                theirs.stdout(),
                "{what}"
            );
        }
    }
    let dir = place.path("broken");
    images::write_dir(&dir, &with_config(Dialect::Oci, "not json"));
    let broken = barque(&[&format!("dir:{}", dir.display())]).code(4);
    assert!(broken.stderr().contains("config"), "{}", broken.stderr());
}

#[test]
fn fixtures_of_manifests_never_crash_inspect() {
    let Some(dir) = fixtures::dir() else { return };
    let place = Sandbox::of("true");
    for (path, _) in fixtures::notes(&dir, "manifests/") {
        let image = place.path("image");
        let _ = std::fs::remove_dir_all(&image);
        std::fs::create_dir(&image).unwrap();
        let Ok(bytes) = std::fs::read(dir.join(&path)) else {
            continue;
        };
        std::fs::write(image.join("manifest.json"), bytes).unwrap();
        let out = barque(&[&format!("dir:{}", image.display())]);
        assert!(
            matches!(out.exit_code(), Some(0..=6)) && !out.stderr().contains("panicked"),
            "{path}: {}",
            out.stderr()
        );
    }
}

#[test]
fn tags_that_are_not_listed_spoil_nothing() {
    let image = Maker::new(Dialect::Oci).file_layer("a", b"a").make();
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/tags/list").error(403, "DENIED", "no"));
    let out = barque(&[&registry.docker("a:1")]).ok();
    assert_eq!(out.json()["RepoTags"], json!([]));
    assert!(out.stderr().contains("--no-tags"), "{}", out.stderr());
}

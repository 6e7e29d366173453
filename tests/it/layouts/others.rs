//! What others wrote is read, what is written others read, and what is no image is told apart.

use super::*;

#[tokio::test]
async fn layouts_of_others_give_their_verdicts() {
    let Some(fixtures) = fixtures::dir() else {
        return;
    };
    let at = |name: &str| fixtures.join("oci-layout").join(name);
    for (layout, name) in [
        ("ggcr-test_index", "1"),
        ("ggcr-test_gc_index", "1"),
        ("oras-artifacts", "foobar"),
        ("oras-artifacts", "empty"),
        ("regclient-testrepo", "v1"),
        ("regclient-testrepo", "a1"),
        ("regclient-testrepo", "ai"),
    ] {
        let source = OciSource::open(&at(layout), &named(name)).await.unwrap();
        let read = read(&source).await;
        assert!(read.is_ok(), "{layout} {name}: {read:?}");
    }
    // Named entries of every layout: the manifest has the digest that the index gives it.
    for layout in [
        "ci-delete_image_multiple_images",
        "regclient-testrepo",
        "oras-artifacts",
        "ggcr-test_index",
    ] {
        let manifests = index(&at(layout))["manifests"].as_array().unwrap().clone();
        for (i, entry) in manifests.iter().enumerate() {
            let source = OciSource::open(&at(layout), &Selector::At(i)).await;
            let manifest = source.unwrap().manifest(&ManifestRef::Named).await.unwrap();
            assert_eq!(entry["digest"], manifest.digest().to_string());
        }
    }

    // Its configs are a byte shorter than their descriptors say.
    let source = OciSource::open(&at("ci-delete_image_multiple_images"), &named("1.0.0")).await;
    let short = read(&source.unwrap()).await.unwrap_err();
    assert_eq!(short.kind(), Kind::Corrupt);

    // Two platforms without names are one image.
    let two = OciSource::open(&at("ci-two_images_manifest"), &Selector::Only).await;
    let two = two.unwrap().manifest(&ManifestRef::Named).await.unwrap();
    let file = std::fs::read(at("ci-two_images_manifest").join("index.json")).unwrap();
    assert_eq!(two.raw(), &file);
    let unknown = open_error(&at("ci-name_lookups"), &named("invalid-mime")).await;
    assert!(unknown.to_string().contains("`x-completely-unknown`"));
    let lookups = open_error(&at("ci-name_lookups"), &named("nobody")).await;
    assert_eq!(lookups.kind(), Kind::NotFound);
    assert_eq!(
        lookups.advice(),
        Some("it has `a`, `b`, `c`, `d`, `invalid-mime`")
    );
    let source = OciSource::open(&at("ci-name_lookups"), &named("a")).await;
    let missing = read(&source.unwrap()).await.unwrap_err();
    assert_eq!(missing.kind(), Kind::NotFound);
    let source = OciSource::open(&at("regclient-external"), &named("a3")).await;
    read(&source.unwrap()).await.unwrap();
}

#[tokio::test]
async fn directories_of_others_are_read() {
    let Some(fixtures) = fixtures::dir() else {
        return;
    };
    for (name, media_type) in [
        ("uncompressed-image-s1", MediaType::SCHEMA1_SIGNED),
        ("uncompressed-image-s2", MediaType::DOCKER_MANIFEST),
        ("scratch-dir", MediaType::OCI_MANIFEST),
    ] {
        if media_type == MediaType::SCHEMA1_SIGNED && !cfg!(feature = "legacy") {
            continue;
        }
        let path = fixtures.join("dir").join(name);
        let source = DirSource::open(&path).await.unwrap();
        let manifest = read(&source).await.unwrap();
        assert_eq!(*manifest.media_type(), *media_type, "{name}");
        let which = ManifestRef::Digest(manifest.digest().clone());
        assert_eq!(
            source.manifest(&which).await.unwrap().raw(),
            manifest.raw(),
            "{name}"
        );
    }
}

#[tokio::test]
async fn what_is_no_image_is_named_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path();
    let absent = open_error(&path.join("x"), &Selector::Only).await;
    assert_eq!(absent.kind(), Kind::NotFound);
    std::fs::write(path.join("manifest.json"), "{}").unwrap();
    let other = open_error(path, &Selector::Only).await;
    assert_eq!(other.kind(), Kind::NotFound);
    assert_eq!(
        other.advice().unwrap(),
        format!("did you mean `dir:{}`?", path.display())
    );
    let file = open_error(&path.join("manifest.json"), &Selector::Only).await;
    assert!(
        file.to_string()
            .ends_with("is a file, not an OCI image layout")
    );
    std::fs::write(path.join("index.json"), "[]").unwrap();
    let kind = open_error(path, &Selector::Only).await.kind();
    assert_eq!(kind, Kind::Corrupt);
    std::fs::write(path.join("index.json"), vec![b' '; (32 << 20) + 1]).unwrap();
    let large = open_error(path, &Selector::Only).await;
    assert!(large.to_string().contains("larger than 33554432 bytes"));

    let folder = dir.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    assert_eq!(
        DirSource::open(&folder).await.err().unwrap().kind(),
        Kind::NotFound
    );
    std::fs::write(folder.join("thesis.txt"), "important").unwrap();
    let refused = [
        OciDestination::open(&folder, &Selector::Only).await.err(),
        DirDestination::open(&folder).await.err(),
        OciDestination::open(&folder.join("thesis.txt"), &Selector::Only)
            .await
            .err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().kind(), Kind::Refused);
    }
    assert_eq!(files(&folder), ["thesis.txt"]);
    let at = OciDestination::open(&path.join("new"), &Selector::At(0)).await;
    assert!(at.err().unwrap().to_string().contains("for reading only"));
    assert!(!path.join("new").exists());
}

#[tokio::test]
async fn skopeo_and_umoci_read_what_is_written() {
    peers::needs!("skopeo", "umoci");
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let shown = |name: &str| at(name).display().to_string();
    let image = image("one");
    write(&oci(&at("oci"), named("v1")).await, &image).await;
    write(&DirDestination::open(&at("dir")).await.unwrap(), &image).await;
    let digest = image.manifest.digest().to_string();
    let policy = ["--insecure-policy", "inspect", "--format", "{{.Digest}}"];
    for name in [
        format!("oci:{}:v1", shown("oci")),
        format!("dir:{}", shown("dir")),
    ] {
        let out = run("skopeo", &[&policy[..], &[name.as_str()]].concat());
        assert_eq!(out.trim(), digest);
    }
    assert_eq!(run("umoci", &["ls", "--layout", &shown("oci")]), "v1\n");
    run(
        "umoci",
        &["stat", "--image", &format!("{}:v1", shown("oci"))],
    );
    // A partial that was left does not disturb umoci, whose `gc` takes every name in `blobs/` for a digest.
    let other = blob(b"0123456789");
    let to = oci(&at("oci"), named("v2")).await;
    to.put_blob(&other, broken(b"0123")).await.unwrap_err();
    run("umoci", &["gc", "--layout", &shown("oci")]);

    // And back: what skopeo makes of both is read here.
    let copy = |from: &str, to: &str| run("skopeo", &["--insecure-policy", "copy", from, to]);
    copy(
        &format!("dir:{}", shown("dir")),
        &format!("oci:{}:back", shown("oci2")),
    );
    copy(
        &format!("oci:{}:v1", shown("oci")),
        &format!("dir:{}", shown("dir2")),
    );
    let source = OciSource::open(&at("oci2"), &named("back")).await.unwrap();
    read(&source).await.unwrap();
    let source = DirSource::open(&at("dir2")).await.unwrap();
    assert_eq!(read(&source).await.unwrap().raw(), image.manifest.raw());
    assert_eq!(files(&at("dir")), files(&at("dir2")));
    // skopeo's own layout gains a second name here without losing the first.
    write(&oci(&at("oci2"), named("more")).await, &image).await;
    assert_eq!(
        run("umoci", &["ls", "--layout", &shown("oci2")]),
        "back\nmore\n"
    );
}

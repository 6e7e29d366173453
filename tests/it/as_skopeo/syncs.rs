//! `skopeo sync`: its log, what it prints, and how it ends.

use std::fs;

use super::{linked, message};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images;

/// The lines of a log without their time.
fn lines(stderr: &str) -> Vec<&str> {
    let rest = |line: &'_ str| line.split_once(' ').map_or("", |(_, rest)| rest).to_owned();
    stderr
        .lines()
        .map(|line| &line[line.len() - rest(line).len()..])
        .collect()
}

#[test]
fn a_sync_logs_what_skopeo_logs() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .image("b", "7", &images::small());
    let skopeo = linked();
    let host = registry.address();
    let image = format!("{host}/a:1");
    let (from, to) = (format!("docker://{image}"), format!("dir:out/{image}"));
    let sync = ["sync", "--scoped", "--src=docker", "--dest=dir"];
    let out = skopeo
        .args(sync)
        .args(["--dry-run", &image, "out"])
        .run()
        .ok();
    let tag = format!("level=info msg=\"Tag presence check\" imagename=\"{image}\" tagged=true");
    assert_eq!(
        lines(out.stderr()),
        [
            tag.as_str(),
            "level=warning msg=\"Running in dry-run mode\"",
            &format!(
                "level=info msg=\"Would have copied image ref 1/1\" from=\"{from}\" to=\"{to}\""
            ),
            "level=info msg=\"Would have synced 1 images from 1 sources\"",
        ]
    );
    assert_eq!(out.stdout(), "");
    // It asks for no image, so it does not know either whether there is one.
    let missing = format!("{host}/a:nosuch");
    let args = ["--dry-run", &missing, "out"];
    skopeo.args(sync).args(args).run().ok();
    assert!(registry.requests("", "/manifests/").is_empty());
    let out = skopeo.args(sync).args([&image, "out"]).run().ok();
    assert_eq!(
        lines(out.stderr()),
        [
            tag.as_str(),
            &format!("level=info msg=\"Copying image ref 1/1\" from=\"{from}\" to=\"{to}\""),
            "level=info msg=\"Synced 1 images from 1 sources\"",
        ]
    );
    let copied = skopeo.args(["copy", &from, "dir:same"]).run().ok();
    assert_eq!(out.stdout(), copied.stdout());
    // A directory is written once.
    let out = skopeo.args(sync).args([&image, "out"]).run().code(1);
    let wanted = format!(
        "level=fatal msg=\"Refusing to overwrite destination directory \\\"out/{image}\\\"\""
    );
    assert_eq!(message(out.stderr()), wanted);

    let yaml = format!(
        "{host}:\n  images:\n    a: []\n    b: ['7', nosuch]\n    gone: []\nempty.io: {{}}\n"
    );
    fs::write(skopeo.path("y.yaml"), yaml).unwrap();
    let by_yaml = ["sync", "--src=yaml", "--dest=dir", "y.yaml"];
    let out = skopeo
        .args(by_yaml)
        .args(["--keep-going", "all"])
        .run()
        .code(1);
    let log = lines(out.stderr());
    for wanted in [
        format!("level=info msg=\"Processing repo\" registry=\"{host}\" repo=a"),
        format!("level=info msg=\"Querying registry for image tags\" registry=\"{host}\" repo=a"),
        format!("level=info msg=\"Getting tags\" image=\"{host}/a\""),
        format!(
            "level=error msg=\"Error processing repo, skipping\" registry=\"{host}\" repo=gone"
        ),
        format!(
            "level=error msg=\"Error copying ref \\\"docker://{host}/b:nosuch\\\"\" error=\"initializing source docker://{host}/b:nosuch: reading manifest nosuch in {host}/b: manifest unknown\""
        ),
        "level=info msg=\"Synced 2 images from 2 sources\"".to_owned(),
    ] {
        assert!(log.contains(&wanted.as_str()), "{wanted}\n{log:#?}");
    }
    let last =
        "level=fatal msg=\"Sync failed due to previous reported error(s) for one or more images\"";
    assert_eq!(log.last(), Some(&last));
    // What cannot be listed is no failure there; an image that is missing is.
    let out = skopeo.args(by_yaml).args(["some"]).run().code(2);
    assert!(message(out.stderr()).starts_with("level=fatal msg=\"Error copying ref "));
    fs::write(
        skopeo.path("y.yaml"),
        format!("{host}:\n  images:\n    gone: []\n    a: ['1']\n"),
    )
    .unwrap();
    skopeo.args(by_yaml).args(["rest"]).run().ok();
    assert!(skopeo.path("rest/a:1/manifest.json").exists());
}

#[test]
fn a_sync_fails_in_skopeo_s_words() {
    let denied = "requested access to the resource is denied";
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("").path("/v2/private/").error(403, "DENIED", denied));
    let skopeo = linked();
    fs::create_dir(skopeo.path("empty")).unwrap();
    for (line, wanted) in [
        ("sync x y", "A source transport must be specified"),
        (
            "sync --src foo --dest dir x y",
            r#"\"foo\" is not a valid source transport"#,
        ),
        (
            "sync --src docker x y",
            "A destination transport must be specified",
        ),
        (
            "sync --src docker --dest oci x y",
            r#"\"oci\" is not a valid destination transport"#,
        ),
        (
            "sync --src docker --dest dir x",
            "Exactly two arguments expected",
        ),
        (
            "sync --src dir --dest dir x y",
            "sync from 'dir' to 'dir' not implemented, consider using rsync instead",
        ),
        (
            "sync --src dir --dest docker /nonexistent REG",
            "Invalid source directory specified: stat /nonexistent: no such file or directory",
        ),
        (
            "sync --src dir --dest docker empty REG",
            r#"No images to sync found in \"empty\""#,
        ),
        (
            "sync --src yaml --dest dir /nonexistent.yaml d",
            "open /nonexistent.yaml: no such file or directory",
        ),
        (
            "sync --src docker --dest dir REG/gone d",
            "Error determining repository tags for repo REG/gone: fetching tags list: repository name not known to registry",
        ),
        (
            "sync --src docker --dest dir REG/private d",
            "Error determining repository tags for repo REG/private: fetching tags list: requested access to the resource is denied",
        ),
        (
            "sync --src docker --dest dir REG/private:1 d",
            r#"Error copying ref \"docker://REG/private:1\": initializing source docker://REG/private:1: reading manifest 1 in REG/private: requested access to the resource is denied"#,
        ),
    ] {
        let args = line.replace("REG", registry.address());
        let out = skopeo.args(args.split(' ')).run().code(1);
        let wanted = wanted.replace("REG", registry.address());
        assert_eq!(
            message(out.stderr()),
            format!("level=fatal msg=\"{wanted}\""),
            "{line}"
        );
    }
}

/// How often a single request is tried.
const TRIES: usize = 5;

#[test]
fn a_sync_is_tried_again_as_often_as_it_is_asked_to() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/a/tags/list").first(TRIES).status(503))
        .rule(on("GET").path("/a/manifests/1").first(TRIES).status(503));
    let skopeo = linked();
    let from = format!("{}/a", registry.address());
    let sync = ["--retry-backoff=1ms", "sync", "--src=docker", "--dest=dir"];
    let once = skopeo.args(sync).args([&from, "out"]).run().code(1);
    assert!(message(once.stderr()).contains("503"), "{}", once.stderr());
    let again = ["--tls-verify=false", "--retry-times=1", "--retry-delay=1ms"];
    skopeo
        .args(sync)
        .args(again)
        .args([&from, "out"])
        .run()
        .ok();
    assert_eq!(registry.requests("GET", "/a/tags/list").len(), TRIES + 1);
    assert_eq!(registry.requests("GET", "/a/manifests/1").len(), TRIES + 1);
    assert!(skopeo.path("out/a:1/manifest.json").exists());
}

#[test]
fn images_that_are_there_already_are_counted_once() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let target = FakeRegistry::start();
    let skopeo = linked();
    let tls = ["--src-tls-verify=false", "--dest-tls-verify=false"];
    let from = format!("{}/a", source.address());
    let to = format!("{}/m", target.address());
    let sync = ["sync", "--src=docker", "--dest=docker", &from, &to];
    skopeo.args(sync).args(tls).run().ok();
    for all in [&[][..], &["--all"]] {
        let out = skopeo.args(sync).args(tls).args(all).run().ok();
        let refs = out.stderr().matches("Copying image ref 1/1\"").count();
        assert_eq!(refs, 1, "{}", out.stderr());
        assert!(!out.stderr().contains("2/1"), "{}", out.stderr());
    }
}

#[test]
fn a_directory_of_certificates_in_the_yaml_need_not_be_there() {
    let source = FakeRegistry::start().image("a", "1", &images::small());
    let skopeo = linked();
    let text = format!(
        "{}:\n  images: {{a: ['1']}}\n  tls-verify: false\n  cert-dir: /nosuch\n",
        source.address()
    );
    std::fs::write(skopeo.path("s.yaml"), text).unwrap();
    let args = ["sync", "--src=yaml", "--dest=dir", "s.yaml", "out"];
    skopeo.args(args).run().ok();
    assert!(skopeo.path("out/a:1/manifest.json").exists());
}

//! `docker-daemon:`, against Podman's API service, with skopeo as the other reader and writer.

use crate::support::Barque;
use crate::support::harbour::agree;
use crate::support::images::{self, Compression, Dialect, Maker};
use crate::support::peers::{self, Podman, skopeo};
use crate::support::skips;

/// Podman with root's rights, or nothing where the test is skipped.
pub(super) fn podman() -> Option<Podman> {
    if peers::missing(&["podman", "skopeo"]) {
        return None;
    }
    let id = std::process::Command::new("id").arg("-u").output().unwrap();
    if id.stdout != b"0\n" {
        skips::skip("podman without root needs user namespaces");
        return None;
    }
    Some(Podman::start())
}

#[test]
fn an_image_goes_in_and_comes_out_again() {
    let Some(podman) = podman() else { return };
    let (barque, host) = (Barque::new(), podman.host());
    let image = Maker::new(Dialect::Docker)
        .compression(Compression::Gzip)
        .label("a", "b")
        .file_layer("data/one", images::noise(1, 200_000))
        .file_layer("data/two", images::noise(2, 70_000))
        .make();
    images::write_dir(&barque.path("image"), &image);
    let from = format!("dir:{}", barque.path("image").display());
    let name = "docker-daemon:localhost/app:1";
    let out = barque
        .args(["copy", &from, name, "--dest-daemon-host", &host])
        .run()
        .ok();
    assert!(
        out.stdout()
            .starts_with("docker-daemon:localhost/app:1@sha256:")
    );

    let printed = out.stdout().trim();
    let args = ["inspect", "-f", "{{.Digest}}", printed];
    let args = args.into_iter().chain(["--daemon-host", &host]);
    let read = barque.args(args).run().ok();
    assert!(printed.ends_with(read.stdout().trim()), "{printed}");

    // skopeo, and barque itself, see what was loaded.
    let theirs = skopeo()
        .args(["inspect", name, "--daemon-host", &host])
        .run()
        .ok()
        .json();
    let ours = barque
        .args(["inspect", name, "--daemon-host", &host])
        .run()
        .ok()
        .json();
    assert_eq!(ours["Name"], "localhost/app");
    assert_eq!(ours["ConfigDigest"], image.config().to_string());
    let same = |key: &str| assert_eq!(theirs[key], ours[key], "{key}");
    [
        "Name",
        "Created",
        "Labels",
        "Architecture",
        "Os",
        "Layers",
        "Env",
    ]
    .iter()
    .for_each(|key| same(key));

    // Out again: the content is that of the beginning.
    let to = format!("dir:{}", barque.path("back").display());
    let id = format!("docker-daemon:{}", image.config());
    for name in [name, &id] {
        barque
            .args(["copy", name, &to, "--src-daemon-host", &host])
            .run()
            .ok();
        let back = barque.args(["inspect", &to]).run().ok().json();
        assert_eq!(back["ConfigDigest"], image.config().to_string());
        let again = barque.args(["inspect", "--config", &to]).run().ok().json();
        agree(
            &barque
                .args(["inspect", "--config", &from])
                .run()
                .ok()
                .json(),
            &again,
        );
        assert_eq!(again["rootfs"]["diff_ids"], back["Layers"]);
    }

    // What skopeo loads is read too.
    skopeo()
        .args([
            "copy",
            "-q",
            &from,
            "docker-daemon:localhost/theirs:2",
            "--dest-daemon-host",
            &host,
        ])
        .run()
        .ok();
    let theirs = barque
        .args(["inspect", "docker-daemon:localhost/theirs:2"])
        .env("DOCKER_HOST", &host)
        .run()
        .ok()
        .json();
    assert_eq!(theirs["ConfigDigest"], image.config().to_string());
}

#[test]
fn what_goes_wrong_is_told_in_the_words_of_the_engine() {
    let Some(podman) = podman() else { return };
    let (barque, host) = (Barque::new(), podman.host());
    let missing = barque
        .args([
            "inspect",
            "docker-daemon:localhost/nope:1",
            "--daemon-host",
            &host,
        ])
        .run()
        .code(2);
    assert!(missing.stderr().contains("has no image `localhost/nope:1`"));

    // A blob that is missing at the source breaks the request off: nothing is loaded.
    let image = images::two_layers_docker();
    images::write_dir(&barque.path("image"), &image);
    std::fs::remove_file(barque.path("image").join(image.layers()[1].hex())).unwrap();
    let from = format!("dir:{}", barque.path("image").display());
    let name = "docker-daemon:localhost/half:1";
    let broken = barque
        .args(["copy", &from, name, "--dest-daemon-host", &host])
        .run()
        .code(2);
    assert!(
        broken.stderr().contains("reading the source"),
        "{}",
        broken.stderr()
    );
    barque
        .args(["inspect", name, "--daemon-host", &host])
        .run()
        .code(2);
}

#[test]
fn no_engine_and_no_name() {
    let barque = Barque::new();
    let nowhere = format!("unix://{}", barque.path("nowhere").display());
    let out = barque
        .args(["inspect", "docker-daemon:x", "--daemon-host", &nowhere])
        .run()
        .code(5);
    assert!(
        out.stderr().contains("no Docker Engine at"),
        "{}",
        out.stderr()
    );
    for flag in ["`--daemon-host`", "`--dest-daemon-host`", "`DOCKER_HOST`"] {
        assert!(out.stderr().contains(flag), "{}", out.stderr());
    }
    let out = barque
        .args(["inspect", "docker-daemon:x", "--daemon-host", "ssh://host"])
        .run()
        .code(1);
    assert!(out.stderr().contains("unix:///PATH"), "{}", out.stderr());

    let image = images::two_layers();
    images::write_layout(&barque.path("layout"), &[("v1", &image)]);
    let from = format!("oci:{}:v1", barque.path("layout").display());
    for name in [
        format!("docker-daemon:{}", image.config()),
        format!("docker-daemon:x@{}", image.config()),
    ] {
        let out = barque.args(["copy", &from, &name]).run().code(1);
        assert!(
            out.stderr().contains("docker-daemon:NAME:TAG"),
            "{}",
            out.stderr()
        );
    }
}

/// An engine that takes whatever it is given to load and answers with `answer`; the value is its address.
fn engine_that_answers(answer: &'static str) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut seen, mut piece) = (Vec::new(), [0; 4096]);
        // The last chunk of the request.
        while !seen.ends_with(b"0\r\n\r\n") {
            match stream.read(&mut piece) {
                Ok(n) if n > 0 => seen.extend_from_slice(&piece[..n]),
                _ => return,
            }
        }
        stream.write_all(answer.as_bytes()).unwrap();
    });
    address
}

#[test]
fn an_engine_that_breaks_off_its_answer_has_loaded_nothing_for_sure() {
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::two_layers_docker());
    let from = format!("dir:{}", barque.path("image").display());
    let load = |answer| {
        let host = engine_that_answers(answer);
        barque
            .args(["copy", &from, "docker-daemon:localhost/app:1"])
            .args(["--dest-daemon-host", &host])
            .run()
    };
    load("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}").ok();
    let cut = load("HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n{}").code(5);
    assert!(cut.stderr().contains("broke off"), "{}", cut.stderr());
    let refused = "HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{\"error\":\"no space left\"}\n";
    let out = load(refused).code(6);
    assert!(out.stderr().contains("no space left"), "{}", out.stderr());
}

//! Tests of the helpers themselves: a helper that lies would make every other test worthless.

use super::images;
use super::peers::{self, DockerRegistry, Request};
use super::sandbox::Sandbox;
use super::tls::Certificates;

#[test]
fn a_sandbox_gives_an_empty_environment_and_both_streams() {
    let sandbox = Sandbox::of("sh").env("SHIP", "barque");
    let out = sandbox
        .args(["-c", "cat; echo $SHIP $NO_COLOR $HTTPS_PROXY >&2; exit 7"])
        .stdin("in")
        .run()
        .code(7);
    assert_eq!((out.stdout(), out.stderr()), ("in", "barque\n"));
}

#[test]
fn an_access_log_line_is_read() {
    let line = r#"127.0.0.1 - - [23/Nov/2026:04:20:55 +0000] "GET /v2/a/tags/list?n=3 HTTP/1.1" 404 109 "" "curl/7""#;
    let request = Request::parse(line).unwrap();
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v2/a/tags/list?n=3")
    );
    assert_eq!(
        (request.status, request.bytes, request.user_agent.as_str()),
        (404, 109, "curl/7")
    );
    assert_eq!(Request::parse("anything else"), None);
}

#[test]
fn packed_bytes_unpack_with_the_usual_tools() {
    let tar = images::tar(&[("a/b", b"content"), ("c", b"")]);
    let list = Sandbox::of("tar").args(["tf", "-"]).stdin(&tar).run().ok();
    assert_eq!(list.stdout(), "a/b\nc\n");
    let long = images::noise(9, 200_000);
    let gzip = images::gzip(&long);
    let back = Sandbox::of("gzip").args(["-dc"]).stdin(gzip).run().ok();
    assert_eq!(back.stdout_bytes(), long);
    if !peers::missing(&["zstd"]) {
        let back = Sandbox::of("zstd")
            .args(["-dc"])
            .stdin(images::zstd(&long))
            .run()
            .ok();
        assert_eq!(back.stdout_bytes(), long);
    }
}

#[test]
fn skopeo_feeds_every_kind_of_image_to_an_open_registry() {
    if peers::missing(&["docker-registry", "skopeo"]) {
        return;
    }
    let registry = DockerRegistry::open();
    for (tag, image) in [
        ("oci", images::two_layers()),
        ("docker", images::two_layers_docker()),
        ("index", images::five_platforms()),
        ("list", images::five_platforms_docker()),
        ("zstd", images::zstd_layer()),
        ("artifact", images::artifact()),
    ] {
        let name = format!("fleet/ship:{tag}");
        registry.feed(&name, &image);
        let raw = peers::skopeo()
            .args([
                "inspect",
                "--raw",
                "--tls-verify=false",
                &registry.docker(&name),
            ])
            .run()
            .ok();
        assert_eq!(raw.stdout_bytes(), image.manifest, "{tag}");
    }
    let mark = registry.mark();
    let inspect = peers::skopeo()
        .args([
            "inspect",
            "--tls-verify=false",
            &registry.docker("fleet/ship:docker"),
        ])
        .run()
        .ok();
    assert_eq!(inspect.json()["Architecture"], "amd64");
    let seen = registry.since(mark);
    assert_eq!(
        seen.count("GET", "/manifests/docker"),
        1,
        "{:#?}",
        seen.lines()
    );
}

#[test]
fn umoci_unpacks_a_written_layout() {
    if peers::missing(&["umoci"]) {
        return;
    }
    let umoci = peers::umoci();
    images::write_layout(&umoci.path("layout"), &[("v1", &images::small())]);
    let listed = umoci
        .args(["stat", "--image", "layout:v1", "--json"])
        .run()
        .ok();
    assert_eq!(listed.json()["history"].as_array().map(Vec::len), Some(2));
}

#[test]
fn htpasswd_and_client_certificates_are_asked_for() {
    if peers::missing(&["docker-registry", "skopeo", "curl"]) {
        return;
    }
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup()
        .auth(peers::Auth::Htpasswd)
        .mutual_tls(&certificates)
        .start();
    registry.feed("a:1", &images::small());
    let ca = certificates.ca_file();
    let curl = Sandbox::of("curl");
    let base = [
        "-sS",
        "-o",
        "body",
        "-w",
        "%{http_code}",
        "--cacert",
        ca.to_str().unwrap(),
    ];
    let url = format!("{}/v2/", registry.url());
    let without = curl.args(base).args([&url]).run();
    assert_ne!(
        without.exit_code(),
        Some(0),
        "no client certificate: {}",
        without.stdout()
    );
    let pair = certificates.cert_dir();
    let with = |user: &str| {
        curl.args(base)
            .args(["--cert", pair.join("client.cert").to_str().unwrap()])
            .args(["--key", pair.join("client.key").to_str().unwrap()])
            .args(["--user", user, &url])
            .run()
            .ok()
            .stdout()
            .to_owned()
    };
    assert_eq!(with("nobody:x"), "401");
    assert_eq!(with(registry.creds().unwrap()), "200");
}

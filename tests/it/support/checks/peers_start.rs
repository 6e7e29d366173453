//! The peers start in every set-up and take what they are fed.

use super::super::images;
use super::super::peers::{self, DockerRegistry};
use super::super::sandbox::Sandbox;
use super::super::tls::Certificates;

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

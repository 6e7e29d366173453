//! The peers start in every set-up and take what they are fed.

use super::super::images;
use super::super::peers::{self, DockerRegistry};
use super::super::sandbox::Sandbox;
use super::super::tls::Certificates;

#[test]
fn skopeo_feeds_every_kind_of_image_to_an_open_registry() {
    peers::needs!("docker-registry", "skopeo");
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
    peers::needs!("umoci");
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
    peers::needs!("docker-registry", "skopeo", "curl");
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

#[test]
fn tls_deletion_and_schema_1_are_options() {
    peers::needs!("docker-registry", "skopeo", "curl");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup()
        .tls(&certificates)
        .delete()
        .schema1()
        .no_cache()
        .start();
    let image = images::two_layers_docker();
    registry.feed("a:1", &image);
    let ca = certificates.ca_only_dir().join("ca.crt");
    let curl = Sandbox::of("curl")
        .first_arg("-fsS")
        .first_arg("--cacert")
        .first_arg(ca.to_str().unwrap());
    let by = |which: &str| format!("{}/v2/a/manifests/{which}", registry.url());
    let converted = curl.args([by("1")]).run().ok().json();
    assert_eq!(
        converted["schemaVersion"], 1,
        "what a client gets that accepts nothing newer"
    );
    let digest = image.digest.to_string();
    curl.args(["-X", "DELETE", &by(&digest)]).run().ok();
    assert_eq!(
        curl.args([by("1")]).run().exit_code(),
        Some(22),
        "it is gone"
    );
    let seen = registry.requests();
    assert_eq!(seen.select("DELETE", &digest)[0].status, 202);
    assert_eq!(seen.last().map(|r| r.status), Some(404));
}

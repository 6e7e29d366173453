//! What a newcomer does first: the README's command, and what the commands leave where they run.

use std::path::Path;

use crate::support::peers::{self, DockerRegistry};
use crate::support::{Barque, images, tls::Certificates};

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

#[test]
fn the_first_command_of_the_readme_copies_and_inspects() {
    let readme = readme();
    let (_, command) = readme.split_once("barque serve -- sh -ec '").unwrap();
    let script = command.split_once('\'').unwrap().0;
    let barque = Barque::new();
    let layers = barque.path("voyage");
    let script = script.replace("/tmp/voyage", layers.to_str().unwrap());
    let program = Path::new(env!("CARGO_BIN_EXE_barque"));
    let path = std::env::var("PATH").unwrap();
    let out = barque
        .args(["serve", "--", "sh", "-ec", &script])
        .env(
            "PATH",
            format!("{}:{path}", program.parent().unwrap().display()),
        )
        .in_dir(env!("CARGO_MANIFEST_DIR"))
        .run()
        .ok();
    let digest = images::five_platforms().digest.to_string();
    for part in [&*digest, "\"Platforms\"", "\"Tags\"", "/voyage\""] {
        assert!(out.stdout().contains(part), "{part}: {}", out.stdout());
    }
    assert!(layers.join("manifest.json").is_file());
}

#[test]
fn a_broken_certificate_folder_is_named_for_a_registry_on_this_machine_too() {
    peers::needs!("docker-registry");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup().tls(&certificates).start();
    let barque = Barque::new();
    std::fs::create_dir(barque.path("certs")).unwrap();
    std::fs::write(barque.path("certs/client.cert"), "").unwrap();
    let args = ["inspect", "--cert-dir", "certs", &registry.docker("a:1")];
    let out = barque.args(args).run().code(1);
    assert!(
        out.stderr().contains("`certs/client.key` is missing"),
        "{}",
        out.stderr()
    );
}

#[test]
fn an_image_that_cannot_be_read_gives_one_message() {
    peers::needs!("docker-registry");
    let registry = DockerRegistry::setup().auth(peers::Auth::Htpasswd).start();
    let out = Barque::new()
        .args(["inspect", &registry.docker("a:1")])
        .run()
        .code(3);
    assert!(!out.stderr().contains("warning:"), "{}", out.stderr());
    assert!(out.stderr().contains("barque login"), "{}", out.stderr());
}

//! The certificate authorities that are built in: when they are trusted, and that it is said.

use std::path::Path;
use std::process::Command;

use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::images;
use crate::support::peers;
use crate::support::sandbox::Sandbox;
use crate::support::skips;
use crate::support::tls::Certificates;

const NOTE: &str = "this system has no certificate authorities";

#[test]
fn ca_builtin_leaves_out_the_authorities_of_the_system() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let name = registry.docker("a:1");
    let barque = Barque::new().env("SSL_CERT_FILE", certificates.ca_file());
    barque.args(["inspect", &name]).run().ok();
    barque.args(["--ca", "system", "inspect", &name]).run().ok();
    let out = barque.args(["--ca", "builtin", "inspect", &name]).run();
    let out = out.code(5);
    assert!(
        out.stderr().contains("signed by unknown authority"),
        "{}",
        out.stderr()
    );
    assert!(!out.stderr().contains(NOTE), "{}", out.stderr());
    // Those that are given for the registry are trusted as well.
    let given = barque.args(["inspect", "--cert-dir"]);
    let given = given.args([&certificates.ca_only_dir()]).args([&name]);
    let out = given.env("BARQUE_CA", "builtin").run().ok();
    assert_eq!(out.stderr(), "");
    barque
        .args(["--ca", "mine", "inspect", &name])
        .run()
        .code(1);
}

/// A directory with the program, what it is linked with, and nothing else.
fn empty_root(root: &Path) -> Option<()> {
    let program = env!("CARGO_BIN_EXE_barque");
    let linked = Command::new("ldd").arg(program).output().ok()?;
    let linked = String::from_utf8(linked.stdout).ok()?;
    let libraries = linked
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    for file in libraries {
        let target = root.join(file.trim_start_matches('/'));
        std::fs::create_dir_all(target.parent()?).ok()?;
        std::fs::copy(file, target).ok()?;
    }
    std::fs::copy(program, root.join("barque")).ok()?;
    Some(())
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

#[test]
fn an_empty_root_is_enough_to_copy_from_registries() {
    peers::needs!("chroot", "ldd");
    if !is_root() {
        return skips::skip("only root may change the root directory");
    }
    let chroot = Sandbox::of("chroot").env("HOME", "/");
    let root = chroot.path("root");
    std::fs::create_dir(&root).unwrap();
    empty_root(&root).unwrap();
    let barque = |args: &[&str]| {
        let run = chroot.args([root.as_os_str(), "/barque".as_ref()]);
        run.args(args).env("TMPDIR", "").run()
    };

    let plain = FakeRegistry::start().image("a", "1", &images::small());
    let out = barque(&["copy", "-q", &plain.docker("a:1"), "oci:/out:1"]).ok();
    assert_eq!(out.stderr(), "", "no authority is needed for HTTP");
    assert!(root.join("out/index.json").is_file());

    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let name = registry.docker("a:1");
    let out = barque(&["inspect", &name, &name]).code(5);
    let told = out.stderr().matches(NOTE).count();
    assert_eq!(told, 1, "{}", out.stderr());
    let out = barque(&["--ca", "builtin", "inspect", &name]).code(5);
    assert!(!out.stderr().contains(NOTE), "{}", out.stderr());
    assert!(
        out.stderr().contains("signed by unknown authority"),
        "{}",
        out.stderr()
    );

    // What is given is enough for a server that it has signed; others are looked for only where it is not.
    let given = root.join("etc/docker/certs.d").join(registry.address());
    std::fs::create_dir_all(&given).unwrap();
    std::fs::copy(certificates.ca_file(), given.join("ca.crt")).unwrap();
    let out = barque(&["inspect", &name]).ok();
    assert_eq!(out.stderr(), "");
    let other = Certificates::self_signed(&["other.example"], 4000);
    std::fs::copy(other.ca_file(), given.join("ca.crt")).unwrap();
    let out = barque(&["inspect", &name]).code(5);
    assert!(out.stderr().contains(NOTE), "{}", out.stderr());
}

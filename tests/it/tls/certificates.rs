//! Where authorities and client certificates come from, and what is said where they are missing or wrong.

use std::process::Command;

use crate::support::Barque;
use crate::support::fake::FakeRegistry;
use crate::support::harbour::spied;
use crate::support::images;
use crate::support::peers::{self, DockerRegistry};
use crate::support::tls::Certificates;

/// Copies the files of `from` to `certs.d/HOST` below the sandbox's home.
fn certs_d(barque: &Barque, host: &str, from: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let below = format!(".config/containers/certs.d/{host}/{name}");
        barque.write_home(&below, std::fs::read(entry.path()).unwrap());
    }
}

#[test]
fn an_authority_is_found_in_each_place() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let name = registry.docker("a:1");
    let inspect = |barque: &Barque| barque.args(["inspect", &name]);

    let out = spied(inspect(&Barque::new())).code(5);
    for part in [
        "certificate signed by unknown authority",
        "hint: ",
        "--cert-dir",
        "--tls-verify=false",
    ] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
    let ca_only = certificates.ca_only_dir();
    spied(
        inspect(&Barque::new())
            .args(["--cert-dir"])
            .args([&ca_only]),
    )
    .ok();
    spied(inspect(&Barque::new()).args(["--tls-verify=false"])).ok();

    let barque = Barque::new();
    certs_d(&barque, registry.address(), &ca_only);
    spied(inspect(&barque)).ok();
    let other = Barque::new();
    certs_d(&other, "127.0.0.1:1", &ca_only);
    spied(inspect(&other)).code(5);

    let ca = certificates.ca_file();
    spied(inspect(&Barque::new()).env("SSL_CERT_FILE", &ca)).ok();
    let nowhere = |barque: &Barque| inspect(barque).env("SSL_CERT_FILE", "/nowhere/ca.crt");
    let out = spied(nowhere(&Barque::new())).code(1);
    assert!(out.stderr().contains("`SSL_CERT_FILE`"), "{}", out.stderr());
    spied(nowhere(&Barque::new()).args(["--tls-verify=false"])).ok();
    spied(
        nowhere(&Barque::new())
            .args(["--cert-dir"])
            .args([&ca_only]),
    )
    .ok();
    peers::needs!("openssl");
    // The names in such a folder are those that `openssl rehash` gives.
    let folder = Barque::new();
    std::fs::copy(&ca, folder.path("ca.pem")).unwrap();
    let rehash = Command::new("openssl")
        .arg("rehash")
        .arg(folder.path(""))
        .status();
    assert!(rehash.unwrap().success());
    spied(inspect(&Barque::new()).env("SSL_CERT_DIR", folder.path(""))).ok();
}

#[test]
fn a_self_signed_certificate_is_trusted_where_it_is_given_itself() {
    let certificates = Certificates::self_signed(&["127.0.0.1"], 2999);
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let name = registry.docker("a:1");
    let inspect = |barque: &Barque| barque.args(["inspect", &name]);
    let given = |certificates: &Certificates| {
        let flag = format!("--cert-dir={}", certificates.ca_only_dir().display());
        spied(inspect(&Barque::new()).args([flag]))
    };
    given(&certificates).ok();
    let barque = Barque::new();
    certs_d(&barque, registry.address(), &certificates.ca_only_dir());
    spied(inspect(&barque)).ok();
    let file = certificates.ca_file();
    spied(inspect(&Barque::new()).env("SSL_CERT_FILE", &file)).ok();
    spied(inspect(&Barque::new()).args(["--tls-verify=false"])).ok();

    // Without it, and with another one of the same name.
    let other = Certificates::self_signed(&["127.0.0.1"], 2999);
    for out in [spied(inspect(&Barque::new())), given(&other)] {
        let out = out.code(5);
        for part in [
            "not itself among the trusted ones",
            "`.crt` file",
            "--cert-dir",
        ] {
            assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
        }
    }
}

#[test]
fn a_self_signed_certificate_is_checked_like_others() {
    let said = |certificates: &Certificates| {
        let registry = FakeRegistry::start_tls(certificates).image("a", "1", &images::small());
        let flag = format!("--cert-dir={}", certificates.ca_only_dir().display());
        let barque = Barque::new();
        let run = barque.args(["inspect", &registry.docker("a:1"), &flag]);
        spied(run).code(5).stderr().to_owned()
    };
    let loopback = ["127.0.0.1"];
    for (certificates, parts) in [
        (
            Certificates::self_signed(&["other.example"], 2999),
            ["not for `127.0.0.1`", "it is for other.example"],
        ),
        (
            Certificates::self_signed(&[], 2999),
            ["not for `127.0.0.1`", "subjectAltName"],
        ),
        (
            Certificates::self_signed(&loopback, 2021),
            ["expired on 2021-01-01T00:00:00Z", "clock"],
        ),
        (
            Certificates::self_signed(&loopback, 2999).without_its_key(),
            ["the TLS handshake failed", "BadSignature"],
        ),
    ] {
        let said = said(&certificates);
        assert!(parts.iter().all(|p| said.contains(p)), "{parts:?}: {said}");
    }
}

/// Runs openssl without its chatter.
fn openssl(args: &[&str]) -> String {
    let out = Command::new("openssl").args(args).output().unwrap();
    let said = String::from_utf8_lossy(&out.stderr);
    assert!(out.status.success(), "{args:?}: {said}");
    String::from_utf8_lossy(&out.stdout).into_owned()
}

#[test]
fn a_client_certificate_may_be_of_the_first_version() {
    peers::needs!("docker-registry", "skopeo", "openssl");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup().mutual_tls(&certificates).start();
    registry.feed("a:1", &images::small());
    let barque = Barque::new();
    let path = |name: &str| barque.path(name).display().to_string();
    let folder = barque.path("certs");
    std::fs::create_dir(&folder).unwrap();
    std::fs::copy(certificates.ca_file(), folder.join("ca.crt")).unwrap();
    let (key, request, pem) = (path("certs/c.key"), path("c.csr"), path("certs/c.cert"));
    let new = [
        "req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=c",
    ];
    openssl(&[&new[..], &["-keyout", &key, "-out", &request]].concat());
    let ca = certificates.ca_file().display().to_string();
    let ca_key = certificates.ca_key_file().display().to_string();
    let sign = [
        "x509",
        "-req",
        "-days",
        "2",
        "-set_serial",
        "7",
        "-in",
        &request,
    ];
    openssl(&[&sign[..], &["-CA", &ca, "-CAkey", &ca_key, "-out", &pem]].concat());
    let text = openssl(&["x509", "-noout", "-text", "-in", &pem]);
    assert!(text.contains("Version: 1 "), "{text}");
    let name = registry.docker("a:1");
    let inspect = |more: &[&str]| {
        let args = ["inspect", "-n", &name, "--cert-dir"];
        barque.args(args).args([&folder]).args(more)
    };
    spied(inspect(&[])).ok();
    spied(inspect(&["--tls-verify=false"])).ok();
}

#[test]
fn a_client_certificate_that_cannot_be_used_is_named() {
    peers::needs!("openssl");
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let pem = |name: &str| std::fs::read_to_string(certificates.cert_dir().join(name)).unwrap();
    let (certificate, key) = (pem("client.cert"), pem("client.key"));
    let server_key = std::fs::read_to_string(certificates.server_files().1).unwrap();
    let short = Barque::new();
    let short_key = short.path("short.key").display().to_string();
    openssl(&["genrsa", "-traditional", "-out", &short_key, "1024"]);
    let short = std::fs::read_to_string(&short_key).unwrap();
    let torn = key.replace("-----END", "-----ENDE");
    for (certificate, key, parts) in [
        (
            &certificate,
            &server_key,
            ["`C/client.key` is not that", "in `C/client.cert`"],
        ),
        (
            &certificate,
            &short,
            ["`C/client.key` cannot be used", "RSA of 2048"],
        ),
        (
            &certificate,
            &torn,
            ["`C/client.key` is no well-formed PEM", ""],
        ),
        (
            &torn.replace("PRIVATE KEY", "CERTIFICATE"),
            &key,
            ["`C/client.cert` is no well-formed PEM", ""],
        ),
    ] {
        let barque = Barque::new();
        let folder = barque.path("certs");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("client.cert"), certificate).unwrap();
        std::fs::write(folder.join("client.key"), key).unwrap();
        std::fs::copy(certificates.ca_file(), folder.join("ca.crt")).unwrap();
        let run = barque.args(["inspect", &registry.docker("a:1"), "--cert-dir"]);
        let out = spied(run.args([&folder])).code(1);
        let said = out.stderr().replace(&folder.display().to_string(), "C");
        assert!(parts.iter().all(|p| said.contains(p)), "{parts:?}: {said}");
        assert!(!said.contains("ca-certificates"), "{said}");
    }
}

#[test]
fn what_is_no_certificate_is_told_and_passed_over() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let barque = Barque::new();
    let folder = barque.path("certs");
    std::fs::create_dir(&folder).unwrap();
    // Lines may end in CRLF, and a file may hold several.
    let ca = std::fs::read_to_string(certificates.ca_file()).unwrap();
    let other = Certificates::self_signed(&["other.example"], 2999);
    let other = std::fs::read_to_string(other.ca_file()).unwrap();
    std::fs::write(folder.join("both.crt"), (other + &ca).replace('\n', "\r\n")).unwrap();
    std::fs::write(folder.join("der.crt"), [0x30, 0x82, 1, 0]).unwrap();
    let block =
        |text: &str| format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
    std::fs::write(folder.join("empty.crt"), block("AAAA")).unwrap();
    std::fs::write(folder.join("odd.crt"), block("!!!!")).unwrap();
    std::fs::write(
        folder.join("torn.crt"),
        "-----BEGIN CERTIFICATE-----\nAAAA\n",
    )
    .unwrap();
    let run = barque.args(["inspect", &registry.docker("a:1"), "--cert-dir"]);
    let out = spied(run.args([&folder])).ok();
    for part in [
        "der.crt` is DER",
        "empty.crt` holds a block that is no certificate",
        "odd.crt` is no well-formed PEM",
        "torn.crt` is no well-formed PEM",
    ] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
}

#[test]
fn a_missing_client_certificate_is_said() {
    peers::needs!("docker-registry", "skopeo");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup().mutual_tls(&certificates).start();
    registry.feed("a:1", &images::small());
    let name = registry.docker("a:1");
    let inspect = |barque: &Barque| barque.args(["inspect", "-n", &name]);
    let ca_only = certificates.ca_only_dir();
    let out = spied(
        inspect(&Barque::new())
            .args(["--cert-dir"])
            .args([&ca_only]),
    )
    .code(5);
    for part in ["client certificate", "hint: ", "`NAME.cert`"] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
    // One that another authority has signed.
    let other = Certificates::new();
    let barque = Barque::new();
    certs_d(&barque, registry.address(), &other.cert_dir());
    certs_d(&barque, registry.address(), &ca_only);
    let out = spied(inspect(&barque)).code(5);
    for part in ["hint: the registry may refuse", "/client.cert`"] {
        assert!(out.stderr().contains(part), "{part}: {}", out.stderr());
    }
    let barque = Barque::new();
    certs_d(&barque, registry.address(), &certificates.cert_dir());
    spied(inspect(&barque)).ok();
    // A certificate without its key.
    let barque = Barque::new();
    certs_d(&barque, registry.address(), &certificates.cert_dir());
    let key = format!(
        ".config/containers/certs.d/{}/client.key",
        registry.address()
    );
    std::fs::remove_file(barque.home().join(key)).unwrap();
    let out = spied(inspect(&barque)).code(1);
    assert!(out.stderr().contains("client.key"), "{}", out.stderr());
}

//! Registries behind TLS: whole voyages, proxies, and that nothing goes out in clear that should not.

mod authorities;
mod certificates;

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

use super::support::Barque;
use super::support::fake::FakeRegistry;
use super::support::harbour::{base64, good, spied, voyage};
use super::support::images::{self, Compression, Dialect, Maker};
use super::support::peers::{self, Auth, DockerRegistry, PASSWORD, USER};
use super::support::proxy::Proxy;
use super::support::sniffer::Sniffer;
use super::support::tls::Certificates;

#[test]
fn a_voyage_over_tls() {
    peers::needs!("docker-registry", "skopeo");
    let certificates = Certificates::new();
    let setup = DockerRegistry::setup().tls(&certificates);
    voyage(&setup.auth(Auth::Htpasswd).start());
}

#[test]
fn large_bodies_go_by_http_1_and_all_else_by_http_2() {
    peers::needs!("docker-registry", "skopeo");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup().tls(&certificates).start();
    let large = Maker::new(Dialect::Oci).compression(Compression::None);
    registry.feed("a:1", &large.file_layer("hold", vec![7; 2 << 20]).make());
    let mark = registry.mark();
    let barque = Barque::new();
    let copy = [
        "copy",
        &registry.docker("a:1"),
        "oci:there:1",
        "--src-cert-dir",
    ];
    spied(barque.args(copy).args([certificates.ca_only_dir()])).ok();
    let log = registry.since(mark);
    let by = |part: &str| {
        let found = log.select("GET", part);
        found
            .iter()
            .map(|r| r.protocol.clone())
            .collect::<BTreeSet<_>>()
    };
    assert_eq!(
        by("/manifests/"),
        ["HTTP/2.0".to_owned()].into(),
        "{log:#?}"
    );
    assert!(by("/blobs/").contains("HTTP/1.1"), "{log:#?}");
}

#[test]
fn a_voyage_with_a_client_certificate() {
    peers::needs!("docker-registry", "skopeo");
    let certificates = Certificates::new();
    voyage(&DockerRegistry::setup().mutual_tls(&certificates).start());
}

#[test]
fn a_tls_port_on_loopback_gets_one_bare_request_in_clear() {
    peers::needs!("docker-registry", "skopeo");
    let certificates = Certificates::new();
    let setup = DockerRegistry::setup().auth(Auth::Htpasswd);
    let registry = setup.tls(&certificates).start();
    registry.feed("a:1", &images::small());
    let ca = certificates.ca_only_dir();
    // What was sent in clear by an inspect with these arguments and this file.
    let clear = |args: &[&str], file: Value, code| {
        let sniffer = Sniffer::start(registry.address());
        let barque = Barque::new();
        let file = file.to_string().replace("ADDRESS", sniffer.address());
        barque.write_home(".docker/config.json", file);
        let name = format!("docker://{}/a:1", sniffer.address());
        let run = barque.args(["inspect", &name, "--cert-dir"]).args([&ca]);
        spied(run.args(args)).code(code);
        sniffer.in_clear()
    };
    let good = good();
    let login = json!({ "ADDRESS": { "auth": base64(&good) } });
    for clear in [
        clear(&["--creds", &good], json!({}), 0),
        clear(&[], json!({ "auths": login }), 0),
    ] {
        assert_eq!(clear.len(), 1, "{clear:#?}");
        assert_eq!(clear[0].matches("HTTP/1.1").count(), 1, "{clear:#?}");
        let lower = clear[0].to_ascii_lowercase();
        assert!(!lower.contains("authorization"), "{lower}");
    }
    // Where the first request is not bare, TLS comes first.
    let none = Vec::<String>::new();
    let token = ["--registry-token", "wrong-password"];
    assert_eq!(clear(&token, json!({}), 3), none);
    let headers = json!({ "X-Secret": "anchors-aweigh" });
    assert_eq!(
        clear(&[], json!({ "auths": login, "HttpHeaders": headers }), 0),
        none
    );
}

#[test]
fn a_refused_handshake_is_not_followed_by_plain_http() {
    peers::needs!("docker-registry");
    let certificates = Certificates::new();
    let registry = DockerRegistry::setup().mutual_tls(&certificates).start();
    let sniffer = Sniffer::start(registry.address());
    let barque = Barque::new();
    let name = format!("docker://{}/a:1", sniffer.address());
    let token = ["--registry-token", "wrong-password", "--tls-verify=false"];
    spied(barque.args(["inspect", &name]).args(token)).code(5);
    assert_eq!(sniffer.in_clear(), Vec::<String>::new());
}

#[test]
fn a_plain_server_that_hangs_up_on_tls_is_found() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let target = registry.address().to_owned();
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let mut first = [0];
            if !matches!(client.peek(&mut first), Ok(1) if first[0] != 0x16) {
                continue;
            }
            let server = TcpStream::connect(&target).unwrap();
            let back = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut &client, &mut &server));
            std::thread::spawn(move || std::io::copy(&mut &back.0, &mut &back.1));
        }
    });
    let name = format!("docker://{address}/a:1");
    let barque = Barque::new();
    // With a token TLS is tried first.
    spied(barque.args(["inspect", &name, "--registry-token=x"])).ok();
    spied(barque.args(["inspect", &name])).ok();
}

#[test]
fn a_public_name_is_never_asked_in_clear_without_the_flag() {
    let open = FakeRegistry::start().image("a", "1", &images::small());
    let proxy = Proxy::start(open.address());
    let name = "docker://registry.example/a:1";
    let through = |barque: &Barque| {
        // The proxy of these tests knows CONNECT only, and leaves other requests without an answer.
        let run = barque.args(["inspect", name, "--command-timeout=5s"]);
        run.env("HTTPS_PROXY", proxy.url())
            .env("HTTP_PROXY", proxy.url())
    };
    spied(through(&Barque::new())).code(5);
    let asked: Vec<_> = proxy.connects().into_iter().map(|c| c.to).collect();
    assert!(!asked.is_empty());
    assert!(
        asked.iter().all(|to| to == "registry.example:443"),
        "{asked:?}"
    );
    assert_eq!(open.lines(), Vec::<String>::new());

    // A request in clear goes to the proxy without CONNECT.
    spied(through(&Barque::new()).args(["--tls-verify=false"]));
    let asked: Vec<_> = proxy.connects().into_iter().map(|c| c.to).collect();
    assert!(asked.contains(&String::new()), "{asked:?}");
}

#[test]
fn a_proxy_is_used_as_the_environment_says() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates)
        .image("a", "1", &images::small())
        .basic(USER, PASSWORD);
    let ca = certificates.ca_only_dir();
    let barque = Barque::new();
    let run = |name: &str, proxy: &Proxy| {
        let args = ["inspect", name, "--creds", &good(), "--cert-dir"];
        barque
            .args(args)
            .args([&ca])
            .env("HTTPS_PROXY", proxy.url_with("porter:wrong-password"))
    };
    let proxy = Proxy::start(registry.address());
    spied(run("docker://registry.example/a:1", &proxy)).ok();
    let connects = proxy.connects();
    assert!(!connects.is_empty());
    for connect in connects {
        assert_eq!(connect.to, "registry.example:443");
        let wanted = format!("Basic {}", base64("porter:wrong-password"));
        assert_eq!(connect.authorization, Some(wanted));
    }

    // This name cannot be resolved, which is how it is seen that the proxy is passed by.
    let proxy = Proxy::start(registry.address());
    let direct = run("docker://registry.example/a:1", &proxy).env("NO_PROXY", ".example");
    let out = spied(direct).code(5);
    assert!(
        out.stderr().contains("cannot resolve `registry.example`"),
        "{}",
        out.stderr()
    );
    spied(run(&registry.docker("a:1"), &proxy)).ok();
    assert_eq!(proxy.connects(), []);
}

//! Connections, silence and proxies (section H).

use std::io::{Read, Write};

use super::{assert_pulled, assert_pushed, barque, pull, push, raw, raw_of_public};
use crate::support::fake::{FakeRegistry, on};
use crate::support::images;
use crate::support::proxy::Proxy;
use crate::support::sandbox::Output;
use crate::support::tls::Certificates;

#[test]
fn h2_connections_that_died_in_the_pool() {
    let image = images::two_layers();
    let registry = FakeRegistry::start().rule(on("").close_idle(0));
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
    registry.clear();
    let barque = barque();
    pull(&barque, &registry).ok();
    assert_pulled(&barque, &image);
}

#[test]
fn h2_a_request_that_was_reset_before_an_answer_is_sent_again() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/manifests/").nth(1).rst_request_after(0));
    raw(&registry).ok();
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
}

#[test]
fn h2_the_same_right_after_the_first_handshake() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates)
        .image("a", "1", &images::small())
        .rule(on("GET").path("/manifests/").nth(1).rst_request_after(0));
    let barque = barque();
    let args = ["inspect", "--raw", &registry.docker("a:1"), "--cert-dir"];
    let run = barque.args(args).args([certificates.ca_only_dir()]);
    run.run().ok();
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
}

#[test]
fn h3_silence_ends_and_is_tried_again() {
    let image = images::two_layers();
    let layer = format!("/blobs/{}", image.layers()[0]);
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path("/manifests/").nth(1).hang())
        .rule(on("GET").path(&layer).nth(1).stall_after(50_000));
    let barque = barque();
    let copy = [
        "copy",
        "--stall-timeout",
        "300ms",
        &registry.docker("a:1"),
        "dir:out",
    ];
    barque.args(copy).run().ok();
    assert_pulled(&barque, &image);
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
    assert!(
        registry.requests("GET", &layer)[1]
            .header("range")
            .is_some()
    );
}

#[test]
fn h3_endless_silence_is_an_error() {
    let registry = FakeRegistry::start().rule(on("").hang());
    let inspect = [
        "inspect",
        "--raw",
        "--stall-timeout",
        "50ms",
        &registry.docker("a:1"),
    ];
    let out = barque().args(inspect).run().code(5);
    assert!(
        out.stderr().contains("no answer for 0.05 s"),
        "{}",
        out.stderr()
    );
    assert!(registry.requests("", "").len() <= 6);
}

#[test]
fn h6_the_proxy_gets_its_credential_and_nobody_else_sees_it() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let proxy = Proxy::start(registry.address());
    let out = raw_of_public(&barque(), &certificates, &proxy.url_with("mate:s3cret"))
        .args(["--debug"])
        .run()
        .ok();
    let connects = proxy.connects();
    assert_eq!(connects.len(), 1);
    assert_eq!(connects[0].to, "registry.example:443");
    // `mate:s3cret`
    assert_eq!(
        connects[0].authorization.as_deref(),
        Some("Basic bWF0ZTpzM2NyZXQ=")
    );
    assert!(registry.with_header("proxy-authorization").is_empty());
    let said = out.stderr();
    assert!(
        !said.contains("s3cret") && !said.contains("bWF0ZTpzM2NyZXQ"),
        "{said}"
    );
}

#[test]
fn h6_a_proxy_that_wants_a_login_is_told_by_its_status() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let proxy = Proxy::start(registry.address()).guarded();
    let out = raw_of_public(&barque(), &certificates, &proxy.url())
        .run()
        .code(5);
    for part in [
        "refused to connect to `registry.example:443`: it asks for a login (407)",
        "http://USER:PASSWORD@HOST:PORT",
    ] {
        assert!(out.stderr().contains(part), "{}", out.stderr());
    }
    raw_of_public(&barque(), &certificates, &proxy.url_with("mate:s3cret"))
        .run()
        .ok();
}

#[test]
fn h6_a_proxy_that_gives_no_tunnel_is_named_with_what_can_be_done() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    let proxy = Proxy::start(registry.address()).refusing(1);
    let out = raw_of_public(&barque(), &certificates, &proxy.url_with("mate:s3cret"))
        .run()
        .code(5);
    let said = out.stderr();
    let shows = format!(
        "`curl --proxy {} https://registry.example:443/v2/` shows its answer",
        proxy.url()
    );
    for part in [
        "refused to connect to `registry.example:443`\n",
        &shows,
        "NO_PROXY",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!said.contains("s3cret"), "{said}");
    assert!(registry.requests("", "").is_empty());
}

#[test]
fn h6_a_proxy_variable_that_cannot_be_used_is_an_error() {
    let certificates = Certificates::new();
    let out = raw_of_public(&barque(), &certificates, "http://mate:s3cret@proxy:port")
        .run()
        .code(1);
    let said = out.stderr();
    assert!(said.contains("`HTTPS_PROXY`"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[test]
fn h6_no_proxy_and_loopback_go_direct() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let proxy = Proxy::start(registry.address());
    barque()
        .args(["inspect", "--raw", &registry.docker("a:1")])
        .env("HTTP_PROXY", proxy.url())
        .env("HTTPS_PROXY", proxy.url())
        .env("ALL_PROXY", proxy.url())
        .run()
        .ok();
    // The name is none that DNS knows: without the proxy nothing is reached.
    let barque = barque();
    let run = raw_of_public(&barque, &certificates, &proxy.url()).env("NO_PROXY", ".example");
    run.run().code(5);
    assert!(proxy.connects().is_empty(), "{:?}", proxy.connects());
}

#[test]
fn h6_no_proxy_with_a_port_is_about_that_port() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &images::small());
    for (list, is_direct) in [
        ("other.example, registry.example:443", true),
        ("example:443", true),
        ("*.example", true),
        ("*.example:443", true),
        ("registry.example:5000,bar.example:443", false),
    ] {
        let proxy = Proxy::start(registry.address());
        let barque = barque();
        let run = raw_of_public(&barque, &certificates, &proxy.url()).env("NO_PROXY", list);
        if is_direct {
            let out = run.run().code(5);
            assert!(out.stderr().contains("cannot resolve"), "{}", out.stderr());
        } else {
            run.run().ok();
        }
        assert_eq!(proxy.connects().is_empty(), is_direct, "{list}");
    }
}

#[test]
fn h5_a_connection_that_cannot_be_made_for_a_moment() {
    let certificates = Certificates::new();
    let image = images::two_layers();
    for (nth, code) in [(1, 5), (2, 0)] {
        let registry = FakeRegistry::start_tls(&certificates).image("a", "1", &image);
        let proxy = Proxy::start(registry.address()).refusing(nth);
        let barque = barque();
        let run = barque
            .args(["copy", "docker://registry.example/a:1", "dir:out"])
            .args([
                "--src-cert-dir".as_ref(),
                certificates.ca_only_dir().as_os_str(),
            ])
            .env("HTTPS_PROXY", proxy.url());
        run.run().code(code);
        if code == 0 {
            super::assert_pulled(&barque, &image);
            assert_eq!(registry.requests("GET", "").len(), image.blobs.len() + 1);
        } else {
            assert_eq!(
                proxy.connects().len(),
                1,
                "who never answered is not asked again"
            );
        }
    }
}

/// What becomes of reading an image through `proxy`, which does not reach its registry.
fn inspected_through(proxy: &str) -> Output {
    let args = [
        "inspect",
        "--retry-times=0",
        "docker://registry.example/a:1",
    ];
    barque().args(args).env("HTTPS_PROXY", proxy).run().code(5)
}

#[test]
fn h6_a_socks_proxy_is_told_the_name_of_the_host() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("socks5://{}", listener.local_addr().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            let mut greeting = [0; 2];
            client.read_exact(&mut greeting).unwrap();
            let mut methods = vec![0; greeting[1].into()];
            client.read_exact(&mut methods).unwrap();
            client.write_all(&[5, 0]).unwrap();
            let mut wish = [0; 5];
            client.read_exact(&mut wish).unwrap();
            let mut host = vec![0; wish[4].into()];
            client.read_exact(&mut host).unwrap();
            let _ = tell.send((wish[3], String::from_utf8_lossy(&host).into_owned()));
        }
    });
    inspected_through(&proxy);
    // 3 is the type of a name.
    assert_eq!(told.try_recv(), Ok((3, "registry.example".to_owned())));
}

#[test]
fn h6_a_proxy_that_does_not_prove_who_it_is_is_named() {
    let certificates = Certificates::new();
    let server = FakeRegistry::start_tls(&certificates);
    let proxy = format!("https://{}", server.address());
    let out = inspected_through(&proxy);
    let told = out.stderr();
    let words = format!("the TLS handshake with the proxy `{proxy}` failed");
    assert!(told.contains(&words), "{told}");
    assert!(!told.contains("--tls-verify"), "{told}");
}

//! Missing things and error bodies (section E).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{assert_pushed, barque, bearer, push, pushing, raw};
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images;
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;

fn registry() -> FakeRegistry {
    FakeRegistry::start().image("a", "1", &images::small())
}

#[test]
fn e1_a_missing_repository_answers_401() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    let insufficient =
        bearer(&auth.token_url()) + ",scope=\"repository:a:pull\",error=\"insufficient_scope\"";
    let registry = FakeRegistry::start()
        .bearer(&auth.token_url(), usize::MAX)
        .rule(on("").with_header("authorization").challenge(&insufficient));
    let out = raw(&registry).code(3);
    assert!(
        out.stderr().contains("does not exist or needs a login"),
        "{}",
        out.stderr()
    );
    assert_eq!(
        (registry.requests("", "").len(), auth.requests("", "").len()),
        (2, 1)
    );
}

#[test]
fn e2_a_name_too_deep_for_docker_hub() {
    let certificates = Certificates::new();
    let registry = FakeRegistry::start_tls(&certificates).rule(on("").challenge("Basic realm=hub"));
    let proxy = Proxy::start(registry.address());
    let out = barque()
        .args(["inspect", "--raw", "docker://docker.io/one/two/three:1"])
        .args([
            "--cert-dir".as_ref(),
            certificates.ca_only_dir().as_os_str(),
        ])
        .env("HTTPS_PROXY", proxy.url())
        .run()
        .code(3);
    assert!(out.stderr().contains("two parts"), "{}", out.stderr());
}

#[test]
fn e3_a_push_goes_on_where_looking_is_not_allowed() {
    let auth = FakeRegistry::start_on("127.0.0.2");
    for status in [401, 403] {
        let registry = FakeRegistry::start()
            .bearer(&auth.token_url(), usize::MAX)
            .rule(
                on("HEAD")
                    .path("/manifests/")
                    .error(status, "UNAUTHORIZED", "creator only"),
            )
            .rule(
                on("GET")
                    .path("/manifests/")
                    .error(status, "UNAUTHORIZED", "creator only"),
            );
        let image = images::small();
        push(&image, &registry).ok();
        assert_pushed(&registry, &image);
    }
}

#[test]
fn e4_e5_404_is_not_found_whatever_the_body() {
    let json = |body: &str| Reply::new(404, body).with("Content-Type", "application/json");
    for (reply, says_v2) in [
        (
            json(r#"{"errors":[{"code":"404","message":"Not Found"}]}"#),
            true,
        ),
        (
            json(r#"{"errors":[{"code":"NOT_FOUND","message":"artifact a:1 not found"}]}"#),
            true,
        ),
        (
            Reply::new(404, "File not found.\"").with("Content-Type", "text/plain"),
            false,
        ),
        (Reply::new(404, ""), false),
    ] {
        let registry = registry().rule(on("GET").path("/manifests/").answer(reply));
        raw(&registry).code(2);
        // Without a code it could be a server of Registry V1, or of the draft of 2014: a question more for each.
        let says_v2 = says_v2 || !cfg!(feature = "legacy");
        for question in ["/v1/_ping", "/manifest/"] {
            let asked = registry.requests("GET", question).len();
            assert_eq!(asked, usize::from(!says_v2), "{question}");
        }
        let more = if says_v2 { 0 } else { 2 };
        assert_eq!(registry.requests("", "").len(), 1 + more);
    }
}

#[test]
fn e6_an_exceeded_quota_is_told_in_the_servers_words() {
    let registry = FakeRegistry::start().rule(on("PUT").path("/manifests/").error(
        403,
        "DENIED",
        "The repository has exceeded its quota of 10000 images",
    ));
    let out = push(&images::small(), &registry).code(3);
    assert!(
        out.stderr().contains("exceeded its quota of 10000 images"),
        "{}",
        out.stderr()
    );
    assert!(!out.stderr().contains("barque login"), "{}", out.stderr());
}

#[test]
fn e7_a_tag_that_may_not_change() {
    for (status, code) in [(400, "TAG_INVALID"), (409, "TAG_IMMUTABLE")] {
        let image = images::small();
        let refuse = || {
            on("PUT")
                .path("/manifests/")
                .error(status, code, "the tag is immutable")
        };
        // The first look does not find it, as with a push of the same image at the same time.
        let same = FakeRegistry::start()
            .image("a", "1", &image)
            .rule(on("HEAD").path("/manifests/").nth(1).status(404))
            .rule(refuse());
        push(&image, &same).ok();
        assert_eq!(same.requests("HEAD", "/manifests/1").len(), 2);

        let other = FakeRegistry::start()
            .image("a", "1", &images::artifact())
            .rule(refuse());
        let out = push(&image, &other).code(6);
        assert!(
            out.stderr().contains("the tag is immutable"),
            "{}",
            out.stderr()
        );
        assert_eq!(other.requests("PUT", "/manifests/").len(), 1);
    }
}

#[test]
fn e8_a_policy_against_pulls() {
    let policy = "current image with 3 vulnerabilities cannot be pulled";
    let registry = FakeRegistry::start()
        .image("a", "1", &images::artifact())
        .rule(on("HEAD").path("/manifests/").status(412))
        .rule(
            on("GET")
                .path("/manifests/")
                .error(412, "PROJECTPOLICYVIOLATION", policy),
        );
    assert!(raw(&registry).code(1).stderr().contains(policy));
    let image = images::small();
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
}

#[test]
fn e9_read_only_mode_says_405() {
    let registry = FakeRegistry::start().rule(on("POST").error(
        405,
        "DENIED",
        "System is currently read-only",
    ));
    let out = push(&images::small(), &registry).code(6);
    assert!(
        out.stderr().contains("System is currently read-only"),
        "{}",
        out.stderr()
    );
    assert!(registry.requests("PUT", "").is_empty());
}

#[test]
fn e10_the_words_of_a_refused_head_come_with_get() {
    let registry = FakeRegistry::start()
        .rule(on("HEAD").path("/manifests/").status(403))
        .rule(
            on("GET")
                .path("/manifests/")
                .error(403, "DENIED", "billing is disabled"),
        );
    let barque = barque();
    let image = images::small();
    let out = pushing(&barque, &image, &registry)
        .args(["--debug"])
        .run()
        .ok();
    assert!(
        out.stderr().contains("billing is disabled"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.requests("HEAD", "/manifests/").len(), 1);
    assert_eq!(registry.requests("GET", "/manifests/").len(), 1);
    assert_pushed(&registry, &image);
}

#[test]
fn e11_bodies_that_are_no_errors_of_a_registry() {
    let huge = vec![b'x'; 32 << 20];
    let binary = b"\x00\x1b[2Jbad\xff gateway\nsecond line".to_vec();
    for body in [b"<html>\n<h1>400</h1>".to_vec(), Vec::new(), huge, binary] {
        let registry = registry().rule(on("GET").answer(Reply::new(400, body)));
        let out = raw(&registry).code(1);
        assert!(
            out.stderr().contains("answered 400 Bad Request"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().len() < 1000 && !out.stderr().contains('\x1b'));
        assert!(!out.stderr().contains("second line"));
    }
}

#[test]
fn e12_warnings_are_told_once() {
    let registry = registry()
        .rule(on("").add_header("Warning", r#"299 - "this registry \"closes\" soon""#))
        .rule(on("").add_header("Warning", r#"299 - "this registry \"closes\" soon""#))
        .rule(on("").add_header("Warning", "299 - \"evil \u{1b}[31m red\""))
        .rule(on("").add_header("Warning", r#"110 - "response is stale""#));
    let out = barque()
        .args(["inspect", &registry.docker("a:1")])
        .run()
        .ok();
    assert!(registry.requests("", "").len() > 1);
    let told = "warning: `127.0.0.1` says: this registry \"closes\" soon\n";
    assert_eq!(out.stderr(), told);
    // Nor by each side of a copy.
    let (from, to) = (registry.docker("a:1"), registry.docker("b:1"));
    let copied = barque().args(["copy", &from, &to]).run().ok();
    assert_eq!(
        copied.stderr().matches("soon").count(),
        1,
        "{}",
        copied.stderr()
    );
}

#[test]
fn h6_a_proxy_that_nobody_serves_is_named() {
    let image = "docker://registry.example/a:1";
    for (proxy, told) in [
        (
            "http://sailor:anchors@127.0.0.1:9",
            "`http://127.0.0.1:9`: nothing listens there",
        ),
        (
            "http://nowhere.invalid:3128",
            "`http://nowhere.invalid:3128`",
        ),
        ("socks5://127.0.0.1:9", "`socks5://127.0.0.1:9`"),
    ] {
        let out = barque()
            .args(["inspect", "--raw", image])
            .env("HTTPS_PROXY", proxy)
            .run()
            .code(5);
        let text = out.stderr();
        assert!(
            text.contains(&format!("through the proxy {told}")),
            "{text}"
        );
        assert!(
            text.contains("HTTPS_PROXY") && !text.contains("anchors"),
            "{text}"
        );
        assert!(!text.contains("is the registry running"), "{text}");
    }
}

#[test]
fn e13_a_limit_told_in_lines_that_end_in_lf() {
    let limited = Reply::new(429, "Too Many Requests\n")
        .with("Content-Type", "text/plain")
        .with("Retry-After", 0);
    let registry = registry().rule(on("GET").first(2).answer(limited).lf_only());
    raw(&registry).ok();
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn e14_pulls_are_limited_and_the_time_is_an_epoch() {
    let soon = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(1);
    let limited = Reply::new(429, "")
        .with("X-Retry-After", soon.as_secs())
        .with("RateLimit-Limit", "100;w=21600")
        .with("RateLimit-Remaining", "0;w=21600");
    let registry = registry().rule(on("GET").path("/manifests/").nth(1).answer(limited));
    let args = ["inspect", "--raw", "--debug", &registry.docker("a:1")];
    let out = barque().args(args).run().ok();
    assert_eq!(registry.requests("GET", "/manifests/").len(), 2);
    assert!(out.stderr().contains("0;w=21600"), "{}", out.stderr());
}

#[test]
fn e15_waits_in_all_forms() {
    for value in [
        "0",
        "Tue, 14 Nov 2023 22:13:30 GMT",
        "soon",
        "-5",
        "1700000000",
        "",
    ] {
        let limited = Reply::new(429, "").with("Retry-After", value);
        let registry = registry().rule(on("GET").nth(1).answer(limited));
        raw(&registry).ok();
        assert_eq!(registry.requests("", "").len(), 2, "{value}");
    }
    for (value, told) in [
        ("3600", "asks to wait 3600 s"),
        ("1000000000000", "or try later"),
    ] {
        let limited = Reply::new(429, "").with("Retry-After", value);
        let registry = registry().rule(on("GET").answer(limited));
        let out = raw(&registry).code(5);
        assert!(out.stderr().contains(told), "{}", out.stderr());
        assert_eq!(
            registry.requests("", "").len(),
            1,
            "nothing is sent before that"
        );
    }
}

#[test]
fn e15_a_long_wait_is_announced() {
    let limited = Reply::new(429, "").with("Retry-After", 2);
    let registry = registry().rule(on("GET").nth(1).answer(limited));
    let out = raw(&registry).ok();
    assert!(
        out.stderr().contains("answered 429; trying again in 2s"),
        "{}",
        out.stderr()
    );
}

#[test]
fn e16_a_push_survives_a_limit_of_requests() {
    let registry = FakeRegistry::start()
        .rule(
            on("POST")
                .first(3)
                .answer(Reply::new(429, "").with("Retry-After", 0)),
        )
        .rule(on("PUT").path("/manifests/").first(2).error(
            429,
            "TOOMANYREQUESTS",
            "10 per second",
        ));
    let image = images::small();
    push(&image, &registry).ok();
    assert_pushed(&registry, &image);
}

#[test]
fn e17_statuses_of_proxies_are_tried_again() {
    for status in [408, 499, 500, 502, 503, 504, 522] {
        let registry = registry().rule(on("GET").first(2).html(status));
        raw(&registry).ok();
        assert_eq!(registry.requests("", "").len(), 3, "{status}");
    }
    let registry = registry().rule(on("GET").status(503));
    raw(&registry).code(5);
    assert_eq!(registry.requests("", "").len(), 5, "and not for ever");
}

#[test]
fn e18_an_upload_that_failed_for_no_reason_is_begun_again() {
    for (status, code) in [
        (400, "BLOB_UPLOAD_INVALID"),
        (500, "UNKNOWN"),
        (503, "UNAVAILABLE"),
    ] {
        let failure = on("PUT")
            .path("/blobs/uploads/")
            .nth(1)
            .error(status, code, "try again");
        let registry = FakeRegistry::start().rule(failure);
        let image = images::small();
        push(&image, &registry).ok();
        assert_pushed(&registry, &image);
        assert_eq!(
            registry.requests("POST", "").len(),
            4,
            "three blobs, one of them twice"
        );
    }
}

#[test]
fn e15_a_longer_wait_than_is_obeyed_ends_the_command_wherever_it_is_asked_for() {
    let image = images::two_layers();
    let later = || Reply::new(429, "").with("Retry-After", 3600);
    let layer = image.layers()[0].to_string();
    for method in ["POST", "PUT", "PATCH"] {
        let registry = FakeRegistry::start();
        if method == "PATCH" {
            let whole = on("PUT").path("/uploads/").body_over(0);
            registry.add_rule(whole.status(413));
        }
        registry.add_rule(on(method).path("/uploads/").answer(later()));
        let barque = barque();
        let run = super::pushing(&barque, &image, &registry);
        let out = run.args(["--image-parallel-copies", "1"]).run().code(5);
        assert!(out.stderr().contains("wait 3600 s"), "{}", out.stderr());
        // Another blob may have begun meanwhile.
        let asked = registry.requests(method, "/uploads/");
        let first = asked.iter().filter(|s| s.path == asked[0].path);
        assert_eq!(first.count(), 1, "{method}: {:?}", registry.lines());
    }
    let registry = FakeRegistry::start()
        .image("a", "1", &image)
        .rule(on("GET").path(&layer).nth(1).rst_after(50_000))
        .rule(on("GET").path(&layer).after(1).answer(later()));
    let out = super::pull(&barque(), &registry).code(5);
    assert!(out.stderr().contains("wait 3600 s"), "{}", out.stderr());
    assert_eq!(registry.requests("GET", &layer).len(), 2);
}

#[cfg(feature = "legacy")]
#[test]
fn a_longer_wait_that_a_v1_registry_asks_for_ends_the_command() {
    let image = images::two_layers();
    let later = || Reply::new(429, "").with("Retry-After", 3600);
    let v1 = || {
        let ping = on("GET").path("/v1/_ping").json("true");
        FakeRegistry::start().rule(ping)
    };
    let registry = v1()
        .rule(on("PUT").path("/v1/").json("true"))
        .rule(on("PUT").path_end("/layer").answer(later()));
    let barque = barque();
    images::write_layout(&barque.path("in"), &[("1", &image)]);
    let name = format!("docker-v1://{}/a/b:1", registry.address());
    let out = barque.args(["copy", "oci:in:1", &name]).run().code(5);
    assert!(out.stderr().contains("wait 3600 s"), "{}", out.stderr());
    assert_eq!(registry.requests("PUT", "/layer").len(), 1);

    let id = "0".repeat(64);
    let registry = v1()
        .rule(on("GET").path_end("/tags/1").json(&format!("\"{id}\"")))
        .rule(on("GET").path_end("/ancestry").json(&format!("[\"{id}\"]")))
        .rule(
            on("GET")
                .path_end("/json")
                .json(&format!("{{\"id\": \"{id}\"}}")),
        )
        .rule(on("GET").path_end("/layer").answer(later()));
    let name = format!("docker-v1://{}/a/b:1", registry.address());
    let out = barque.args(["copy", &name, "oci:out:1"]).run().code(5);
    assert!(out.stderr().contains("wait 3600 s"), "{}", out.stderr());
    assert_eq!(registry.requests("GET", "/layer").len(), 1);
}

#[test]
fn a_head_that_is_too_large_is_not_asked_for_again() {
    let many = (0..150).fold(Reply::new(200, ""), |reply, i| {
        reply.with(&format!("X-{i}"), i)
    });
    let registry = FakeRegistry::start().rule(on("GET").answer(many));
    let out = raw(&registry).code(5);
    assert!(
        out.stderr().contains("more than 100 fields"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.lines().len(), 1);
}

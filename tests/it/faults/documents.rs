//! Manifests, lists and tokens whose answers break off.

use super::barque;
use crate::support::fake::{FakeRegistry, Rule, on};
use crate::support::images::small;
use crate::support::sandbox::Output;

/// The answer breaks off in its body, in one way and the other.
fn breaks() -> [fn(Rule) -> Rule; 2] {
    [|rule| rule.rst_after(20), |rule| rule.stall_after(20)]
}

fn run(args: &[&str]) -> Output {
    let stall = ["--stall-timeout", "200ms"];
    barque().args(args).args(stall).run()
}

#[test]
fn a_manifest_or_a_list_that_breaks_off_is_asked_for_again() {
    for broken in breaks() {
        for (path, args) in [
            ("/manifests/", ["inspect", "--raw", "a:1"]),
            ("/tags/list", ["tags", "--plain", "a"]),
        ] {
            let registry = FakeRegistry::start()
                .image("a", "1", &small())
                .rule(broken(on("GET").path(path).first(2)));
            run(&[args[0], args[1], &registry.docker(args[2])]).ok();
            assert_eq!(registry.lines().len(), 3, "{:?}", registry.lines());
        }
    }
}

#[test]
fn a_token_that_breaks_off_is_asked_for_again() {
    for broken in breaks() {
        let auth = FakeRegistry::start_on("127.0.0.2").rule(broken(on("GET").nth(1)));
        let registry = FakeRegistry::start()
            .image("a", "1", &small())
            .bearer(&auth.token_url(), usize::MAX);
        run(&["inspect", "--raw", &registry.docker("a:1")]).ok();
        assert_eq!(auth.lines().len(), 2, "{:?}", auth.lines());
        assert_eq!(registry.lines().len(), 2, "{:?}", registry.lines());
    }
}

#[test]
fn an_answer_that_always_breaks_off_is_given_up() {
    let registry = FakeRegistry::start()
        .image("a", "1", &small())
        .rule(on("GET").rst_after(20));
    let out = run(&["inspect", "--raw", &registry.docker("a:1")]).code(5);
    assert!(out.stderr().contains("broke off"), "{}", out.stderr());
    assert_eq!(registry.lines().len(), 5, "{:?}", registry.lines());
}

#[test]
fn an_answer_that_trickles_has_an_end() {
    let registry = FakeRegistry::start()
        .image("a", "1", &small())
        .rule(on("GET").pace(1));
    let out = run(&["inspect", "--raw", &registry.docker("a:1")]).code(5);
    assert!(
        out.stderr().contains("all of its answer within 2 s"),
        "{}",
        out.stderr()
    );
    assert_eq!(registry.lines().len(), 1, "{:?}", registry.lines());
}

#[cfg(feature = "legacy")]
#[test]
fn a_list_of_a_v1_registry_that_breaks_off_is_asked_for_again() {
    // A condition that the first request for each path meets.
    let first_of_each = || {
        let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
        move |head: &crate::support::fake::Head| seen.lock().unwrap().insert(head.path().to_owned())
    };
    for broken in breaks() {
        let tags = format!(r#"{{"1": "{}"}}"#, "0".repeat(64));
        let ping = on("GET").path("/v1/_ping").json("{                    }");
        let registry = FakeRegistry::start()
            .rule(ping.header("X-Docker-Registry-Standalone", "True"))
            .rule(on("GET").path_end("/images").json("[                    ]"))
            .rule(on("GET").path("/tags").json(&tags))
            .rule(broken(on("GET").path("/v1/").when(first_of_each())));
        let name = format!("docker-v1://{}/a/b", registry.address());
        let out = run(&["tags", "--plain", &name]).ok();
        assert_eq!(out.stdout(), "1\n");
        for path in ["/v1/_ping", "/images", "/tags"] {
            let asked = registry.requests("GET", path).len();
            assert_eq!(asked, 2, "{path}: {:?}", registry.lines());
        }
    }
}

#[cfg(feature = "legacy")]
#[test]
fn a_search_that_breaks_off_is_asked_for_again() {
    for broken in breaks() {
        let found = r#"{"num_results": 0, "results": [], "query": ""}"#;
        let registry = FakeRegistry::start()
            .rule(on("GET").path("/v1/search").json(found))
            .rule(broken(on("GET").path("/v1/search").first(1)));
        run(&["search", &format!("{}/a", registry.address())]).ok();
        assert_eq!(registry.requests("GET", "/v1/search").len(), 2);
    }
}

//! `barque search`.

use crate::support::Barque;
use crate::support::fake::{FakeRegistry, on};
use crate::support::images;
use crate::support::peers::V1Registry;

#[test]
fn the_real_registry_is_searched() {
    let Some(registry) = V1Registry::start() else {
        return;
    };
    let barque = Barque::new();
    images::write_dir(&barque.path("image"), &images::small());
    for name in ["fleet/ship:1", "fleet/shore:1", "other/ship:1"] {
        barque
            .args(["copy", "dir:image", &registry.v1(name)])
            .run()
            .ok();
    }
    let search = |args: &[&str]| barque.args(["search"]).args(args).run();
    let fleet = format!("{}/fleet", registry.address());
    let found = search(&["--json", &fleet]).ok().json();
    assert_eq!(found["Found"], 2);
    let mut names: Vec<_> = found["Results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["Name"].clone())
        .collect();
    names.sort_by_key(ToString::to_string);
    assert_eq!(names, ["fleet/ship", "fleet/shore"]);
    assert_eq!(
        search(&["--limit=1", &fleet]).ok().stdout().lines().count(),
        1
    );
    assert_eq!(
        search(&[&format!("{}/zzz", registry.address())])
            .ok()
            .stdout(),
        ""
    );
    let all = search(&["--limit=1000", &format!("{}/", registry.address())]).ok();
    assert_eq!(all.stdout().lines().count(), 3);
    search(&["--limit=0", &fleet]).code(1);
}

#[test]
fn a_blocked_registry_is_not_searched() {
    let registry = FakeRegistry::start();
    let at = registry.address();
    let barque = Barque::new();
    let conf = ".config/containers/registries.conf";
    let blocked = format!("[[registry]]\nprefix = '{at}'\nlocation = '{at}'\nblocked = true\n");
    barque.write_home(conf, blocked);
    for term in ["a", ""] {
        let search = barque.args(["search", &format!("{at}/{term}")]);
        let out = search.run().code(3);
        assert!(out.stderr().contains("is blocked"), "{}", out.stderr());
    }
    barque.write_home(conf, "[[registry]\n");
    let search = barque.args(["search", &format!("{at}/a")]);
    let out = search.run().code(1);
    assert!(out.stderr().contains("registries.conf"), "{}", out.stderr());
    assert_eq!(registry.lines(), [""; 0]);
}

#[test]
fn a_server_without_search_says_so() {
    let barque = Barque::new();
    let new = FakeRegistry::start();
    let out = barque
        .args(["search", &format!("{}/a", new.address())])
        .run()
        .code(2);
    assert!(
        out.stderr().contains("offers no search"),
        "{}",
        out.stderr()
    );
    let page = FakeRegistry::start().rule(on("GET").path("/v1/search").html(200));
    let out = barque
        .args(["search", &format!("{}/a", page.address())])
        .run()
        .code(2);
    assert!(
        out.stderr().contains("offers no search"),
        "{}",
        out.stderr()
    );
    if let Some(old) = V1Registry::start_with(false) {
        let out = barque
            .args(["search", &format!("{}/a", old.address())])
            .run()
            .code(2);
        assert!(
            out.stderr().contains("offers no search"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn numbers_and_texts_are_shown_alike() {
    let answer = r#"{"num_results":"1","results":[{"name":"a/b","description":"d\u001b[31m","star_count":"12","is_official":"true"}]}"#;
    let registry = FakeRegistry::start().rule(on("GET").path("/v1/search").json(answer));
    let barque = Barque::new();
    let term = format!("{}/a b&c", registry.address());
    let out = barque.args(["search", "--limit", "7", &term]).run().ok();
    assert_eq!(out.stdout(), "a/b\t12\tyes\td[31m\n");
    let asked = registry.requests("GET", "/v1/search");
    assert_eq!(asked[0].path, "/v1/search?q=a+b%26c&n=7&page=1");
    assert_eq!(asked.len(), 1);
}

#[test]
fn pages_are_read_until_there_is_enough() {
    let page = |from: usize, count: usize| {
        let hits: Vec<_> = (from..from + count)
            .map(|i| serde_json::json!({ "name": format!("r{i}") }))
            .collect();
        serde_json::json!({ "num_results": 250, "results": hits }).to_string()
    };
    let registry = FakeRegistry::start()
        .rule(on("GET").path("page=1").json(&page(0, 100)))
        .rule(on("GET").path("page=2").json(&page(100, 100)))
        .rule(on("GET").path("page=3").json(&page(200, 50)));
    let barque = Barque::new();
    let lines = |limit: &str| {
        let term = format!("{}/r", registry.address());
        let out = barque.args(["search", "--limit", limit, &term]).run().ok();
        out.stdout().lines().count()
    };
    assert_eq!(
        (lines("1000"), registry.requests("GET", "/v1/search").len()),
        (250, 3)
    );
    assert_eq!(
        (lines("120"), registry.requests("GET", "/v1/search").len()),
        (120, 5)
    );
    // One that knows no pages gives the same again.
    let same = FakeRegistry::start().rule(on("GET").path("/v1/search").json(&page(0, 100)));
    let term = format!("{}/r", same.address());
    let out = barque.args(["search", "--limit=1000", &term]).run().ok();
    assert_eq!(out.stdout().lines().count(), 100);
}

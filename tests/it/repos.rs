//! `barque repos`: the catalog of a registry, page by page, and registries without one.

use serde_json::json;

use super::support::Barque;
use super::support::fake::{FakeRegistry, LinkForm, on};
use super::support::images;
use super::support::peers::{self, Auth, DockerRegistry};

/// A registry with the repositories `a/0` to `a/N-1`.
fn with_repositories(count: usize) -> FakeRegistry {
    let image = images::small();
    let names = (0..count).map(|i| format!("a/{i}"));
    names.fold(FakeRegistry::start(), |registry, name| {
        registry.image(&name, "1", &image)
    })
}

#[test]
fn all_pages_are_listed_in_order() {
    for links in [LinkForm::Relative, LinkForm::Absolute] {
        let registry = with_repositories(7).page_limit(3).links(links);
        let barque = Barque::new();
        let names: Vec<String> = (0..7).map(|i| format!("a/{i}")).collect();
        let plain = barque.args(["repos", "--plain", registry.address()]);
        assert_eq!(plain.run().ok().stdout(), names.join("\n") + "\n");
        let pages = registry.requests("GET", "/v2/_catalog");
        assert_eq!(pages.len(), 3, "{:?}", registry.lines());
        let out = barque.args(["repos", &registry.docker("")]).run().ok();
        let wanted = json!({ "Registry": registry.address(), "Repositories": names });
        assert_eq!(out.json(), wanted);
        assert!(
            out.stdout().ends_with("\"a/6\"\n    ]\n}\n"),
            "{}",
            out.stdout()
        );
    }
    let empty = FakeRegistry::start();
    let out = Barque::new().args(["repos", empty.address()]).run().ok();
    assert!(
        out.stdout().ends_with("\"Repositories\": []\n}\n"),
        "{}",
        out.stdout()
    );
}

#[test]
fn a_page_is_printed_before_the_next_one_comes() {
    let registry = with_repositories(4)
        .page_limit(2)
        .links(LinkForm::Relative)
        .rule(on("GET").path("last=a/1").hang());
    let barque = Barque::new();
    let running = barque
        .args(["repos", "--plain", registry.address()])
        .start();
    running.wait_for_stdout(b"a/0\na/1\n");
    running.signal("TERM");
    running.wait().code(143);
}

#[test]
fn l13_registries_that_keep_their_list_say_so_in_one_sentence() {
    for (status, code, hint) in [
        (401, 3, "barque login"),
        (403, 3, "barque login"),
        (404, 2, "switched off"),
        (405, 2, "switched off"),
    ] {
        let rule = on("GET")
            .path("_catalog")
            .error(status, "UNSUPPORTED", "no");
        let registry = FakeRegistry::start().rule(rule);
        let barque = Barque::new();
        let out = barque.args(["repos", registry.address()]).run().code(code);
        assert_eq!(out.stdout(), "");
        let told = out.stderr();
        let sentence = format!("`{}` does not list its repositories", registry.address());
        assert!(told.contains(&sentence), "{told}");
        assert!(told.contains(&status.to_string()), "{told}");
        assert!(
            told.lines()
                .any(|l| l.starts_with("hint: ") && l.contains(hint)),
            "{told}"
        );
        assert_eq!(registry.requests("GET", "_catalog").len(), 1);
    }
    let broken = FakeRegistry::start().rule(on("GET").path("_catalog").json("{\"repositories\":"));
    Barque::new()
        .args(["repos", broken.address()])
        .run()
        .code(5);
    let wrong = Barque::new().args(["repos", "r.io/a"]).run().code(1);
    assert!(
        wrong.stderr().contains("barque tags r.io/a"),
        "{}",
        wrong.stderr()
    );
}

#[test]
fn l14_the_token_is_for_the_catalog() {
    let endpoint = FakeRegistry::start();
    let registry = with_repositories(1).bearer(&endpoint.token_url(), 100);
    let barque = Barque::new();
    let out = barque
        .args(["repos", "--plain", registry.address()])
        .run()
        .ok();
    assert_eq!(out.stdout(), "a/0\n");
    assert_eq!(endpoint.lines().len(), 1, "{:?}", endpoint.lines());
    assert_eq!(registry.lines().len(), 2, "{:?}", registry.lines());
    let lines = endpoint.lines().join("\n");
    let scope = lines.contains("registry%3Acatalog%3A*") || lines.contains("registry:catalog:*");
    assert!(scope, "{lines}");
}

#[test]
fn the_real_registry_lists_its_repositories() {
    peers::needs!("docker-registry", "skopeo");
    let open = DockerRegistry::open();
    open.feed("fleet/ship:1", &images::small());
    open.feed("fleet/boat:1", &images::small());
    let barque = Barque::new();
    let out = barque.args(["repos", "--plain", open.address()]).run().ok();
    assert_eq!(out.stdout(), "fleet/boat\nfleet/ship\n");
    let locked = DockerRegistry::setup().auth(Auth::Htpasswd).start();
    barque.args(["repos", locked.address()]).run().code(3);

    if !cfg!(feature = "legacy") {
        return;
    }
    let search = format!("{}/", open.address());
    let out = barque.args(["search", &search]).run().code(2);
    let told = out.stderr();
    let what = format!("listing the repositories of `{}`", open.address());
    assert!(told.contains(&what), "{told}");
    let hint = format!("`barque repos {}`", open.address());
    assert!(told.contains(&hint), "{told}");
}

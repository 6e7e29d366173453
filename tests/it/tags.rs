//! `barque tags`: skopeo's document, and lists of any length page by page.

use serde_json::json;

use super::support::Barque;
use super::support::fake::{FakeRegistry, LinkForm, Reply, on};
use super::support::images;
use super::support::peers::{self, DockerRegistry};
use super::support::sandbox::Output;

fn barque(args: &[&str]) -> Output {
    Barque::new().args(args).run()
}

/// `t00000` and so on, a line each.
fn lines(count: usize) -> String {
    (0..count).map(|i| format!("t{i:05}\n")).collect()
}

#[test]
fn the_document_is_skopeos() {
    peers::needs!("docker-registry", "skopeo");
    let registry = DockerRegistry::open();
    for tag in ["latest", "v1.10", "v1.9", "Z", "_x"] {
        registry.feed(&format!("fleet/ship:{tag}"), &images::small());
    }
    let name = registry.docker("fleet/ship");
    let theirs = peers::skopeo()
        .args(["list-tags", "--tls-verify=false", &name])
        .run()
        .ok();
    assert_eq!(barque(&["tags", &name]).ok().stdout(), theirs.stdout());
    assert_eq!(barque(&["list-tags", &name]).ok().stdout(), theirs.stdout());
    let bare = name.strip_prefix("docker://").unwrap();
    assert_eq!(barque(&["tags", bare]).ok().stdout(), theirs.stdout());
    let plain: String = theirs.json()["Tags"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| format!("{}\n", t.as_str().unwrap()))
        .collect();
    assert_eq!(
        barque(&["tags", "--plain", &name]).ok().stdout(),
        plain,
        "in the same order"
    );
    let absent = barque(&["tags", &registry.docker("fleet/none")]).code(2);
    assert!(
        absent.stderr().contains("NAME_UNKNOWN"),
        "{}",
        absent.stderr()
    );
}

#[test]
fn ten_thousand_tags_in_one_page_are_one_request() {
    let all: Vec<String> = lines(10_000).lines().map(str::to_owned).collect();
    let page = json!({ "name": "many", "tags": all }).to_string();
    let registry = FakeRegistry::start().rule(
        on("GET")
            .path("/tags/list")
            .answer(Reply::new(200, page).with("Content-Type", "application/json")),
    );
    let name = registry.docker("many");
    assert_eq!(
        barque(&["tags", "--plain", &name]).ok().stdout(),
        lines(10_000)
    );
    assert_eq!(registry.lines().len(), 1, "{:?}", registry.lines());
    let document = barque(&["tags", &name]).ok().json();
    assert_eq!(
        document["Repository"],
        format!("{}/many", registry.address())
    );
    assert_eq!(document["Tags"], json!(all));
    assert_eq!(registry.lines().len(), 2);
}

#[test]
fn ten_thousand_tags_in_pages_are_a_request_a_page() {
    for (size, links) in [
        (100, LinkForm::Relative),
        (1000, LinkForm::Absolute),
        (1000, LinkForm::Relative),
    ] {
        let registry = FakeRegistry::start()
            .tags("many", 10_000, &images::small())
            .links(links)
            .page_limit(size);
        let plain = barque(&["tags", "--plain", &registry.docker("many")]).ok();
        assert!(plain.stdout() == lines(10_000), "pages of {size}");
        assert_eq!(registry.requests("GET", "/tags/list").len(), 10_000 / size);
        assert_eq!(registry.requests("", "").len(), 10_000 / size, "no others");
        // A connection that is not quite idle again makes the client open a second one.
        assert!(registry.connections() < 5, "{}", registry.connections());
    }
}

#[test]
fn a_page_is_printed_before_the_next_but_one_is_there() {
    let registry = FakeRegistry::start()
        .tags("many", 10_000, &images::small())
        .page_limit(1000)
        .rule(on("GET").path("last=t08999").hang());
    let barque = Barque::new();
    let running = barque
        .args(["tags", "--plain", &registry.docker("many")])
        .start();
    // All that was listed comes out although the last page never arrives.
    running.wait_for_stdout(lines(9000).as_bytes());
    running.signal("INT");
    let out = running.wait().code(130);
    assert_eq!(out.stdout(), lines(9000));
}

#[test]
fn pages_that_came_are_kept_when_the_next_fails() {
    let registry = FakeRegistry::start()
        .tags("many", 300, &images::small())
        .page_limit(100)
        .rule(on("GET").path("last=t00199").error(403, "DENIED", "enough"));
    let out = barque(&["tags", "--plain", &registry.docker("many")]).code(3);
    assert_eq!(out.stdout(), lines(200));
    assert!(out.stderr().contains("DENIED: enough"), "{}", out.stderr());
    let document = barque(&["tags", &registry.docker("many")]).code(3);
    assert_eq!(document.stdout(), "", "a document is whole or not there");
}

#[test]
fn entries_that_are_no_tags_are_left_out_with_a_warning() {
    let registry = FakeRegistry::start()
        .rule(
            on("GET")
                .path("/a/tags")
                .json(r#"{"name":"a","tags":["1",null,"","sha256-x y","2"]}"#),
        )
        .rule(
            on("GET")
                .path("/b/tags")
                .json(r#"{"name":"b","tags":null}"#),
        );
    let some = barque(&["tags", "--plain", &registry.docker("a")]).ok();
    assert_eq!(some.stdout(), "1\n2\n");
    let none = barque(&["tags", &registry.docker("b")]).ok();
    assert_eq!(none.json()["Tags"], json!([]));
}

#[test]
fn an_image_is_not_a_repository() {
    let digest = format!("sha256:{}", "a".repeat(64));
    for (given, meant) in [
        (
            "docker://127.0.0.1:9/a/b:1".to_owned(),
            "docker://127.0.0.1:9/a/b`",
        ),
        (
            format!("127.0.0.1:9/a/b@{digest}"),
            "docker://127.0.0.1:9/a/b`",
        ),
        ("alpine:3.20".to_owned(), "docker://alpine`"),
    ] {
        let out = barque(&["tags", &given]).code(1);
        assert!(
            out.stderr().contains(meant) && out.stderr().contains(&given),
            "{}",
            out.stderr()
        );
    }
}

/// Puts an archive with the images `repo_tags`, all of one config and no layers, into `barque`'s folder.
fn archive(barque: &Barque, file: &str, repo_tags: serde_json::Value) -> String {
    let config =
        r#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;
    let items = repo_tags.as_array().unwrap().iter();
    let items: Vec<_> = items
        .map(|tags| json!({ "Config": "c.json", "RepoTags": tags, "Layers": [] }))
        .collect();
    let path = barque.path(file);
    let mut tar = tar::Builder::new(std::fs::File::create(&path).unwrap());
    for (name, content) in [
        ("c.json", config.to_owned()),
        ("manifest.json", json!(items).to_string()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        tar.append_data(&mut header, name, content.as_bytes())
            .unwrap();
    }
    tar.finish().unwrap();
    format!("docker-archive:{}", path.display())
}

#[test]
fn names_in_an_archive_are_those_that_skopeo_lists() {
    let with = Barque::new();
    let tags = json!([
        ["app:1", "docker.io/library/app:2"],
        null,
        ["quay.io/x/y:z"],
        []
    ]);
    let several = archive(&with, "several.tar", tags);
    let list = |args: &[&str]| Barque::new().args(args).run().ok();
    let listed = list(&["tags", &several]);
    let names = [
        "app:1",
        "docker.io/library/app:2",
        "@1",
        "quay.io/x/y:z",
        "@3",
    ];
    assert_eq!(listed.json(), json!({ "Tags": names }));
    let plain = list(&["tags", "--plain", &several]);
    assert_eq!(plain.stdout(), names.join("\n") + "\n");
    // What is listed is what finds an image.
    for name in names {
        list(&["inspect", &format!("{several}:{name}")]);
    }
    let none = archive(&with, "none.tar", json!([]));
    assert_eq!(list(&["tags", &none]).json(), json!({ "Tags": [] }));
    peers::needs!("skopeo");
    for name in [
        &several,
        &format!("{several}:@1"),
        &format!("{several}:app:1"),
    ] {
        let theirs = peers::skopeo().args(["list-tags", name]).run().ok();
        assert_eq!(list(&["tags", name]).stdout(), theirs.stdout(), "{name}");
    }
}

#[test]
fn names_in_a_layout_and_in_its_archive() {
    let with = Barque::new();
    let (one, two) = (images::small(), images::two_layers());
    let layout = with.path("layout");
    images::write_layout(&layout, &[("v1", &one), ("v1.1", &two), ("also/v1", &one)]);
    let index = layout.join("index.json");
    let mut document: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&index).unwrap()).unwrap();
    document["manifests"][1]["annotations"] = json!(null);
    std::fs::write(&index, document.to_string()).unwrap();
    let tar = with.path("layout.tar");
    let mut archive = tar::Builder::new(std::fs::File::create(&tar).unwrap());
    archive.append_dir_all("", &layout).unwrap();
    archive.finish().unwrap();
    let names = ["v1", "@1", "also/v1"];
    for place in [
        format!("oci:{}", layout.display()),
        format!("oci-archive:{}", tar.display()),
    ] {
        let out = barque(&["tags", &place]).ok();
        assert_eq!(out.json(), json!({ "Tags": names }), "{place}");
        for name in names {
            barque(&["inspect", "--raw", &format!("{place}:{name}")]).ok();
        }
    }
}

#[test]
fn places_without_names() {
    for (place, code, told) in [
        ("oci:nowhere", 2, "nowhere"),
        ("docker-archive:nowhere.tar", 2, "nowhere.tar"),
        ("dir:somewhere", 1, "has no tags"),
        ("docker-daemon:app:1", 1, "has no tags"),
    ] {
        let out = barque(&["tags", place]).code(code);
        assert!(out.stderr().contains(told), "{place}: {}", out.stderr());
    }
}

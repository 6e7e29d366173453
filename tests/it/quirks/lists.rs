//! Lists of tags (section L).

use super::barque;
use crate::support::fake::{FakeRegistry, LinkForm, Reply, on};
use crate::support::images;
use crate::support::sandbox::Output;

fn with_tags(count: usize) -> FakeRegistry {
    FakeRegistry::start().tags("a", count, &images::small())
}

fn tags(registry: &FakeRegistry) -> Output {
    barque()
        .args(["tags", "--plain", &registry.docker("a")])
        .run()
}

#[track_caller]
fn assert_all(out: &Output, count: usize) {
    let wanted: Vec<_> = (0..count).map(|i| format!("t{i:05}")).collect();
    assert_eq!(out.stdout().lines().collect::<Vec<_>>(), wanted);
}

#[test]
fn l1_links_absolute_and_relative() {
    for form in [LinkForm::Relative, LinkForm::Absolute] {
        let registry = with_tags(2500).links(form);
        assert_all(&tags(&registry).ok(), 2500);
        assert_eq!(registry.requests("", "").len(), 3);
    }
}

#[test]
fn l1_an_opaque_link_is_followed_as_it_is() {
    let registry = with_tags(3).rule(
        on("GET")
            .path("/tags/list?n=")
            .json(r#"{"name":"a","tags":["t00000"]}"#)
            .header(
                "Link",
                r#"</v2/a/tags/list?next_page=gAAA%3D%3D~|x&n=1>; rel="next""#,
            ),
    );
    tags(&registry).ok();
    let asked = registry.requests("GET", "next_page");
    assert_eq!(asked[0].path, "/v2/a/tags/list?next_page=gAAA%3D%3D~|x&n=1");
}

#[test]
fn l2_a_link_to_another_host_is_refused() {
    let evil = FakeRegistry::start_on("127.0.0.4").tags("a", 9, &images::small());
    let registry = with_tags(1500)
        .links(LinkForm::At(evil.url()))
        .basic("sailor", "anchors");
    let args = ["tags", "--creds", "sailor:anchors", &registry.docker("a")];
    let out = barque().args(args).run().code(5);
    assert!(
        out.stderr().contains("it is on another server"),
        "{}",
        out.stderr()
    );
    assert!(evil.requests("", "").is_empty());
}

#[test]
fn l1_a_registry_that_knows_itself_by_another_name_is_asked_where_it_is() {
    for place in [
        "http://registry".to_owned(),
        "https://registry.internal.example:5000".to_owned(),
        "https://127.0.0.1".to_owned(),
    ] {
        let registry = with_tags(2500).links(LinkForm::At(place));
        assert_all(&tags(&registry).ok(), 2500);
        assert_eq!(registry.requests("", "").len(), 3);
    }
}

#[test]
fn l3_all_tags_at_once_without_a_link() {
    let registry = with_tags(1234).links(LinkForm::None);
    registry.add_rule(on("GET").answer(whole_list(1234)));
    assert_all(&tags(&registry).ok(), 1234);
    assert_eq!(registry.requests("", "").len(), 1);
}

fn whole_list(count: usize) -> Reply {
    let all: Vec<_> = (0..count).map(|i| format!("t{i:05}")).collect();
    let body = serde_json::json!({ "name": "a", "tags": all });
    Reply::new(200, body.to_string()).with("Content-Type", "application/json")
}

#[test]
fn l4_full_pages_without_a_link() {
    let registry = with_tags(2500).links(LinkForm::None);
    assert_all(&tags(&registry).ok(), 2500);
    assert_eq!(registry.requests("GET", "last=t00999").len(), 1);
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn l4_a_server_that_knows_no_last_repeats_nothing() {
    let registry = with_tags(1);
    registry.add_rule(on("GET").answer(whole_list(1000)));
    assert_all(&tags(&registry).ok(), 1000);
    assert_eq!(registry.requests("", "").len(), 2);
}

#[test]
fn l5_large_pages_are_refused() {
    for limit in [100, 0] {
        let registry = with_tags(250).links(LinkForm::None).rule(
            on("GET")
                .when(move |head| {
                    head.query("n")
                        .is_some_and(|n| n.parse::<usize>().is_ok_and(|n| n > limit))
                })
                .error(400, "PAGINATION_NUMBER_INVALID", "n is too large"),
        );
        assert_all(&tags(&registry).ok(), 250);
        let first: Vec<_> = registry.lines().into_iter().take(3).collect();
        let wanted = match limit {
            100 => ["?n=1000 400", "?n=100 200", "?n=100&last=t00099 200"],
            _ => ["?n=1000 400", "?n=100 400", " 200"],
        };
        assert_eq!(first, wanted.map(|end| format!("GET /v2/a/tags/list{end}")));
    }
}

#[test]
fn l6_small_pages_are_followed_by_their_links() {
    let registry = with_tags(250).page_limit(100);
    assert_all(&tags(&registry).ok(), 250);
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn l7_entries_that_are_no_tags() {
    for (body, left) in [
        (r#"{"name":"a","tags":null}"#, None),
        (r#"{"name":"a"}"#, None),
        (
            r#"{"name":"a","tags":["t00000",null,"sha256:abc","","t00001"]}"#,
            Some(3),
        ),
    ] {
        let registry = with_tags(1).rule(on("GET").json(body));
        let out = tags(&registry).ok();
        assert_all(&out, if left.is_some() { 2 } else { 0 });
        let warnings = out.stderr().matches("warning:").count();
        assert_eq!(warnings, left.iter().count(), "{}", out.stderr());
        assert!(left.is_none_or(|n| out.stderr().contains(&format!("{n} of the 5"))));
    }
}

#[test]
fn l8_a_registry_without_lists() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(
            on("GET")
                .path("/tags/list")
                .error(404, "NOT_FOUND", "not implemented"),
        );
    tags(&registry).code(2);
    let out = barque()
        .args(["inspect", &registry.docker("a:1")])
        .run()
        .ok();
    assert_eq!(out.json()["RepoTags"], serde_json::json!([]));
    assert!(
        out.stderr().contains("does not list the tags"),
        "{}",
        out.stderr()
    );
}

#[test]
fn l9_lists_with_much_beside_the_tags() {
    let children: serde_json::Map<_, _> = (0..20_000)
        .map(|i| {
            (
                format!("sha256:{i:064x}"),
                serde_json::json!({ "tag": [format!("t{i}")], "timeUploadedMs": "1" }),
            )
        })
        .collect();
    let body = serde_json::json!({ "child": [], "manifest": children, "name": "a", "tags": ["t00000", "t00001"] });
    let registry = with_tags(1).rule(on("GET").json(&body.to_string()));
    assert_all(&tags(&registry).ok(), 2);
}

#[test]
fn l10_pages_that_lead_back_end() {
    let page = |tag: &str, link: &str| {
        let body = format!(r#"{{"tags":["{tag}"]}}"#);
        let link = format!("</v2/a/tags/list?page={link}>; rel=next");
        Reply::new(200, body).with("Link", link)
    };
    let registry = with_tags(1)
        .rule(on("GET").answer(page("x", "1")))
        .rule(on("GET").path("page=1").answer(page("y", "2")))
        .rule(on("GET").path("page=2").answer(page("z", "1")));
    let out = tags(&registry).code(5);
    assert!(out.stderr().contains("does not end"), "{}", out.stderr());
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn l10_full_pages_in_turns_end() {
    let registry = with_tags(1);
    let turned = String::from_utf8(whole_list(1000).body)
        .unwrap()
        .replace("\"t0", "\"u0");
    registry.add_rule(on("GET").answer(whole_list(1000)));
    registry.add_rule(on("GET").path("last=t").json(&turned));
    tags(&registry).code(5);
    assert_eq!(registry.requests("", "").len(), 3);
}

#[test]
fn l11_a_repository_that_is_not_yet_there() {
    let registry = FakeRegistry::start();
    let out = tags(&registry).code(2);
    assert!(out.stderr().contains("NAME_UNKNOWN"), "{}", out.stderr());
}

#[test]
fn l12_the_order_is_the_registrys_and_an_empty_page_ends() {
    let registry = with_tags(1)
        .rule(
            on("GET")
                .nth(1)
                .json(r#"{"tags":["c","a"]}"#)
                .header("Link", "</v2/a/tags/list?p=2>; rel=\"next\""),
        )
        .rule(on("GET").nth(2).json(r#"{"tags":[]}"#));
    let out = tags(&registry).ok();
    assert_eq!(out.stdout(), "c\na\n");
    assert_eq!(registry.requests("", "").len(), 2);
}

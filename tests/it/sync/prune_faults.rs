//! `barque sync --prune` under faults of registries and of its state, as tables: whatever happens, no tag goes that the source has
//! or that barque did not write.
//!
//! Each script runs against a target with [`TAGS`] tags that barque wrote and one that it did not. The source has lost the tag
//! [`LOST`] since. The oracle knows the tags that have to be there afterwards, with their images.

mod state;
mod target;

use std::collections::BTreeMap;
use std::fs;

use super::counted::declare;
use super::*;
use crate::support::fake::{LinkForm, Reply, Rule, on};

const TAGS: usize = 20;
/// Tags of a page of the source's list.
const PAGE: usize = 8;
/// What a correct run may delete.
const LOST: &str = "t00007";
/// A tag at the target that barque did not write.
const THEIRS: &str = "theirs";
/// A list without most of the tags.
const HALF: &str = r#"{"name":"a","tags":["t00000","t00001"]}"#;

/// What may be gone after a script.
#[derive(Debug, Clone, Copy, PartialEq)]
enum May {
    /// Nothing: there was a doubt about the tag that the source has lost, too.
    Nothing,
    /// That tag, since the fault is about something else.
    Lose,
}
use May::{Lose, Nothing};

/// The side of a fault.
#[derive(Clone, Copy)]
enum At {
    Source,
    Target,
}
use At::{Source, Target};

struct Script {
    name: String,
    may: May,
    faults: Vec<(At, Rule)>,
    args: Vec<&'static str>,
}

fn script(name: impl Into<String>, may: May, at: At, fault: Rule) -> Script {
    Script {
        name: name.into(),
        may,
        faults: vec![(at, fault)],
        args: vec!["--max-delete", "100%"],
    }
}

impl Script {
    fn and(mut self, at: At, fault: Rule) -> Script {
        self.faults.push((at, fault));
        self
    }

    fn with(mut self, args: &[&'static str]) -> Script {
        self.args.extend(args);
        self
    }
}

struct Bench {
    source: FakeRegistry,
    target: FakeRegistry,
    /// Has the image of all tags.
    spare: FakeRegistry,
    barque: Barque,
    state: String,
    /// The tags that have to be at the target, each with its manifest.
    oracle: BTreeMap<String, Vec<u8>>,
}

fn bench() -> Bench {
    let source = FakeRegistry::start()
        .page_limit(PAGE)
        .links(LinkForm::Relative)
        .tags("a", TAGS, &images::small())
        .image("b", "1", &images::small());
    let target = FakeRegistry::start().image("mirror/a", THEIRS, &images::two_layers());
    let spare = FakeRegistry::start().image("x", "1", &images::small());
    let barque = Barque::new();
    declare(&barque, source.address(), target.address(), "{a,b}", "");
    let sync = ["sync", "--state", "state", "mirror.yaml"];
    barque.args(sync).run().ok();
    let lost = source.docker(&format!("a:{LOST}"));
    barque.args(["delete", &lost]).run().ok();
    let state = fs::read_to_string(barque.path("state/state.jsonl")).unwrap();
    let mut oracle: BTreeMap<String, Vec<u8>> = (0..TAGS)
        .map(|n| (format!("t{n:05}"), images::small().manifest))
        .collect();
    oracle.remove(LOST);
    oracle.insert(THEIRS.to_owned(), images::two_layers().manifest);
    Bench {
        source,
        target,
        spare,
        barque,
        state,
        oracle,
    }
}

impl Bench {
    /// Runs with `state` and `args`, asserts that nothing is gone that `may` not, and brings the target back.
    fn run(&self, name: &str, may: May, state: &[u8], args: &[&str]) {
        fs::write(self.barque.path("state/state.jsonl"), state).unwrap();
        let base = ["sync", "--state", "state", "--prune", "--jobs", "8"];
        let out = self
            .barque
            .args(base)
            .args(args)
            .args(["mirror.yaml"])
            .env("BARQUE_RETRY_BACKOFF", "1ms")
            .run();
        let said = out.stderr().to_owned();
        self.source.clear_rules();
        self.target.clear_rules();
        for (tag, manifest) in &self.oracle {
            let there = self.target.manifest("mirror/a", tag);
            assert_eq!(there.as_ref(), Some(manifest), "{name}: {tag}: {said}");
        }
        assert!(self.target.manifest("mirror/b", "1").is_some(), "{name}");
        let is_lost = self.target.manifest("mirror/a", LOST).is_none();
        assert!(may == Lose || !is_lost, "{name}: {LOST} is gone: {said}");
        if is_lost {
            let to = self.target.docker(&format!("mirror/a:{LOST}"));
            let again = ["copy", &self.spare.docker("x:1"), &to];
            self.barque.args(again).run().ok();
        }
    }

    fn play(&self, scripts: Vec<Script>, least: usize) {
        assert!(scripts.len() >= least, "{} scripts", scripts.len());
        for script in scripts {
            for (at, fault) in script.faults {
                match at {
                    Source => self.source.add_rule(fault),
                    Target => self.target.add_rule(fault),
                }
            }
            let state = self.state.as_bytes();
            self.run(&script.name, script.may, state, &script.args);
        }
    }
}

/// Faults of an answer with a list: name, and what `request` is answered.
fn broken_lists(what: &str, request: impl Fn() -> Rule) -> Vec<(String, Rule)> {
    let tags = |tags: &str| format!(r#"{{"name":"a","tags":{tags}}}"#);
    let later = "Fri, 31 Dec 2999 23:59:59 GMT";
    let mut faults = vec![
        ("cut", request().fin_after(30)),
        ("reset", request().rst_after(30)),
        ("empty", request().json(&tags("[]"))),
        ("null", request().json(&tags("null"))),
        ("an object without tags", request().json(r#"{"name":"a"}"#)),
        ("an array", request().json(r#"["t00000"]"#)),
        (
            "JSON that ends early",
            request().json(r#"{"name":"a","tags":["t00000","t0"#),
        ),
        ("text", request().json("nothing")),
        ("a web page", request().html(200)),
        ("a refusing web page", request().html(403)),
        ("empty bytes", request().answer(Reply::new(200, ""))),
        ("a string", request().json(&tags("\"t00000\""))),
        ("numbers", request().json(&tags("[1,2,3]"))),
        ("401", request().error(401, "UNAUTHORIZED", "log in")),
        ("403", request().error(403, "DENIED", "no")),
        ("404", request().error(404, "NAME_UNKNOWN", "no")),
        ("410", request().status(410)),
        ("418", request().status(418)),
        ("500", request().status(500)),
        ("502", request().html(502)),
        ("503", request().status(503)),
        ("504", request().status(504)),
    ];
    let slow_down = || request().error(429, "TOOMANYREQUESTS", "later");
    faults.push(("429", slow_down().header("retry-after", "9999")));
    faults.push(("429 by a clock", slow_down().header("retry-after", later)));
    let named = |(name, rule)| (format!("{what}: {name}"), rule);
    faults.into_iter().map(named).collect()
}

fn list() -> Rule {
    on("GET").path("/v2/a/tags/list")
}

fn later_page() -> Rule {
    list().when(|head| head.query("last").is_some())
}

#[test]
fn a_list_that_is_broken_at_its_begin_deletes_nothing() {
    let first = || list().when(|head| head.query("last").is_none());
    let scripts = broken_lists("the first page", first).into_iter();
    let scripts = scripts.map(|(name, fault)| script(name, Nothing, Source, fault));
    bench().play(scripts.collect(), 24);
}

#[test]
fn a_list_that_is_broken_later_deletes_nothing() {
    let scripts = broken_lists("a later page", later_page).into_iter();
    let scripts = scripts.map(|(name, fault)| script(name, Nothing, Source, fault));
    bench().play(scripts.collect(), 24);
}

#[test]
fn lists_that_lead_astray_delete_nothing_that_exists() {
    let link = |rule: Rule, to: &str| rule.header("link", &format!("<{to}>; rel=\"next\""));
    let strangers = r#"{"name":"a","tags":["x","y"]}"#;
    let twice = r#"{"name":"a","tags":["t00000","t00000","t00001","t00001"]}"#;
    let half = || list().json(HALF);
    let head = || on("HEAD").path("/v2/a/manifests/");
    let mut scripts = vec![
        script(
            "a page that leads to itself",
            Nothing,
            Source,
            link(later_page(), "/v2/a/tags/list?n=8&last=t00008"),
        ),
        script(
            "a page that leads to the first",
            Nothing,
            Source,
            link(later_page(), "/v2/a/tags/list?n=8"),
        ),
        script(
            "a page that leads to another repository",
            Nothing,
            Source,
            link(later_page(), "/v2/b/tags/list?n=8"),
        ),
        script(
            "a page that leads to another host",
            Nothing,
            Source,
            link(list(), "http://127.0.0.1:1/v2/a/tags/list"),
        ),
        script(
            "a link that is none",
            Nothing,
            Source,
            list().header("link", "next page"),
        ),
        script(
            "a link without its end",
            Nothing,
            Source,
            list().header("link", "</v2/a/tags/list?last=t0"),
        ),
        script(
            "pages without links",
            Nothing,
            Source,
            list().drop_header("link"),
        ),
        script("half the tags", Nothing, Source, half()),
        script("half the tags, fast", Nothing, Source, half()).with(&["--fast"]),
        script("half the tags, deep", Nothing, Source, half()).with(&["--deep"]),
        script("each tag twice", Nothing, Source, list().json(twice)),
        script("other tags", Nothing, Source, list().json(strangers)),
        script("other tags, fast", Nothing, Source, list().json(strangers)).with(&["--fast"]),
        script(
            "what are no tags",
            Nothing,
            Source,
            list().json(r#"{"name":"a","tags":["-","/"]}"#),
        ),
        script(
            "the list of another repository",
            Nothing,
            Source,
            list().json(r#"{"name":"b","tags":["t00000"]}"#),
        ),
        script(
            "JSON that is called a web page",
            Lose,
            Source,
            list().header("content-type", "text/html"),
        ),
        script(
            "a clock of 1970",
            Lose,
            Source,
            on("").header("date", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ),
        script(
            "a clock of 2999",
            Lose,
            Source,
            on("").header("date", "Tue, 31 Dec 2999 00:00:00 GMT"),
        ),
        script(
            "a clock that is none",
            Lose,
            Target,
            on("").header("date", "yesterday"),
        ),
        script("a list in pieces", Lose, Source, list().chunked()),
        script(
            "a list with a length too long",
            Nothing,
            Source,
            list().lie_length(9),
        ),
        script(
            "a repository that is gone",
            Lose,
            Source,
            on("").path("/v2/b/").error(404, "NAME_UNKNOWN", "no"),
        ),
        script(
            "a tag that vanishes",
            Lose,
            Source,
            on("")
                .path("/v2/a/manifests/t00005")
                .error(404, "MANIFEST_UNKNOWN", "no"),
        ),
    ];
    // The list lies, and the question for the single tag is not answered with a plain no either.
    for status in [400, 401, 403, 405, 410, 429, 451, 500, 502, 503] {
        let name = format!("half the tags, and {status} for each");
        let wait = head().status(status).header("retry-after", "9999");
        scripts.push(script(name, Nothing, Source, half()).and(Source, wait));
    }
    for status in [404, 410] {
        let page = on("").path("/v2/a/manifests/").html(status);
        let name = format!("half the tags, and a web page with {status} for each");
        scripts.push(script(name, Nothing, Source, half()).and(Source, page));
    }
    let odd = [
        ("no digest", head().drop_header("docker-content-digest")),
        (
            "another digest",
            head().header(
                "docker-content-digest",
                &format!("sha256:{}", "0".repeat(64)),
            ),
        ),
        (
            "a digest that is none",
            head().header("docker-content-digest", "sha256:0"),
        ),
        ("a lost answer", head().lose_answer()),
        (
            "a redirect in a circle",
            head().redirect("/v2/a/manifests/t00001"),
        ),
    ];
    for (name, fault) in odd {
        // They say that a tag exists, and so does the truth for all but the one that was lost.
        scripts.push(
            script(format!("half the tags, and {name}"), Lose, Source, half()).and(Source, fault),
        );
    }
    bench().play(scripts, 40);
}

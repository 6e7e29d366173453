//! What a clone alone can test of registries.conf; the tables of verdicts are in tests/it/registries_conf.rs.

use std::path::Path;

use super::*;
use crate::Kind;
use crate::image::Reference;

fn conf(text: &str) -> RegistriesConf {
    let mut conf = RegistriesConf::default();
    conf.merge(parse::parse(Path::new("/r.conf"), text, true).unwrap());
    conf.shown = "/r.conf".into();
    conf
}

fn error(text: &str) -> String {
    parse::parse(Path::new("/r.conf"), text, false)
        .unwrap_err()
        .to_string()
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn sources(conf: &RegistriesConf, name: &str) -> Vec<String> {
    let sources = conf.sources(&reference(name)).unwrap();
    sources.iter().map(|s| s.reference.to_string()).collect()
}

#[test]
fn errors_name_file_line_and_key() {
    assert_eq!(
        error("[[registry]]\nlocation = \"a.example\"\ninsecure = \"yes\"\n"),
        "`/r.conf` line 3: `registry.insecure` is of the type string; expected true or false"
    );
    assert!(error("[[registry]]\n[registry").starts_with("`/r.conf` line 2: "));
    assert!(
        error("[[registry]]\nlocation=\"a\"\nLOCATION=\"b\"")
            .contains("line 3: `registry.location`")
    );
    assert!(error("[registries.search]\nregistries=[]").contains("drop-in"));
}

#[test]
fn mirrors_come_first_and_the_place_itself_last() {
    let conf = conf(
        r#"
        [[registry]]
        prefix = "example.com"
        location = "prim.example/x"
        insecure = true
        [[registry.mirror]]
        location = "m1.example"
        [[registry.mirror]]
        location = "m2.example"
        pull-from-mirror = "digest-only"
        "#,
    );
    assert_eq!(
        sources(&conf, "example.com/i:v1"),
        ["m1.example/i:v1", "prim.example/x/i:v1"]
    );
    let all = conf.sources(&reference("example.com/i:v1")).unwrap();
    assert_eq!((all[0].insecure, all[1].insecure), (false, true));
    assert_eq!((all[0].is_mirror, all[1].is_mirror), (true, false));
    assert_eq!(
        sources(&conf, "example.community/i:v1"),
        ["example.community/i:v1"]
    );
}

#[test]
fn a_blocked_name_is_refused_whatever_its_location() {
    let conf = conf("[[registry]]\nprefix='*.bad.example'\nlocation='fine.example'\nblocked=true");
    let refused = conf.sources(&reference("a.bad.example/i:v1")).unwrap_err();
    assert_eq!(refused.kind(), Kind::NotAllowed);
    assert!(refused.to_string().contains("`*.bad.example`"), "{refused}");
    assert!(conf.sources(&reference("bad.example/i:v1")).is_ok());
}

#[test]
fn a_domain_that_occurs_twice_in_a_host_matches_at_its_end() {
    let conf = conf("[[registry]]\nprefix='*.a.io'\nlocation='m.example'");
    assert_eq!(sources(&conf, "x.a.iot.a.io/i:v1"), ["m.example/i:v1"]);
    assert_eq!(sources(&conf, "x.a.iot/i:v1"), ["x.a.iot/i:v1"]);
}

#[test]
fn short_names_are_aliases_first_and_search_registries_next() {
    let mut conf = conf(
        "unqualified-search-registries=['docker.io', 's.example']\n[aliases]\nimg='q.example/ns/img'",
    );
    let candidates = |conf: &RegistriesConf, name| match conf.short_name(name) {
        Ok(ShortName::Candidates(all)) => all.iter().map(ToString::to_string).collect(),
        Ok(ShortName::Unknown) => Vec::new(),
        Err(e) => vec![e.to_string()],
    };
    assert_eq!(candidates(&conf, "img:v2"), ["q.example/ns/img:v2"]);
    assert!(
        candidates(&conf, "other")[0].contains("`docker.io/library/other` or `s.example/other`")
    );
    conf.mode = ShortNameMode::Permissive;
    assert_eq!(
        candidates(&conf, "other:1"),
        ["docker.io/library/other:1", "s.example/other:1"]
    );
    assert_eq!(candidates(&conf, "localhost/other"), [""; 0]);
    conf.search.clear();
    assert_eq!(candidates(&conf, "other"), [""; 0]);
}

//! registries.conf: the shared tables of verdicts, and what it does to commands.

#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use barque::image::Reference;
use barque::settings::paths::Environment;
use barque::settings::registries_conf::RegistriesConf;
use barque::{Kind, Result};
use serde::Deserialize;

use crate::support::fixtures;

#[derive(Deserialize)]
struct Case {
    id: String,
    #[serde(default)]
    conf: Option<String>,
    #[serde(default)]
    file: Option<String>,
    reference: String,
    #[serde(default)]
    pull_sources: Option<Vec<String>>,
    #[serde(default)]
    config_error: Option<String>,
    #[serde(default)]
    blocked: bool,
    #[serde(default)]
    error: Option<String>,
}

#[derive(Deserialize)]
struct DropInCase {
    id: String,
    user_conf: Option<String>,
    user_conf_d: BTreeMap<String, String>,
    #[serde(default)]
    explicit: Option<String>,
    reference: String,
    #[serde(default)]
    pull_sources: Option<Vec<String>>,
    #[serde(default)]
    config_error: Option<String>,
}

/// Where skopeo 1.22 answers otherwise on purpose: docs/trust.md says why.
const BARQUE_BLOCKS: &str = "mirror-primary-blocked";
/// The mirror of this case is blocked; skopeo goes on to the place itself, which does not exist.
const MIRROR_IS_BLOCKED: &str = "blocked-mirror-host";

fn sources(conf: &RegistriesConf, reference: &str) -> Result<Vec<String>> {
    let reference: Reference = reference.parse().unwrap();
    let sources = conf.sources(&reference)?;
    Ok(sources.iter().map(|s| s.reference.to_string()).collect())
}

fn written(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn every_case_of_the_fixtures() {
    let Some(dir) = fixtures::sibling("fixtures-registries-conf") else {
        return;
    };
    let cases: Vec<Case> = fixtures::json(&dir, "cases.json");
    assert!(cases.len() >= 127);
    let tmp = tempfile::tempdir().unwrap();
    for case in cases {
        let id = &case.id;
        let path = match (&case.conf, &case.file) {
            (Some(conf), _) => written(tmp.path(), "c.conf", conf),
            (None, Some(file)) => PathBuf::from(file.replace('@', dir.to_str().unwrap())),
            (None, None) => panic!("{id}: no file"),
        };
        let environment = Environment::with_home(tmp.path());
        let conf = RegistriesConf::load_in(Some(&path), &environment);
        if case.config_error.is_some() {
            let error = conf.expect_err(id).to_string();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(name), "{id}: {error}");
            continue;
        }
        let conf = conf.unwrap_or_else(|e| panic!("{id}: {e:?}"));
        let found = sources(&conf, &case.reference);
        if id == MIRROR_IS_BLOCKED {
            assert_eq!(found.unwrap(), ["a.example/i:v1"], "{id}");
        } else if case.blocked || id == BARQUE_BLOCKS {
            assert_eq!(found.expect_err(id).kind(), Kind::NotAllowed, "{id}");
        } else if case.error.is_some() && case.pull_sources == Some(Vec::new()) {
            found.expect_err(id);
        } else {
            assert_eq!(
                found.unwrap(),
                case.pull_sources.unwrap_or_default(),
                "{id}"
            );
        }
    }
}

#[test]
fn every_drop_in_case_of_the_fixtures() {
    let Some(dir) = fixtures::sibling("fixtures-registries-conf") else {
        return;
    };
    let cases: Vec<DropInCase> = fixtures::json(&dir, "drop-in-cases.json");
    assert!(cases.len() >= 13);
    for case in cases {
        let id = &case.id;
        let home = tempfile::tempdir().unwrap();
        let user = home.path().join(".config/containers");
        if let Some(text) = &case.user_conf {
            written(&user, "registries.conf", text);
        }
        for (name, text) in &case.user_conf_d {
            written(&user.join("registries.conf.d"), name, text);
        }
        let explicit = case
            .explicit
            .as_ref()
            .map(|t| written(home.path(), "x.conf", t));
        let environment = Environment::with_home(home.path());
        let conf = RegistriesConf::load_in(explicit.as_deref(), &environment);
        if case.config_error.is_some() {
            let error = conf.expect_err(id).to_string();
            assert!(
                error.contains("registries.conf.d/10.conf` line "),
                "{id}: {error}"
            );
            continue;
        }
        let found = sources(&conf.unwrap(), &case.reference);
        assert_eq!(
            found.unwrap(),
            case.pull_sources.unwrap_or_default(),
            "{id}"
        );
    }
}

#[test]
fn variables_choose_the_files() {
    let home = tempfile::tempdir().unwrap();
    let user = home.path().join(".config/containers");
    let table = |to: &str| format!("[[registry]]\nprefix='a.example'\nlocation='{to}'\n");
    written(&user, "registries.conf", &table("user.example"));
    written(&user, "registries.conf.d/1.conf", &table("drop-in.example"));
    let alone = written(home.path(), "alone.conf", &table("alone.example"));
    let last = written(home.path(), "last.conf", &table("last.example"));
    let plain = Environment::with_home(home.path());
    let with_alone = plain.clone().set("CONTAINERS_REGISTRIES_CONF", alone);
    let with_last = plain
        .clone()
        .set("CONTAINERS_REGISTRIES_CONF_OVERRIDE", last);
    let missing = plain
        .clone()
        .set("CONTAINERS_REGISTRIES_CONF", "/no/such.conf");
    for (environment, to) in [
        (plain, "drop-in.example/i:1"),
        (with_alone, "alone.example/i:1"),
        (with_last, "last.example/i:1"),
    ] {
        let conf = RegistriesConf::load_in(None, &environment).unwrap();
        assert_eq!(sources(&conf, "a.example/i:1").unwrap(), [to]);
    }
    let error = RegistriesConf::load_in(None, &missing).unwrap_err();
    assert!(error.to_string().contains("`/no/such.conf`"), "{error}");
}

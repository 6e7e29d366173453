//! registries.conf: the shared tables of verdicts, and what it does to commands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use barque::image::Reference;
use barque::settings::paths::Environment;
use barque::settings::registries_conf::RegistriesConf;
use barque::{Kind, Result};
use serde::Deserialize;

use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::harbour::helper;
use crate::support::proxy::Proxy;
use crate::support::tls::Certificates;
use crate::support::{Barque, fixtures, images};

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

/// A registry with the image `team/app:v1`, and the conf of a test in a sandbox.
fn with_image() -> FakeRegistry {
    FakeRegistry::start().image("team/app", "v1", &images::small())
}

/// A barque whose registries.conf has `table`.
fn configured(table: &str) -> Barque {
    let barque = Barque::new();
    barque.write_home(".config/containers/registries.conf", table);
    barque
}

fn table(prefix: &str, location: &str, mirrors: &[&str]) -> String {
    let mirrors = mirrors
        .iter()
        .map(|m| format!("[[registry.mirror]]\nlocation='{m}'\n"));
    let mirrors: String = mirrors.collect();
    format!("[[registry]]\nprefix='{prefix}'\nlocation='{location}'\n{mirrors}")
}

#[test]
fn a_mirror_serves_the_whole_image_and_the_place_itself_is_not_asked() {
    let (mirror, place) = (with_image(), with_image());
    let barque = configured(&table(
        "logical.example",
        place.address(),
        &[mirror.address()],
    ));
    let args = ["copy", "docker://logical.example/team/app:v1", "dir:out"];
    barque.args(args).run().ok();
    assert_eq!(place.lines(), [""; 0]);
    assert_eq!(mirror.requests("GET", "/manifests/").len(), 1);
    assert_eq!(
        mirror.requests("GET", "/blobs/").len(),
        images::small().all_blobs().len()
    );
}

#[test]
fn mirrors_that_fail_are_passed_over() {
    let refuse = |status| FakeRegistry::start().rule(on("GET").path("/manifests/").status(status));
    let place = with_image();
    let (missing, denied) = (refuse(404), refuse(401));
    let closed = "127.0.0.1:1";
    let mirrors = [closed, missing.address(), denied.address()];
    let barque = configured(&table("logical.example", place.address(), &mirrors));
    let args = [
        "--debug",
        "inspect",
        "--no-tags",
        "docker://logical.example/team/app:v1",
    ];
    let out = barque
        .args(args)
        .env("BARQUE_RETRY_BACKOFF", "1ms")
        .run()
        .ok();
    assert_eq!(out.json()["Name"], "logical.example/team/app");
    assert!(
        out.stderr().contains(closed),
        "each attempt is logged: {}",
        out.stderr()
    );
    assert_eq!(missing.requests("GET", "/manifests/").len(), 1);
    assert_eq!(denied.requests("GET", "/manifests/").len(), 1);
    assert_eq!(place.requests("GET", "/manifests/").len(), 1);
}

/// A mirror that says nothing, one that fails, and one that is no registry.
#[test]
fn mirrors_that_are_slow_or_broken_are_passed_over_and_named_in_the_receipt() {
    let silent = FakeRegistry::start().rule(on("GET").path("/manifests/").hang());
    let failing = FakeRegistry::start().rule(on("GET").path("/manifests/").status(500));
    let page = FakeRegistry::start().rule(on("GET").path("/manifests/").html(200));
    let place = with_image();
    let mirrors = [silent.address(), failing.address(), page.address()];
    let barque = configured(&table("logical.example", place.address(), &mirrors));
    let receipt = barque.path("receipt.json");
    let copy = [
        "copy",
        "--stall-timeout=100ms",
        "--receipt=receipt.json",
        "docker://logical.example/team/app:v1",
        "oci:out:v1",
    ];
    let run = barque.args(copy).env("BARQUE_RETRY_BACKOFF", "1ms").run();
    run.ok();
    assert_eq!(place.requests("GET", "/manifests/").len(), 1);
    assert_eq!(page.requests("GET", "/manifests/").len(), 1);
    let receipt = std::fs::read_to_string(receipt).unwrap();
    let receipt: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    let passed = receipt["MirrorsPassedOver"].as_array().unwrap();
    assert_eq!(passed.len(), mirrors.len(), "{receipt}");
    let reasons = ["no answer", "500", "web page"];
    for ((mirror, reason), passed) in mirrors.iter().zip(reasons).zip(passed) {
        let said = |member: &str, text: &str| passed[member].as_str().unwrap().contains(text);
        assert!(said("Mirror", mirror) && said("Reason", reason), "{passed}");
        assert!(receipt["Requests"][mirror].as_u64().unwrap() >= 1);
    }
}

/// A mirror on a public host must not lead to servers that only this machine reaches.
#[test]
fn a_mirror_that_redirects_inwards_is_passed_over() {
    let certificates = Certificates::new();
    let private = FakeRegistry::start_tls(&certificates);
    let private = private.image("team/app", "v1", &images::small());
    let inwards = format!("https://{}/v2/team/app/manifests/v1", private.address());
    let mirror = FakeRegistry::start_tls(&certificates)
        .rule(on("GET").path("/manifests/").redirect(&inwards));
    let (proxy, place) = (Proxy::start(mirror.address()), with_image());
    let barque = configured(&table(
        "logical.example",
        place.address(),
        &["registry.example"],
    ));
    let directory = certificates.ca_only_dir();
    let inspect = [
        "inspect",
        "--no-tags",
        "docker://logical.example/team/app:v1",
    ];
    let run = barque
        .args(inspect)
        .args(["--cert-dir".as_ref(), directory.as_os_str()]);
    run.env("HTTPS_PROXY", proxy.url()).run().ok();
    assert_eq!(mirror.requests("GET", "/manifests/").len(), 1);
    assert_eq!(private.lines(), [""; 0]);
    assert_eq!(place.requests("GET", "/manifests/").len(), 1);
}

#[test]
fn an_unchanged_tag_costs_the_mirror_one_head() {
    let (mirror, place, target) = (with_image(), with_image(), FakeRegistry::start());
    let mirrors = [mirror.address()];
    let barque = configured(&table("logical.example", place.address(), &mirrors));
    let list = format!(
        "logical.example/team/app:v1 => {}/app:v1\n",
        target.address()
    );
    std::fs::write(barque.path("images.txt"), list).unwrap();
    let sync = ["sync", "images.txt"];
    barque.args(sync).args(["--state", "state"]).run().ok();
    mirror.clear();
    target.clear();
    // By the state, and with a question to both sides.
    for (more, at_target) in [(&["--state", "state"][..], 0), (&[], 1)] {
        let out = barque.args(sync).args(more).run().ok();
        assert!(out.stderr().contains("1 unchanged"), "{}", out.stderr());
        assert_eq!(mirror.requests("GET", "/manifests/").len(), 0);
        assert_eq!(mirror.requests("HEAD", "/manifests/").len(), 1);
        assert_eq!(target.requests("HEAD", "/manifests/").len(), at_target);
        mirror.clear();
        target.clear();
    }
    assert_eq!(place.lines(), [""; 0]);
    // A mirror that lacks the image is passed over, with one more HEAD.
    let empty = FakeRegistry::start();
    let mirrors = [empty.address()];
    let conf = table("logical.example", place.address(), &mirrors);
    barque.write_home(".config/containers/registries.conf", &conf);
    barque.args(sync).args(["--state", "state"]).run().ok();
    assert_eq!(empty.requests("HEAD", "/manifests/").len(), 1);
    assert_eq!(place.requests("HEAD", "/manifests/").len(), 1);
    assert_eq!(place.lines().len(), 1);
}

#[test]
fn a_blob_that_the_mirror_lacks_comes_from_the_place_itself() {
    let (mirror, place) = (with_image(), with_image());
    let layer = images::small()
        .all_blobs()
        .into_keys()
        .next()
        .unwrap()
        .to_string();
    mirror.add_rule(on("GET").path(&layer).status(404));
    let barque = configured(&table(
        "logical.example",
        place.address(),
        &[mirror.address()],
    ));
    let args = ["copy", "docker://logical.example/team/app:v1", "dir:out"];
    barque.args(args).run().ok();
    let seen = place.lines();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert!(seen[0].contains(&layer), "{seen:?}");
}

#[test]
fn a_mirror_with_another_image_under_the_digest_is_passed_over() {
    let place = with_image();
    let digest = images::small().digest;
    let name = format!("/manifests/{digest}");
    let another = Reply::new(200, images::five_platforms().manifest);
    let wrong = FakeRegistry::start().rule(on("GET").path(&name).answer(another));
    let barque = configured(&table(
        "logical.example",
        place.address(),
        &[wrong.address()],
    ));
    let image = format!("docker://logical.example/team/app@{digest}");
    let out = barque.args(["inspect", "--no-tags", &image]).run().ok();
    assert_eq!(out.json()["Digest"], digest.to_string());
    assert_eq!(wrong.requests("GET", "/manifests/").len(), 1);
    assert_eq!(place.requests("GET", "/manifests/").len(), 1);
}

#[test]
fn a_mirror_for_digests_only_is_not_asked_for_tags() {
    let (mirror, place) = (with_image(), with_image());
    let mut conf = table("logical.example", place.address(), &[]);
    conf += &format!(
        "[[registry.mirror]]\nlocation='{}'\npull-from-mirror='digest-only'\n",
        mirror.address()
    );
    let barque = configured(&conf);
    let inspect = |name: &str| {
        let image = format!("docker://logical.example/team/app{name}");
        barque.args(["inspect", "--no-tags", &image]).run().ok();
    };
    inspect(":v1");
    assert_eq!(mirror.lines(), [""; 0]);
    place.clear();
    inspect(&format!("@{}", images::small().digest));
    assert_eq!(place.lines(), [""; 0]);
    assert_eq!(mirror.requests("GET", "/manifests/").len(), 1);
}

#[test]
fn tags_are_listed_by_the_mirror() {
    let (mirror, place) = (with_image(), with_image());
    let conf = table("logical.example", place.address(), &[mirror.address()]);
    let args = ["tags", "docker://logical.example/team/app"];
    let out = configured(&conf).args(args).run().ok();
    assert_eq!(out.json()["Repository"], "logical.example/team/app");
    assert_eq!(out.json()["Tags"][0], "v1");
    assert_eq!(place.lines(), [""; 0]);
}

#[test]
fn a_given_credential_is_not_sent_to_a_mirror() {
    let mirror = with_image().basic("alice", "secret");
    let place = with_image().basic("alice", "secret");
    let conf = table(place.address(), place.address(), &[mirror.address()]);
    let image = place.docker("team/app:v1");
    let args = ["inspect", "--no-tags", "--creds", "alice:secret", &image];
    configured(&conf).args(args).run().ok();
    assert_eq!(mirror.with_header("authorization").len(), 0);
    assert!(!place.with_header("authorization").is_empty());
}

#[test]
fn a_blocked_registry_is_sent_nothing() {
    let registry = with_image();
    let address = registry.address();
    let image = registry.docker("team/app:v1");
    let repository = registry.docker("team/app");
    for prefix in [address.to_owned(), format!("{address}/team")] {
        let conf = format!("[[registry]]\nprefix='{prefix}'\nlocation='{prefix}'\nblocked=true\n");
        let barque = configured(&conf);
        for args in [
            &["inspect", &image][..],
            &["copy", &image, "dir:out"],
            &["layers", &image],
            &["tags", &repository],
            &["delete", &image],
        ] {
            let out = barque.args(args).run().code(3);
            assert!(out.stderr().contains("blocked"), "{}", out.stderr());
        }
        assert_eq!(registry.lines(), [""; 0], "{prefix}");
    }
}

/// OpenShift writes so for a source that is never to be contacted (`NeverContactSource`).
#[test]
fn a_blocked_registry_with_mirrors_is_read_from_these_alone() {
    let (mirror, place) = (with_image(), with_image());
    let (address, at) = (place.address(), mirror.address());
    let table = |prefix: &str| {
        format!(
            "[[registry]]\nprefix='{prefix}'\nlocation='{address}/team'\nblocked=true\n[[registry.mirror]]\nlocation='{at}/team'\ninsecure=true\n"
        )
    };
    let barque = configured(&table(""));
    let image = place.docker("team/app:v1");
    barque.args(["copy", &image, "dir:out"]).run().ok();
    barque.args(["inspect", "--no-tags", &image]).run().ok();
    assert!(!mirror.lines().is_empty());
    // What the mirror lacks, and what no mirror is asked for, is not there.
    let missing = place.docker("team/other:v1");
    barque.args(["inspect", &missing]).run().code(2);
    for args in [&["copy", "dir:out", &image][..], &["delete", &image]] {
        barque.args(args).run().code(3);
    }
    let by_digest = table("") + "pull-from-mirror='digest-only'\n";
    let refused = configured(&by_digest).args(["inspect", &image]).run();
    assert!(refused.code(3).stderr().contains("blocked"));
    assert_eq!(place.lines(), [""; 0]);
    // A name that stands for another place is blocked with all that it stands for.
    let other = configured(&table("a.example/team"));
    let refused = other.args(["inspect", "docker://a.example/team/app:v1"]);
    refused.run().code(3);
}

#[test]
fn a_wildcard_blocks_all_hosts_below_a_domain() {
    let barque = configured("[[registry]]\nprefix='*.blocked.example'\nblocked=true\n");
    let out = barque
        .args(["inspect", "docker://r.blocked.example/team/app:v1"])
        .run()
        .code(3);
    assert!(
        out.stderr().contains("r.blocked.example"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_broken_file_is_told_by_its_line() {
    let barque = configured("[[registry]]\nlocation=7\n");
    let out = barque
        .args(["inspect", "docker://127.0.0.1:1/team/app:v1"])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("registries.conf` line 2"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_registry_marked_insecure_needs_no_flag() {
    let registry = FakeRegistry::start_tls(&Certificates::new()).image("a", "1", &images::small());
    let name = registry.docker("a:1");
    let args = ["inspect", "--no-tags", &name];
    Barque::new().args(args).run().code(5);
    let conf = format!(
        "[[registry]]\nlocation='{}'\ninsecure=true\n",
        registry.address()
    );
    let barque = configured(&conf);
    barque.args(args).run().ok();
    barque.args(args).args(["--tls-verify=true"]).run().code(5);
}

#[test]
fn credential_helpers_are_asked_in_their_order() {
    let registry = with_image().basic("alice", "secret");
    let image = registry.docker("team/app:v1");
    let args = ["inspect", "--no-tags", &image];
    for (helpers, code) in [
        ("'keeper'", 0),
        ("'containers-auth.json', 'keeper'", 0),
        ("'containers-auth.json'", 3),
    ] {
        let barque = configured(&format!("credential-helpers = [{helpers}]\n"));
        let script = r#"echo '{"ServerURL":"x","Username":"alice","Secret":"secret"}'"#;
        let path = helper(&barque, "keeper", script);
        barque.args(args).env("PATH", path).run().code(code);
    }
}

#[test]
fn a_bare_name_is_an_alias_or_in_the_only_search_registry() {
    let registry = with_image();
    let address = registry.address();
    let alias = format!("[aliases]\n'boat' = '{address}/team/app'\n");
    let barque = configured(&alias);
    let out = barque.args(["inspect", "--no-tags", "boat:v1"]).run().ok();
    assert_eq!(out.json()["Name"], format!("{address}/team/app"));
    let out = barque.args(["tags", "boat"]).run().ok();
    assert_eq!(out.json()["Repository"], format!("{address}/team/app"));

    let barque = configured(&format!("unqualified-search-registries = ['{address}']\n"));
    let args = ["inspect", "--no-tags", "team/app:v1"];
    let out = barque.args(args).run().ok();
    assert_eq!(out.json()["Name"], format!("{address}/team/app"));

    registry.clear();
    // A copy wants the transport, and its hint means the same image.
    let out = barque.args(["copy", "fleet/docker:1", "oci:q:1"]).run();
    let told = out.code(1).stderr().to_owned();
    let meant = format!("did you mean `docker://{address}/fleet/docker:1`?");
    assert!(told.contains(&meant), "{told}");
    let several = format!("unqualified-search-registries = ['{address}', 'other.example']\n");
    let out = configured(&several).args(args).run().code(1);
    for part in [address, "other.example", "write the name in full"] {
        assert!(out.stderr().contains(part), "{}", out.stderr());
    }
    assert_eq!(registry.lines(), [""; 0]);
}

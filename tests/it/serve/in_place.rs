//! Archives, layouts and `dir:` images that are served where they are.

use crate::support::Barque;
use crate::support::images::{five_platforms, small, two_layers_docker, write_dir, write_layout};

/// All files below the working directory: name, size and time of the last change.
fn state(barque: &Barque) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    let mut left = vec![barque.path("")];
    while let Some(dir) = left.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            let about = entry.metadata().unwrap();
            if about.is_dir() {
                left.push(entry.path());
            }
            let name = entry.path().display().to_string();
            found.push((name, about.len(), about.modified().unwrap()));
        }
    }
    found.sort();
    found
}

/// What `script` prints with `$R` as the registry that serves `places`, and nothing is written.
fn served(barque: &Barque, places: &[&str], script: &str) -> String {
    let program = env!("CARGO_BIN_EXE_barque");
    let script = format!("R=$BARQUE_REGISTRY; b() {{ {program} \"$@\"; }}; {script}");
    let before = state(barque);
    let run = barque
        .args(["serve"])
        .args(places)
        .args(["--", "sh", "-ec", &script]);
    let out = run.run().ok();
    assert_eq!(state(barque), before);
    out.stdout().to_owned()
}

#[test]
fn archives_are_served_by_the_names_that_they_have() {
    let barque = Barque::new();
    write_dir(&barque.path("d1"), &two_layers_docker());
    write_layout(
        &barque.path("l"),
        &[("v1", &small()), ("all", &five_platforms())],
    );
    let copy = |args: &[&str]| drop(barque.args(["copy", "-q"]).args(args).run().ok());
    copy(&["dir:d1", "docker-archive:a.tar:docker.io/library/app:1"]);
    copy(&["dir:d1", "docker-archive:a.tar:reg.example/team/app:2"]);
    copy(&["--all", "oci:l:all", "oci-archive:b.tar:all"]);
    let places = [
        "docker-archive:a.tar",
        "oci-archive:b.tar",
        "oci:l",
        "dir:d1",
    ];
    let repos = served(&barque, &places, "b repos --plain $R");
    assert_eq!(repos, "app\nb\nd1\nl\nreg.example/team/app\n");
    let tags = served(
        &barque,
        &places,
        "for n in app b d1 l reg.example/team/app; do b tags --plain $R/$n; done",
    );
    assert_eq!(tags, "1\nall\nlatest\nall\nv1\n2\n");
    let pulled = served(
        &barque,
        &places,
        "for n in app:1 library/app:1 b:all d1:latest l:v1 reg.example/team/app:2; do b inspect --raw docker://$R/$n >/dev/null; b copy -q --all docker://$R/$n dir:$TMPDIR/x; rm -r $TMPDIR/x; done; \
         b inspect -f '{{.Digest}}' docker://$R/d1",
    );
    assert_eq!(pulled.trim(), two_layers_docker().digest.to_string());
}

#[test]
fn images_without_a_name_get_one() {
    let barque = Barque::new();
    write_dir(&barque.path("Some Dir"), &small());
    write_layout(&barque.path("l"), &[("v1", &small())]);
    let tags = served(
        &barque,
        &["dir:Some Dir", "oci:l", "--as", "team/one:3", "--as", "two"],
        "b tags --plain $R/team/one; b tags --plain $R/two",
    );
    assert_eq!(tags, "3\nv1\n");
    let error = barque
        .args(["serve", "dir:Some Dir", "--", "true"])
        .run()
        .code(1);
    assert!(error.stderr().contains("--as NAME"), "{}", error.stderr());
    let error = barque
        .args(["serve", "docker://a/b", "--", "true"])
        .run()
        .code(1);
    assert!(
        error.stderr().contains("cannot be served in place"),
        "{}",
        error.stderr()
    );
    barque
        .args(["serve", "oci-archive:none.tar", "--", "true"])
        .run()
        .code(2);
}

#[test]
fn a_name_that_names_nothing_is_told() {
    let barque = Barque::new();
    write_archive_named(&barque, "app:1");
    let serve = |names: &[&str]| {
        let places = ["docker-archive:a.tar"];
        let run = barque.args(["serve"]).args(places).args(names);
        run.args(["--", "true"]).run()
    };
    let told = serve(&["--as", "other"]).ok();
    assert!(
        told.stderr().contains("no image is named `other`"),
        "{}",
        told.stderr()
    );
    assert_eq!(serve(&["--as", "app"]).ok().stderr(), "");
    let error = serve(&["--as", "a", "--as", "b"]).code(1);
    assert!(
        error.stderr().contains("more `--as` than images"),
        "{}",
        error.stderr()
    );
}

/// A `docker-archive:` at `a.tar` with an image of that name.
fn write_archive_named(barque: &Barque, name: &str) {
    write_layout(&barque.path("named"), &[("v1", &small())]);
    let to = format!("docker-archive:a.tar:{name}");
    barque.args(["copy", "-q", "oci:named", &to]).run().ok();
}

#[test]
fn what_is_served_in_place_is_not_written() {
    let barque = Barque::new();
    write_layout(&barque.path("l"), &[("v1", &small())]);
    let script = "b copy -q oci:l docker://$R/l:2 2>$TMPDIR/e && exit 9; grep -o UNSUPPORTED $TMPDIR/e | head -n1; rm $TMPDIR/e";
    assert_eq!(served(&barque, &["oci:l"], script), "UNSUPPORTED\n");
    let error = barque.args(["serve", "oci:l", "--write"]).run().code(1);
    assert!(
        error.stderr().contains("cannot be used with"),
        "{}",
        error.stderr()
    );
}

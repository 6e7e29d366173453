//! Layouts, archives and directories as targets of `barque sync`, and transports that are refused.

use std::fs;

use super::*;

fn names(barque: &Barque, place: &str) -> Vec<String> {
    let out = barque.args(["tags", "--plain", place]).run().ok();
    let mut names: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    names.sort_unstable();
    names
}

#[test]
fn images_go_into_layouts_archives_and_directories_under_their_names() {
    let mut source = FakeRegistry::start();
    for name in ["team/x", "team/y"] {
        for tag in ["1", "2"] {
            source = source.image(name, tag, &images::two_layers());
        }
    }
    let from = source.address();
    let barque = Barque::new();
    let file = format!(
        "barque-sync: 1\nsync:\n  - from: {from}/team/{{x,y}}\n    to: ['oci-archive:{{name}}.tar', 'oci:all', 'dir:flat']\n"
    );
    fs::write(barque.path("s.yaml"), &file).unwrap();
    let out = barque.args(["sync", "s.yaml"]).run().ok();
    assert!(out.stderr().contains("12 copied"), "{}", out.stderr());
    let full = |names: &[&str]| -> Vec<String> {
        names.iter().map(|name| format!("{from}/{name}")).collect()
    };
    let all = full(&["team/x:1", "team/x:2", "team/y:1", "team/y:2"]);
    assert_eq!(names(&barque, "oci:all"), all);
    assert_eq!(names(&barque, "oci-archive:x.tar"), all[..2]);
    for name in ["x:1", "x:2", "y:1", "y:2"] {
        barque
            .args(["inspect", &format!("dir:flat/{name}")])
            .run()
            .ok();
    }
    // What is there is not read again, and what went is written again.
    fs::remove_file(barque.path("y.tar")).unwrap();
    let before = source.requests("GET", "/blobs/").len();
    let out = barque
        .args(["sync", "plan", "s.yaml", "--output", "plan.json"])
        .run()
        .ok();
    assert!(
        out.stdout().contains("2 to copy") && out.stdout().contains("10 unchanged"),
        "{}",
        out.stdout()
    );
    barque.args(["sync", "apply", "plan.json"]).run().ok();
    assert_eq!(names(&barque, "oci-archive:y.tar"), all[2..]);
    let read = source.requests("GET", "/blobs/").len() - before;
    assert_eq!(read, images::two_layers().all_blobs().len());
    // Shards do not write one archive.
    fs::remove_file(barque.path("x.tar")).unwrap();
    for shard in ["0/2", "1/2"] {
        barque.args(["sync", "--shard", shard, "s.yaml"]).run().ok();
    }
    assert_eq!(names(&barque, "oci-archive:x.tar"), all[..2]);
}

#[test]
fn a_list_goes_into_an_archive_or_below_a_directory() {
    let source = FakeRegistry::start().image("team/x", "1", &images::small());
    let source = source.image("team/y", "2", &images::small());
    let from = source.address();
    let barque = Barque::new();
    fs::write(
        barque.path("l.txt"),
        format!("{from}/team/x:*\n{from}/team/y:2 => oci:other:mine\n"),
    )
    .unwrap();
    let sync = |args: &[&str]| barque.args(["sync", "l.txt"]).args(args).run().ok();
    sync(&["oci-archive:a.tar"]);
    sync(&["--scoped", "dir:d"]);
    assert_eq!(
        names(&barque, "oci-archive:a.tar"),
        [format!("{from}/team/x:1")]
    );
    assert_eq!(names(&barque, "oci:other"), ["mine"]);
    barque
        .args(["inspect", &format!("dir:d/{from}/team/x:1")])
        .run()
        .ok();
}

#[test]
fn other_transports_are_refused_by_name_before_any_request() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let host = registry.address();
    let barque = Barque::new();
    let refused = |file: &str, text: String, named: &str| {
        fs::write(barque.path(file), &text).unwrap();
        let out = barque.args(["sync", file]).run().code(1);
        assert!(
            out.stderr().contains(named) && out.stderr().contains("hint: "),
            "{text}: {}",
            out.stderr()
        );
    };
    let locals = [
        "docker-archive:x.tar",
        "docker-daemon:x:1",
        "containers-storage:x",
        "tarball:x.tar",
        "docker-v1://a.example/x",
    ];
    let to = ["oci-archive:-", "oci:d:@1", "oci://d", "oci-archiv:x.tar"];
    for to in locals.iter().chain(&to) {
        let own = format!("barque-sync: 1\nsync: [{{from: {host}/a, to: '{to}'}}]\n");
        refused("own.yaml", own, to);
        refused("list.txt", format!("{host}/a:1 => {to}\n"), to);
        refused("map.yaml", format!("{host}/a:1: '{to}'\n"), to);
    }
    for from in locals
        .iter()
        .chain(&["dir:d", "oci:d", "oci-archive:x.tar"])
    {
        let own = format!("barque-sync: 1\nsync: [{{from: '{from}', to: {host}/b}}]\n");
        refused("own.yaml", own, from);
        refused("list.txt", format!("{from} => {host}/b\n"), from);
        refused("map.yaml", format!("'{from}': {host}/b\n"), from);
    }
    assert_eq!(registry.lines().len(), 0);
}

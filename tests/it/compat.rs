//! skopeo's command line where barque's differs: what is read all the same, and what is refused in clear words.

use std::fs;

use super::support::Barque;
use super::support::images::{self, write_dir};
use super::support::sandbox::Output;

/// A sandbox with the image `dir:image`.
fn sandbox() -> Barque {
    let barque = Barque::new();
    write_dir(&barque.path("image"), &images::small());
    barque
}

#[track_caller]
fn told(out: &Output, what: &[&str]) {
    for what in what {
        assert!(out.stderr().contains(what), "{what}: {}", out.stderr());
    }
}

#[test]
fn switches_take_values_and_the_last_of_a_flag_counts() {
    let barque = sandbox();
    for args in [
        &["inspect", "-f", "{{.Digest}}", "--format", "{{.Os}}"][..],
        &[
            "--insecure-policy=true",
            "--debug=false",
            "inspect",
            "-f{{.Os}}",
        ],
        &[
            "inspect",
            "--raw",
            "--raw=false",
            "--no-tags=1",
            "-f",
            "{{.Os}}",
        ],
        &["inspect", "--no-tags", "--no-tags", "-f", "{{.Os}}"],
        &[
            "--tls-verify=false",
            "inspect",
            "--tls-verify",
            "-f",
            "{{.Os}}",
        ],
        &["--registries.d", "/nowhere", "inspect", "-f", "{{.Os}}"],
    ] {
        let out = barque.args(args).args(["dir:image"]).run().ok();
        assert_eq!((out.stdout(), out.stderr()), ("linux\n", ""), "{args:?}");
    }
    // What stands for itself is left alone, whatever it looks like.
    let named = barque.args(["inspect", "--", "--raw=false"]).run().code(1);
    told(&named, &["--raw=false"]);
    let wrong = barque.args(["inspect", "--raw=maybe", "dir:image"]).run();
    told(&wrong.code(1), &["unexpected value 'maybe' for '--raw'"]);
    let version = barque.args(["--version"]).run().ok();
    assert_eq!(barque.args(["-v"]).run().ok().stdout(), version.stdout());
}

#[test]
fn a_switch_is_taken_back_in_either_spelling() {
    let barque = sandbox();
    let copied = |flags: &[&str], to: &str| {
        let run = barque.args(["copy"]).args(flags).args(["dir:image", to]);
        let out = run.run().ok();
        out.stdout().to_owned() + out.stderr()
    };
    assert_eq!(copied(&["-q"], "dir:a"), "");
    assert!(!copied(&["-q", "--quiet=false"], "dir:b").is_empty());
    assert!(!copied(&["-aq", "--quiet=false"], "dir:c").is_empty());
    assert!(!copied(&["-qfoci", "--quiet=false"], "oci:d:1").is_empty());
    assert_eq!(copied(&["-q", "--quiet=false", "-q"], "dir:e"), "");
    // The value of a flag is left alone, whatever its letters.
    let out = barque.args(["inspect", "-nfn", "--no-tags=false", "dir:image"]);
    assert_eq!(out.run().ok().stdout(), "n\n");
    // `--all` and a platform exclude each other.
    for all in ["-a", "--all"] {
        let flags = ["-q", all, "--all=false", "--platform=linux/amd64"];
        copied(&flags, "dir:f");
    }
}

#[test]
fn waits_without_measure_are_a_year() {
    let barque = sandbox();
    let long = "10000000000000000000";
    let flags = [
        "--stall-timeout",
        long,
        "--command-timeout",
        long,
        "--retry-backoff",
        long,
    ];
    let out = barque
        .args(flags)
        .args(["inspect", "-f", "{{.Os}}", "dir:image"]);
    assert_eq!(out.run().ok().stdout(), "linux\n");
    let out = barque
        .args(flags)
        .args(["inspect", "docker://127.0.0.1:1/a"]);
    told(
        &out.args(["--no-creds", "--retry-times=0"]).run().code(5),
        &["127.0.0.1:1"],
    );
}

#[test]
fn a_value_of_tls_verify_wants_its_sign() {
    let out = sandbox()
        .args(["inspect", "--tls-verify", "false", "dir:image"])
        .run()
        .code(1);
    told(
        &out,
        &["names an image", "hint: write `--tls-verify=false`"],
    );
}

#[test]
fn empty_values_are_none() {
    let barque = sandbox();
    let inspect = ["inspect", "-f", "{{.Os}}", "dir:image"];
    let mut run = barque
        .args(inspect)
        .args(["--override-os=", "--override-arch="]);
    for name in [
        "BARQUE_DEBUG",
        "BARQUE_OVERRIDE_VARIANT",
        "BARQUE_COMMAND_TIMEOUT",
        "BARQUE_STALL_TIMEOUT",
    ] {
        run = run.env(name, "");
    }
    let out = run.run().ok();
    assert_eq!((out.stdout(), out.stderr()), ("linux\n", ""));
}

#[test]
fn negative_values_are_told_by_their_flag() {
    let barque = sandbox();
    for (args, flag) in [
        (
            &["--command-timeout", "-5s", "inspect", "dir:image"][..],
            "--command-timeout",
        ),
        (
            &["copy", "--image-parallel-copies", "-1", "a", "b"],
            "--image-parallel-copies",
        ),
        (&["copy", "--retry-times", "-1", "a", "b"], "--retry-times"),
        (&["copy", "--retry-delay", "-1s", "a", "b"], "--retry-delay"),
    ] {
        let out = barque.args(args).run().code(1);
        told(&out, &["invalid value '-", flag]);
    }
}

#[test]
fn flags_of_a_copy_are_read_as_skopeo_reads_them() {
    let barque = sandbox();
    fs::write(barque.path("image/signature-1"), "x").unwrap();
    let copy = ["copy", "-q", "dir:image"];
    let loud = barque.args(copy).args(["oci:a:1"]).run().ok();
    told(&loud, &["warning: ", "are left behind, 1 of them"]);
    let args = [
        "--remove-signatures",
        "--dest-precompute-digests",
        "--dest-compress-level=3",
        "--tls-verify=false",
        "oci:b:1",
    ];
    let quiet = barque.args(copy).args(args).run().ok();
    assert_eq!(quiet.stderr(), "");
    let kept = barque.args(copy).args(["--remove-signatures", "dir:c"]);
    kept.run().ok();
    assert!(!barque.path("c/signature-1").exists());
    for (alias, side) in [("--screds=a:b", "--src"), ("--dcreds=a:b", "--dest")] {
        let anonymous = format!("{side}-no-creds");
        let out = barque.args(copy).args([alias, &anonymous, "oci:d:1"]).run();
        told(
            &out.code(1),
            &[&format!("{side}-creds"), "cannot be used with"],
        );
    }
    let tag = barque
        .args(copy)
        .args(["--additional-tag=a", "docker-archive:x.tar"]);
    told(
        &tag.run().code(1),
        &["`--additional-tag a` has no tag", "a:latest"],
    );
}

#[test]
fn a_file_that_cannot_be_written_is_told_before_the_copy() {
    let barque = sandbox();
    for (file, why) in [
        ("image", "it is a directory"),
        ("none/r.json", "its directory has to be there"),
    ] {
        let copy = barque.args(["copy", "--receipt", file, "dir:image", "dir:out"]);
        told(&copy.run().code(6), &["cannot be written", why]);
        assert!(!barque.path("out").exists());
    }
}

#[test]
fn what_is_about_trust_is_refused_and_not_passed_over() {
    let barque = sandbox();
    for (flag, why) in [
        (
            "--sign-by-sq-fingerprint=0",
            "does not use the keys of Sequoia",
        ),
        ("--encryption-key=jwe:k", "does not encrypt layers"),
        ("--decryption-key=k", "does not decrypt layers"),
    ] {
        let name = flag.split('=').next().unwrap();
        let out = barque.args(["copy", flag, "dir:image", "dir:out"]).run();
        told(
            &out.code(1),
            &[&format!("`{name}` is refused"), why, "hint: "],
        );
        assert!(!barque.path("out").exists());
    }
}

#[test]
fn a_manifest_of_no_known_kind_can_be_shown() {
    let barque = Barque::new();
    fs::create_dir(barque.path("image")).unwrap();
    for manifest in [
        "{}",
        r#"{"schemaVersion":2,"mediaType":"application/vnd.foo","x":1}"#,
    ] {
        fs::write(barque.path("image/manifest.json"), manifest).unwrap();
        let raw = barque.args(["inspect", "--raw", "dir:image"]).run().ok();
        assert_eq!(raw.stdout(), manifest);
        barque.args(["inspect", "dir:image"]).run().code(4);
    }
}

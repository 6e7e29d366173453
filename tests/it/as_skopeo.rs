//! barque under the name `skopeo`: what scripts read of it is what they read of skopeo.

mod answers;
mod defaults;
mod policies;
#[cfg(feature = "sync")]
mod syncs;

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use crate::support::fake::{FakeRegistry, on};
use crate::support::images::{self, write_layout};
use crate::support::sandbox::Sandbox;
use crate::support::{Barque, peers};

/// barque by a link that is called skopeo.
struct Linked {
    sandbox: Sandbox,
    _bin: TempDir,
}

impl std::ops::Deref for Linked {
    type Target = Sandbox;

    fn deref(&self) -> &Sandbox {
        &self.sandbox
    }
}

fn linked() -> Linked {
    let bin = TempDir::new().unwrap();
    let link = bin.path().join("skopeo");
    symlink(env!("CARGO_BIN_EXE_barque"), &link).unwrap();
    let sandbox = Sandbox::of(link);
    // skopeo reaches no registry by plain HTTP unasked.
    let conf = "[[registry]]\nlocation = \"127.0.0.1\"\ninsecure = true\n";
    sandbox.write_home(".config/containers/registries.conf", conf);
    Linked { sandbox, _bin: bin }
}

/// The message of a line of the log, without its time.
fn message(stderr: &str) -> &str {
    let last = stderr.lines().last().unwrap_or_default();
    let (time, rest) = last.split_once(' ').unwrap_or_default();
    assert!(
        time.starts_with("time=\"2") && time.ends_with("Z\""),
        "{stderr}"
    );
    rest
}

fn sample() -> (FakeRegistry, Linked) {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::two_layers())
        .image("a", "multi", &images::five_platforms());
    let skopeo = linked();
    write_layout(
        &skopeo.path("layout"),
        &[
            ("v1", &images::small()),
            ("multi", &images::five_platforms()),
        ],
    );
    std::fs::create_dir(skopeo.path("mine")).unwrap();
    std::fs::write(skopeo.path("mine/important"), "data").unwrap();
    (registry, skopeo)
}

/// Calls with skopeo's answers: arguments, exit code, the log line. `REG` is a registry with `a:1` and `a:multi`, the
/// directory `layout` has `v1` and `multi`.
#[rustfmt::skip]
const FAILURES: [(&str, i32, &str); 73] = [
    (
        "inspect x",
        1,
        r#"level=fatal msg="Error parsing image name \"x\": Invalid image name \"x\", expected colon-separated transport:reference""#,
    ),
    (
        "inspect nope:x",
        1,
        r#"level=fatal msg="Error parsing image name \"nope:x\": Invalid image name \"nope:x\", unknown transport \"nope\"""#,
    ),
    (
        "inspect",
        1,
        r#"level=fatal msg="Exactly one argument expected""#,
    ),
    (
        "inspect a b",
        1,
        r#"level=fatal msg="Exactly one argument expected""#,
    ),
    (
        "copy a",
        1,
        r#"level=fatal msg="Exactly two arguments expected""#,
    ),
    (
        "copy dir:a dir:b oci:c",
        1,
        r#"level=fatal msg="Exactly two arguments expected""#,
    ),
    (
        "list-tags",
        1,
        r#"level=fatal msg="Exactly one non-option argument expected""#,
    ),
    (
        "list-tags oci:x",
        1,
        r#"level=fatal msg="Unsupported transport 'oci' for tag listing. Only supported: docker, docker-archive""#,
    ),
    (
        "list-tags docker://REG/a:1",
        1,
        r#"level=fatal msg="No tag or digest allowed in reference""#,
    ),
    (
        "nosuch",
        1,
        r#"level=fatal msg="Unrecognized command `skopeo nosuch`\nTry 'skopeo --help' for more information""#,
    ),
    (
        "copi",
        1,
        r#"level=fatal msg="Unrecognized command `skopeo copi`\n\nDid you mean this?\n\tcopy\n\nTry 'skopeo --help' for more information""#,
    ),
    (
        "inspect --nosuch oci:layout:v1",
        1,
        r#"level=fatal msg="unknown flag: --nosuch""#,
    ),
    (
        "inspect -z oci:layout:v1",
        1,
        r#"level=fatal msg="unknown shorthand flag: 'z' in -z""#,
    ),
    (
        "copy --format=x oci:layout:v1 dir:d",
        1,
        r#"level=fatal msg="unknown format \"x\". Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'""#,
    ),
    (
        "copy --retry-times=x oci:layout:v1 dir:d",
        1,
        r#"level=fatal msg="invalid argument \"x\" for \"--retry-times\" flag: strconv.ParseInt: parsing \"x\": invalid syntax""#,
    ),
    (
        "inspect --creds",
        1,
        r#"level=fatal msg="flag needs an argument: --creds""#,
    ),
    (
        "inspect --username x docker://REG/a:1",
        1,
        r#"level=fatal msg="password must be specified when username is specified""#,
    ),
    (
        "inspect --raw --format {{.Digest}} oci:layout:v1",
        1,
        r#"level=fatal msg="raw output does not support format option""#,
    ),
    (
        "copy --all --multi-arch=all oci:layout:v1 dir:d",
        1,
        r#"level=fatal msg="Cannot use --all and --multi-arch flags together""#,
    ),
    (
        "inspect docker://REG/a:nope",
        2,
        r#"level=fatal msg="Error parsing image name \"docker://REG/a:nope\": reading manifest nope in REG/a: manifest unknown""#,
    ),
    (
        "copy docker://REG/a:nope dir:d",
        2,
        r#"level=fatal msg="initializing source docker://REG/a:nope: reading manifest nope in REG/a: manifest unknown""#,
    ),
    (
        "inspect oci:layout:nope",
        2,
        r#"level=fatal msg="Error parsing image name \"oci:layout:nope\": no descriptor found for reference \"nope\"""#,
    ),
    (
        "copy oci:layout:nope dir:d",
        2,
        r#"level=fatal msg="initializing source oci:layout:nope: no descriptor found for reference \"nope\"""#,
    ),
    (
        "inspect oci:/nonexistent:x",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:/nonexistent:x\": open /nonexistent/index.json: no such file or directory""#,
    ),
    (
        "inspect oci:layout",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:layout\": more than one image in oci, choose an image""#,
    ),
    (
        "inspect dir:/nonexistent",
        1,
        r#"level=fatal msg="Error retrieving manifest for image: open /nonexistent/manifest.json: no such file or directory""#,
    ),
    (
        "inspect docker-archive:/nonexistent",
        1,
        r#"level=fatal msg="Error parsing image name \"docker-archive:/nonexistent\": opening file \"/nonexistent\": open /nonexistent: no such file or directory""#,
    ),
    (
        "inspect oci-archive:/nonexistent",
        1,
        r#"level=fatal msg="Error parsing image name \"oci-archive:/nonexistent\": creating temp directory: archive file not found: \"/nonexistent\"""#,
    ),
    (
        "inspect docker://REG/A:1",
        1,
        r#"level=fatal msg="Error parsing image name \"docker://REG/A:1\": invalid reference format: repository name must be lowercase""#,
    ),
    (
        "--override-arch=sparc inspect docker://REG/a:multi",
        1,
        r#"level=fatal msg="Error parsing manifest for image: choosing image instance: no image found in image index for architecture \"sparc\", variant \"\", OS \"linux\"""#,
    ),
    (
        "--override-arch=sparc copy docker://REG/a:multi dir:d",
        1,
        r#"level=fatal msg="choosing an image from manifest list docker://REG/a:multi: no image found in image index for architecture \"sparc\", variant \"\", OS \"linux\"""#,
    ),
    (
        "copy oci:layout:v1 dir:mine",
        1,
        r#"level=fatal msg="initializing destination dir:mine: not a containers image directory, don't want to overwrite important data""#,
    ),
    (
        "copy oci:layout:v1 nope:x",
        1,
        r#"level=fatal msg="Invalid destination name nope:x: Invalid image name \"nope:x\", unknown transport \"nope\"""#,
    ),
    (
        "delete docker://REG/a:nope",
        1,
        r#"level=fatal msg="Unable to delete REG/a:nope. Image may not exist or is not stored with a v2 Schema in a v2 registry""#,
    ),
    (
        "delete dir:mine",
        1,
        r#"level=fatal msg="Deleting images not implemented for dir: images""#,
    ),
    (
        "manifest-digest /nonexistent",
        1,
        r#"level=fatal msg="Error reading manifest from /nonexistent: open /nonexistent: no such file or directory""#,
    ),
    (
        "logout --authfile none.json example.com",
        1,
        r#"level=fatal msg="not logged into example.com""#,
    ),
    (
        "list-tags nope",
        1,
        r#"level=fatal msg="Invalid \"nope\": does not specify a transport""#,
    ),
    (
        "list-tags nope:x",
        1,
        r#"level=fatal msg="Invalid \"nope:x\": does not specify a transport""#,
    ),
    (
        "inspect --tls-verify false docker://REG/a:1",
        1,
        r#"level=fatal msg="Exactly one argument expected""#,
    ),
    (
        "inspect --username=u --password=p --creds=a:b docker://REG/a:1",
        1,
        r#"level=fatal msg="creds and username cannot be specified at the same time""#,
    ),
    (
        "inspect --no-creds --creds=a:b docker://REG/a:1",
        1,
        r#"level=fatal msg="creds and no-creds cannot be specified at the same time""#,
    ),
    (
        "login --password-stdin REG",
        1,
        r#"level=fatal msg="must provide --username with --password-stdin""#,
    ),
    (
        "login -uu -px --password-stdin REG",
        1,
        r#"level=fatal msg="can't specify both --password-stdin and --password""#,
    ),
    (
        "login a b",
        1,
        r#"level=fatal msg="login accepts only one registry to log in to""#,
    ),
    (
        "login --tls-verify=false -uu -px 127.0.0.1:1",
        1,
        r#"level=fatal msg="authenticating creds for \"127.0.0.1:1\": pinging container registry 127.0.0.1:1: Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused""#,
    ),
    (
        "inspect oci:mine",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:mine\": open mine/index.json: no such file or directory""#,
    ),
    (
        "inspect oci:mine/important",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:mine/important\": open mine/important/index.json: not a directory""#,
    ),
    (
        "inspect dir:mine",
        1,
        r#"level=fatal msg="Error retrieving manifest for image: open mine/manifest.json: no such file or directory""#,
    ),
    (
        "inspect dir:mine/important",
        1,
        r#"level=fatal msg="Error retrieving manifest for image: open mine/important/manifest.json: not a directory""#,
    ),
    (
        "inspect docker://Busy/x",
        1,
        r#"level=fatal msg="Error parsing image name \"docker://Busy/x\": invalid reference format: repository name must be lowercase""#,
    ),
    (
        "inspect docker-daemon:x",
        1,
        r#"level=fatal msg="Error parsing image name \"docker-daemon:x\": docker-daemon: reference x has neither a tag nor a digest""#,
    ),
    (
        "inspect docker-archive:a.tar:r.io/x:2",
        1,
        r#"level=fatal msg="Error retrieving manifest for image: Tag \"r.io/x:2\" not found""#,
    ),
    (
        "delete oci:layout:nope",
        2,
        r#"level=fatal msg="no descriptor found for reference \"nope\"""#,
    ),
    (
        "delete oci-archive:mine",
        1,
        r#"level=fatal msg="Deleting images not implemented for oci: images""#,
    ),
    (
        "inspect --format {{nosuch}} oci:layout:v1",
        1,
        r#"level=fatal msg="template: skopeo inspect:1: function \"nosuch\" not defined""#,
    ),
    (
        "inspect oci:",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:\": open index.json: no such file or directory""#,
    ),
    (
        "copy oci: dir:d",
        1,
        r#"level=fatal msg="initializing source oci::: open index.json: no such file or directory""#,
    ),
    (
        "copy dir: dir:d",
        1,
        r#"level=fatal msg="determining manifest MIME type for dir:: open manifest.json: no such file or directory""#,
    ),
    (
        "copy oci:layout:v1 oci:",
        1,
        r#"level=fatal msg="initializing destination oci::: mkdir : no such file or directory""#,
    ),
    (
        "inspect docker-archive:a.tar:@x",
        1,
        r#"level=fatal msg="Error parsing image name \"docker-archive:a.tar:@x\": Invalid source index @x: strconv.Atoi: parsing \"x\": invalid syntax""#,
    ),
    (
        "inspect docker-archive:a.tar:@-1",
        1,
        r#"level=fatal msg="Error parsing image name \"docker-archive:a.tar:@-1\": Invalid source index @-1: must not be negative""#,
    ),
    (
        "copy docker-archive:a.tar:UP/x:1 dir:d",
        1,
        r#"level=fatal msg="Invalid source name docker-archive:a.tar:UP/x:1: docker-archive parsing reference: invalid reference format: repository name must be lowercase""#,
    ),
    (
        "list-tags docker-archive:a.tar:@x",
        1,
        r#"level=fatal msg="Invalid source index @x: strconv.Atoi: parsing \"x\": invalid syntax""#,
    ),
    (
        "inspect oci:layout:@x",
        1,
        r#"level=fatal msg="Error parsing image name \"oci:layout:@x\": Invalid source index @x: not an integer: strconv.Atoi: parsing \"x\": invalid syntax""#,
    ),
    (
        "copy oci:layout:v1 oci:o:a,b",
        1,
        r#"level=fatal msg="Invalid destination name oci:o:a,b: Invalid image a,b""#,
    ),
    (
        "copy atomic:x dir:d",
        1,
        r#"level=fatal msg="Invalid source name atomic:x: invalid image reference x, expected format: 'hostname/namespace/stream:tag'""#,
    ),
    (
        "inspect --creds= docker://REG/a:1",
        1,
        r#"level=fatal msg="credentials can't be empty""#,
    ),
    (
        "inspect --creds=:p docker://REG/a:1",
        1,
        r#"level=fatal msg="username can't be empty""#,
    ),
    (
        "inspect --daemon-host=unix:///none docker-daemon:x:1",
        1,
        r#"level=fatal msg="Error parsing image name \"docker-daemon:x:1\": loading image from docker engine: Cannot connect to the Docker daemon at unix:///none. Is the docker daemon running?""#,
    ),
    (
        "copy --digestfile=no/df oci:layout:v1 dir:d",
        1,
        r#"level=fatal msg="Failed to write digest to file \"no/df\": open no/df: no such file or directory""#,
    ),
    (
        "copy --image-parallel-copies=x oci:layout:v1 dir:d",
        1,
        r#"level=fatal msg="invalid argument \"x\" for \"--image-parallel-copies\" flag: strconv.ParseUint: parsing \"x\": invalid syntax""#,
    ),
    (
        "logout --all x",
        1,
        r#"level=fatal msg="--all takes no arguments""#,
    ),
];

#[test]
fn failures_have_the_words_and_exit_codes_of_skopeo() {
    let (registry, skopeo) = sample();
    let archive = [
        "copy",
        "-q",
        "oci:layout:v1",
        "docker-archive:a.tar:r.io/x:1",
    ];
    skopeo.args(archive).run().ok();
    let mut wrong = Vec::new();
    for (line, code, wanted) in FAILURES {
        let args = line.replace("REG", registry.address());
        let out = skopeo.args(args.split(' ')).run();
        let wanted = wanted.replace("REG", registry.address());
        let told = message(out.stderr());
        if out.exit_code() != Some(code) || told != wanted {
            wrong.push(format!(
                "{line}: exit {:?}\n  {told}\n  {wanted}",
                out.exit_code()
            ));
        }
        assert_eq!(out.stdout(), "", "{line}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_registry_that_cannot_be_reached_or_wants_a_login() {
    let closed = FakeRegistry::start().basic("u", "p");
    let skopeo = linked();
    let name = format!("{}/a", closed.address());
    for (args, wanted) in [
        (
            vec!["inspect".into(), format!("docker://{name}:1")],
            format!("level=fatal msg=\"Error parsing image name \\\"docker://{name}:1\\\": reading manifest 1 in {name}: authentication required\""),
        ),
        (
            vec!["list-tags".into(), format!("docker://{name}")],
            "level=fatal msg=\"Error listing repository tags: fetching tags list: authentication required\"".into(),
        ),
        (
            vec!["login".into(), "-uu".into(), "-px".into(), closed.address().into()],
            format!("level=fatal msg=\"logging into \\\"{}\\\": invalid username/password\"", closed.address()),
        ),
        (
            ["inspect", "--tls-verify=false", "docker://127.0.0.1:1/a:1"].map(String::from).to_vec(),
            "level=fatal msg=\"Error parsing image name \\\"docker://127.0.0.1:1/a:1\\\": pinging container registry 127.0.0.1:1: Get \\\"http://127.0.0.1:1/v2/\\\": dial tcp 127.0.0.1:1: connect: connection refused\"".into(),
        ),
    ] {
        let out = skopeo.args(&args).run().code(1);
        assert_eq!(message(out.stderr()), wanted, "{args:?}");
    }
}

#[test]
fn a_copy_prints_what_skopeo_prints() {
    peers::needs!("skopeo");
    let (registry, skopeo) = sample();
    let theirs = peers::skopeo();
    write_layout(
        &theirs.path("layout"),
        &[
            ("v1", &images::small()),
            ("multi", &images::five_platforms()),
        ],
    );
    for args in [
        vec!["copy", "oci:layout:v1", "dir:d"],
        vec!["copy", "oci:layout:v1", "oci:o:v1"],
        vec!["copy", "--quiet", "oci:layout:v1", "oci:q:v1"],
        vec!["copy", "oci:layout:v1", "docker-archive:a.tar:x:1"],
    ] {
        let ours = skopeo.args(&args).run().ok();
        let theirs = theirs.args(&args).run().ok();
        // Releases before 1.10 print it for images without signatures too.
        let wanted = theirs.stdout().replace("Storing signatures\n", "");
        assert_eq!(ours.stdout(), wanted, "{args:?}");
        assert_eq!(ours.stderr(), "", "{args:?}");
    }
    let all = ["copy", "--all", "oci:layout:multi", "oci:m:multi"];
    let ours = skopeo.args(all).run().ok();
    let theirs = theirs.args(all).run().ok();
    // Releases before 1.12 say it in other words, and those before 1.10 as above.
    let wanted = theirs.stdout().replace(
        "5 of 5 images in list",
        "5 images generated from 5 images in list",
    );
    assert_eq!(ours.stdout(), wanted.replace("Storing signatures\n", ""));
    let inspected = skopeo.args(["inspect", &registry.docker("a:1")]).run().ok();
    let own = Barque::new()
        .args(["inspect", &registry.docker("a:1")])
        .run()
        .ok();
    assert_eq!(inspected.stdout(), own.stdout());
}

#[test]
fn the_version_and_the_user_agent_are_skopeo_s() {
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let skopeo = linked();
    for flag in ["--version", "-v"] {
        let out = skopeo.args([flag]).run().ok();
        assert_eq!(out.stdout(), "skopeo version 1.22.0\n");
    }
    let name = registry.docker("a:1");
    let agents = || {
        let seen = registry.requests("GET", "/manifests/");
        let agents = seen
            .iter()
            .map(|s| s.header("user-agent").unwrap().to_owned());
        let agents: std::collections::BTreeSet<_> = agents.collect();
        registry.clear();
        agents.into_iter().collect::<Vec<_>>()
    };
    skopeo.args(["inspect", "-n", &name]).run().ok();
    assert_eq!(agents(), ["skopeo/1.22.0"]);
    skopeo
        .args(["inspect", "-n", "--user-agent-prefix=bootc/1", &name])
        .run()
        .ok();
    assert_eq!(agents(), ["bootc/1 skopeo/1.22.0"]);
    let barque = Barque::new();
    barque.args(["inspect", "-n", &name]).run().ok();
    let own = format!("barque/{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(agents(), [own.as_str()]);
    barque
        .args(["--user-agent-prefix", "ci", "inspect", "-n", &name])
        .run()
        .ok();
    assert_eq!(agents(), [format!("ci {own}")]);
    // The word does the same as the link.
    let out = barque.args(["skopeo", "--version"]).run().ok();
    assert_eq!(out.stdout(), "skopeo version 1.22.0\n");
    let out = barque.args(["skopeo", "inspect", "x"]).run().code(1);
    assert!(message(out.stderr()).starts_with("level=fatal"));
    barque
        .args(["--user-agent-prefix", "a\nb", "inspect", "-n", &name])
        .run()
        .code(1);
}

#[test]
fn warnings_are_lines_of_the_log() {
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/tags/").status(404));
    let skopeo = linked();
    let out = skopeo.args(["inspect", &registry.docker("a:1")]).run().ok();
    assert!(
        message(out.stderr()).starts_with("level=warning msg=\""),
        "{}",
        out.stderr()
    );
}

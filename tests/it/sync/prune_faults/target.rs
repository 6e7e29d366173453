//! Faults of the target: its list, its digests and manifests, and the deletion itself; and how many tags may go.

use super::*;

#[test]
fn faults_of_the_target_delete_nothing_that_exists() {
    let list = || on("GET").path("/v2/mirror/a/tags/list");
    let at = |method: &str| on(method).path(&format!("/v2/mirror/a/manifests/{LOST}"));
    let delete = || on("DELETE").path("/v2/mirror/a/");
    let other = images::two_layers();
    let digest = other.digest.to_string();
    let whole = r#"{"name":"mirror/a","tags":["t00007"]}"#;
    let mut scripts: Vec<Script> = broken_lists("the target's list", list)
        .into_iter()
        .map(|(name, fault)| script(name, Nothing, Target, fault))
        .collect();
    scripts.extend([
        script(
            "a list with the lost tag alone",
            Nothing,
            Target,
            list().json(whole),
        ),
        script(
            "another digest by HEAD",
            Nothing,
            Target,
            at("HEAD").header("docker-content-digest", &digest),
        ),
        script(
            "no digest by HEAD",
            Lose,
            Target,
            at("HEAD").drop_header("docker-content-digest"),
        ),
        script(
            "another image by GET",
            Nothing,
            Target,
            at("GET").answer(
                Reply::new(200, other.manifest.clone()).with("Content-Type", &other.media_type),
            ),
        ),
        script(
            "a cut image by GET",
            Nothing,
            Target,
            at("GET").fin_after(20),
        ),
        script(
            "a broken image by GET",
            Nothing,
            Target,
            at("GET").flip_byte(30),
        ),
        script("a web page by GET", Nothing, Target, at("GET").html(200)),
        script(
            "a deletion that is lost",
            Lose,
            Target,
            delete().lose_answer(),
        ),
        script(
            "a deletion that does nothing",
            Nothing,
            Target,
            delete().status(202),
        ),
    ]);
    for status in [400, 401, 403, 404, 405, 409, 429, 500, 503] {
        let wait = |rule: Rule| rule.status(status).header("retry-after", "9999");
        scripts.push(
            script(
                format!("{status} to HEAD"),
                Nothing,
                Target,
                wait(at("HEAD")),
            )
            .and(Target, wait(at("GET"))),
        );
        scripts.push(script(
            format!("{status} to GET"),
            Nothing,
            Target,
            wait(at("GET")),
        ));
        scripts.push(script(
            format!("{status} to DELETE"),
            Nothing,
            Target,
            wait(delete()),
        ));
    }
    // Digests can be deleted, tags not: that would take the other tags of the image too.
    let by_tag = delete().when(|head| !head.path().contains("sha256:"));
    let refused = by_tag.error(405, "UNSUPPORTED", "no tags");
    scripts.push(script(
        "only digests can be deleted",
        Nothing,
        Target,
        refused,
    ));
    bench().play(scripts, 60);
}

#[test]
fn bounds_hold_for_what_the_source_has_really_lost() {
    // How many tags the source loses, the bound, and how many may go: all of them, or none.
    let cases = [
        (1, "0", 0),
        (1, "0%", 0),
        (1, "1", 1),
        (1, "0.1%", 1),
        (2, "1", 0),
        (2, "2", 2),
        (3, "10%", 0),
        (3, "15%", 3),
        (3, "3", 3),
        (19, "10%", 0),
        (19, "18", 0),
        (20, "100%", 0),
        (20, "20", 0),
    ];
    for (loses, bound, goes) in cases {
        let source = FakeRegistry::start().tags("a", TAGS, &images::small());
        let target = FakeRegistry::start();
        let barque = Barque::new();
        declare(&barque, source.address(), target.address(), "a", "");
        let sync = ["sync", "--state", "state"];
        barque.args(sync).args(["mirror.yaml"]).run().ok();
        let kept: Vec<String> = (loses..TAGS).map(|n| format!("\"t{n:05}\"")).collect();
        let tags = format!("{{\"name\":\"a\",\"tags\":[{}]}}", kept.join(","));
        source.add_rule(list().json(&tags));
        let is_lost = move |path: &str| {
            let tag = path
                .rsplit('t')
                .next()
                .and_then(|n| n.parse::<usize>().ok());
            tag.is_some_and(|n| n < loses)
        };
        source.add_rule(on("").when(move |head| is_lost(head.path())).error(
            404,
            "MANIFEST_UNKNOWN",
            "no",
        ));
        let prune = ["--prune", "--max-delete", bound, "mirror.yaml"];
        let out = barque.args(sync).args(prune).run();
        let gone = (0..TAGS)
            .filter(|n| target.manifest("mirror/a", &format!("t{n:05}")).is_none())
            .collect::<Vec<_>>();
        let expected: Vec<usize> = (0..goes).collect();
        assert_eq!(gone, expected, "{loses} lost, {bound}: {}", out.stderr());
    }
}

//! A state that is damaged: what it no longer says is not deleted, and what it says wrongly is not believed.

use super::*;

#[test]
fn a_damaged_state_deletes_nothing_that_exists() {
    let bench = bench();
    let lines: Vec<&str> = bench
        .state
        .lines()
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(lines.len(), TAGS + 1);
    let each = |change: &dyn Fn(&str) -> String| {
        let changed: Vec<String> = lines.iter().map(|line| change(line)).collect();
        changed.join("\n").into_bytes()
    };
    let at = format!("{}/mirror/a:", bench.target.address());
    let theirs = format!("{}", images::two_layers().digest);
    let wrong = format!("{}", images::small().digest);
    let lost: &dyn Fn(&str) -> bool = &|line| line.contains(LOST);
    let digest = |line: &str, to: &str| line.replace(&wrong, to);
    let record = |tag: &str, digest: &str| {
        format!("{{\"target\":\"{at}{tag}\",\"source\":\"{digest}\",\"wrote\":true}}\n")
    };
    let all = || bench.state.clone();
    let damages: Vec<(&str, May, Vec<u8>)> = vec![
        ("gone", Nothing, Vec::new()),
        ("zeros", Nothing, vec![0; 4096]),
        (
            "random bytes",
            Nothing,
            (0..4096)
                .map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
                .collect(),
        ),
        (
            "cut in half",
            Lose,
            all().into_bytes()[..all().len() / 2].to_vec(),
        ),
        (
            "without its first byte",
            Lose,
            all().into_bytes()[1..].to_vec(),
        ),
        (
            "each line cut",
            Nothing,
            each(&|line| line[..line.len() / 2].to_owned()),
        ),
        (
            "each line without its end",
            Nothing,
            each(&|line| line[..line.len() - 1].to_owned()),
        ),
        ("one line", Nothing, lines.concat().into_bytes()),
        ("twice", Lose, all().repeat(2).into_bytes()),
        (
            "backwards",
            Lose,
            lines
                .iter()
                .rev()
                .copied()
                .collect::<Vec<_>>()
                .join("\n")
                .into_bytes(),
        ),
        (
            "line ends of another system",
            Lose,
            lines.join("\r\n").into_bytes(),
        ),
        (
            "a byte order mark",
            Lose,
            format!("\u{feff}{}", all()).into_bytes(),
        ),
        (
            "wrote nothing",
            Nothing,
            each(&|line| line.replace("true", "false")),
        ),
        (
            "wrote without a word",
            Nothing,
            each(&|line| line.replace(",\"wrote\":true", "")),
        ),
        (
            "wrote as a text",
            Nothing,
            each(&|line| line.replace("true", "\"true\"")),
        ),
        (
            "wrote as a number",
            Nothing,
            each(&|line| line.replace("true", "1")),
        ),
        ("no sources", Nothing, each(&|line| digest(line, "sha256:"))),
        (
            "another algorithm",
            Nothing,
            each(&|line| line.replace("sha256:", "sha512:")),
        ),
        (
            "digests of others",
            Nothing,
            each(&|line| digest(line, &theirs)),
        ),
        (
            "digests in capitals",
            Nothing,
            each(&|line| digest(line, &wrong.to_uppercase())),
        ),
        (
            "short digests",
            Nothing,
            each(&|line| digest(line, &wrong[..40])),
        ),
        (
            "another host",
            Nothing,
            each(&|line| line.replace(bench.target.address(), "a.example")),
        ),
        (
            "the source's host",
            Nothing,
            each(&|line| line.replace(bench.target.address(), bench.source.address())),
        ),
        (
            "another repository",
            Nothing,
            each(&|line| line.replace("/mirror/a", "/mirror/c")),
        ),
        ("no tags", Nothing, each(&|line| line.replace(":t0", "t0"))),
        (
            "the lost tag only as forgotten",
            Nothing,
            format!("{}\n{{\"target\":\"{at}{LOST}\"}}\n", all()).into_bytes(),
        ),
        (
            "the lost tag is missing",
            Nothing,
            lines
                .iter()
                .filter(|line| !lost(line))
                .copied()
                .collect::<Vec<_>>()
                .join("\n")
                .into_bytes(),
        ),
        (
            "the lost tag of another image",
            Nothing,
            each(&|line| {
                if lost(line) {
                    digest(line, &theirs)
                } else {
                    line.to_owned()
                }
            }),
        ),
        (
            "a tag of others with our image",
            Lose,
            (all() + &record(THEIRS, &wrong)).into_bytes(),
        ),
        (
            "a tag that is not there",
            Lose,
            (all() + &record("never", &wrong)).into_bytes(),
        ),
        (
            "a tag that is no tag",
            Lose,
            (all() + &record("../../x", &wrong)).into_bytes(),
        ),
        (
            "fields of later versions",
            Lose,
            each(&|line| line.replacen('{', "{\"later\":[1,{\"a\":null}],", 1)),
        ),
        (
            "a very long line",
            Lose,
            (all() + &format!("{{\"target\":\"{}\"}}\n", "x".repeat(1 << 20))).into_bytes(),
        ),
        (
            "a line that is an array",
            Lose,
            (all() + "[1,2,3]\n").into_bytes(),
        ),
        (
            "deep nesting",
            Lose,
            (all() + &"[".repeat(10_000)).into_bytes(),
        ),
        (
            "another form",
            Nothing,
            each(&|line| line.replacen("\"wrote\"", "\"form\":-1,\"wrote\"", 1)),
        ),
    ];
    assert!(damages.len() >= 36, "{}", damages.len());
    for (name, may, state) in damages {
        bench.run(
            &format!("the state: {name}"),
            may,
            &state,
            &["--max-delete", "100%"],
        );
    }
}

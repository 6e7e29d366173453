//! The checked-in man pages and completions are what the program writes today.
//!
//! After a change of the command line: `BARQUE_UPDATE_FIXTURES=1 cargo test --test it generated`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Barque;
use crate::support::sandbox::Run;

/// Completion files by the names under which shells look for them.
const COMPLETIONS: [(&str, &str); 4] = [
    ("bash", "barque.bash"),
    ("zsh", "_barque"),
    ("fish", "barque.fish"),
    ("powershell", "barque.ps1"),
];

fn project(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(below)
}

/// A run in a narrow terminal, with variables that could show in a text.
fn odd(run: Run) -> Run {
    let run = run.env("COLUMNS", "40").env("BARQUE_DEBUG", "1");
    run.env("BARQUE_OVERRIDE_ARCH", "leaked-into-the-text")
}

fn files(dir: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(dir).unwrap_or_else(|e| panic!("{}: {e}", dir.display()));
    let file = |path: PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    };
    entries.map(|e| file(e.unwrap().path())).collect()
}

fn compare(checked_in: &Path, made: &BTreeMap<String, String>) {
    if std::env::var_os("BARQUE_UPDATE_FIXTURES").is_some() {
        let _ = fs::remove_dir_all(checked_in);
        fs::create_dir_all(checked_in).unwrap();
        for (name, text) in made {
            fs::write(checked_in.join(name), text).unwrap();
        }
    }
    let there = files(checked_in);
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&there), names(made));
    for (name, text) in made {
        assert!(
            there[name] == *text,
            "{}/{name} is old: run `BARQUE_UPDATE_FIXTURES=1 cargo test --test it generated`",
            checked_in.display()
        );
    }
}

#[cfg(feature = "legacy")]
#[test]
fn the_man_pages_are_fresh() {
    let barque = Barque::new();
    barque.args(["man", "plain"]).run().ok();
    odd(barque.args(["man", "odd"])).run().ok();
    let pages = files(&barque.path("plain"));
    assert!(pages == files(&barque.path("odd")));
    assert!(pages["barque-copy.1"].contains("--preserve-digests".replace('-', "\\-").as_str()));
    compare(&project("docs/man"), &pages);
}

#[cfg(feature = "legacy")]
#[test]
fn the_completions_are_fresh() {
    let barque = Barque::new();
    let script = |shell| {
        let plain = barque.args(["completion", shell]).run().ok();
        let odd = odd(barque.args(["completion", shell])).run().ok();
        assert_eq!(plain.stdout(), odd.stdout());
        plain.stdout().to_owned()
    };
    let made = COMPLETIONS.map(|(shell, file)| (file.to_owned(), script(shell)));
    for (file, script) in &made {
        assert!(script.contains("preserve-digests"), "{file}");
        // By its description, and by its name in bash, which has no descriptions.
        let hidden = ["dest-precompute-digests"];
        assert!(
            !hidden.iter().any(|h| script.contains(h)),
            "{file} has what is hidden"
        );
    }
    compare(&project("completions"), &BTreeMap::from(made));
}

/// What bash offers for `line`, whose last word is being typed.
fn bash_offers(barque: &Barque, script: &Path, line: &str) -> Vec<String> {
    let asked = r#"
        source "$1"
        COMP_LINE=$2 COMP_POINT=${#2}
        # As bash takes a line apart: at blanks, and around colons.
        spaced=${2//:/ : }
        read -ra COMP_WORDS <<< "$spaced"
        [[ $spaced == *' ' && $2 != *: ]] && COMP_WORDS+=("")
        COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 ))
        _barque_with_images barque "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}" 2>/dev/null
        printf '%s\n' "${COMPREPLY[@]}""#;
    let bash = crate::support::sandbox::Sandbox::of("bash");
    let run = bash.args(["-c", asked, "bash", script.to_str().unwrap(), line]);
    let out = run.in_dir(barque.path("")).run().ok();
    let mut offers: Vec<_> = out.stdout().lines().map(str::to_owned).collect();
    offers.retain(|line| !line.is_empty());
    offers.sort();
    offers
}

#[test]
fn bash_completes_transports_and_paths_behind_them() {
    crate::support::peers::needs!("bash");
    let barque = Barque::new();
    let script = barque.path("script");
    let made = barque.args(["completion", "bash"]).run().ok();
    fs::write(&script, made.stdout()).unwrap();
    fs::create_dir(barque.path("layout")).unwrap();
    fs::write(barque.path("lay er.tar"), "").unwrap();
    let offers = |line: &str| bash_offers(&barque, &script, line);
    assert_eq!(
        offers("barque inspect doc"),
        [
            "docker-archive:",
            "docker-daemon:",
            "docker-v1://",
            "docker://"
        ]
    );
    assert_eq!(offers("barque copy --all o"), ["oci-archive:", "oci:"]);
    assert_eq!(
        offers("barque copy docker://a oci:lay"),
        ["lay er.tar", "layout"]
    );
    assert_eq!(
        offers("barque layers dir:"),
        ["lay er.tar", "layout", "script"]
    );
    assert_eq!(
        offers("barque copy --dest-compress-format "),
        ["gzip", "zstd"]
    );
    assert_eq!(
        offers("barque copy --multi-arch "),
        ["all", "index-only", "system"]
    );
    assert_eq!(offers("barque inspect --authfile layo"), ["layout"]);
    assert!(offers("barque copy --preserve-d").contains(&"--preserve-digests".to_owned()));
    assert_eq!(offers("barque repo"), ["repos"]);
    assert!(offers("barque ").contains(&"inspect".to_owned()));
}

//! What Go reads in patterns, as skopeo 1.22 answered.

use super::*;

/// What skopeo 1.22 says of the tags v1, v2 and v3, or that it refuses the pattern.
#[test]
fn patterns_mean_what_go_reads_in_them() {
    let all = &["v1", "v2", "v3"][..];
    let one = &["v1"][..];
    let none = &[][..];
    for (pattern, expected) in [
        (r"\Qv1\E", one),
        (r"\Qv1", one),
        (r"\Q.\E", none),
        (r"\Qv\E1|\Q[\E", one),
        (r"\pL\d", all),
        (r"\p{L}1", one),
        (r"\p{Letter}1", one),
        (r"\p{Latin}1", one),
        (r"\p{^L}1", none),
        (r"\P{^L}1", one),
        (r"[\pL]1", one),
        (r"[^\PL]1", one),
        (r"\p{Greek}1", none),
        (r"\P{Greek}1", one),
        (r"\p{Lu}", none),
        (r"\p{lu}", none),
        (r"\p{Uppercase_Letter}", none),
        (r"\p{Common}", all),
        (r"\p{punct}", none),
        (r"(?P<1x>v)1", one),
        (r"v{01}1", none),
        (r"\Qv\E{1}1", one),
        (r"(|v)1", one),
        (r"()*", all),
        (r"(?:)*1", one),
        (r"^*v1", one),
        (r"\b+v1", one),
        (r"[a-z--]1", one),
        (r"[\]v]1", one),
        (r"[[:alpha:]-v]1", one),
        (r"[\d-v]1", one),
        (r"v[1-\x{32}]", &["v1", "v2"]),
        (r"(?i)\p{Lu}1", one),
        (r"\p{Nd}", all),
        (r"\PL$", all),
        (r"\p{Any}1", one),
        (r"\P{Any}", none),
        (r"[\p{Greek}]", none),
        (r"[^\p{Greek}]1", one),
        (r"\pZ", none),
        (r"[[:word:]]1", one),
        (r"[[:^alpha:]]$", all),
        (r"(?i)V1", one),
        (r"(?U)v1", one),
        (r"(?)v1", one),
        (r"(?m)^v1$", one),
        (r"(?-i:v1)", one),
        (r"(?i-s:V)1", one),
        (r"(?:v)1", one),
        (r"(?P<x>v)1", one),
        (r"(?<x>v)1", one),
        (r"v{,2}1", none),
        (r"v{", none),
        (r"{", none),
        (r"}", none),
        (r"v{1}1", one),
        (r"v{1,}?1", one),
        (r"\x{76}1", one),
        (r"\x761", one),
        (r"\1661", one),
        (r"\bv1\b", one),
        (r"\b{start}v", none),
        (r"\A\w1\z", one),
        (r"[a&&b]", none),
        (r"[v&&x]1", one),
        (r"[]v]1", one),
        (r"[v-v]1", one),
        (r"[^v]", all),
        (r"[-v]1", one),
        (r"[v-]1", one),
        (r"[[a]b]", none),
        (r"[~~v]1", one),
        (r"\_", none),
        (r"\<", none),
        (r"#", none),
        (r"\a", none),
        (r"\0", none),
        (r"v1|", all),
        (r"^v[12]$", &["v1", "v2"]),
    ] {
        let regex = compile(pattern).unwrap_or_else(|e| panic!("{e}"));
        let found = all.iter().copied().filter(|tag| regex.is_match(tag));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{pattern}: {regex}");
    }
    for pattern in [
        "(?x)v1",
        "(?i)(?x:v1)",
        "(?R)v",
        "(?u)v1",
        "(?=v)",
        "(?i-)v",
        r"\A\Cv1",
        r"\Gv1",
        r"\1",
        r"\u0076",
        r"\h",
        r"v1\E",
        r"[\Qv\E]1",
        r"\Q\E+v",
        "a**",
        "a*?*",
        "a{2}{3}",
        "v{2000}",
        "v{3,2}",
        "[a--b]",
        r"[v-\d]",
        "[[:foo:]]",
        r"\p{Zyyy}",
        r"\pX",
        "((((v",
        "v)",
        "[v",
        "*",
        r"v\",
        r"\x{110000}",
        "(?P<x>a)(?P<x>b)",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
    assert_eq!(
        compile("(?x)v1").expect_err("a flag that Go does not know"),
        "`(?x)v1` is not a regular expression: `(?x` is not known"
    );
}

#[test]
fn plain_patterns_stay_as_they_are() {
    for pattern in [
        r"^1\.13\.[12]-alpine$",
        r"^v\d+(\.\d+)*$",
        "a|b+?",
        "[a-z]{2,3}",
    ] {
        assert_eq!(translate(pattern).expect("a pattern"), pattern);
    }
}

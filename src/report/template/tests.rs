use super::*;
use proptest::prelude::*;
use serde_json::{Value as Json, json};

fn document() -> Json {
    json!({
        "Name": "docker.io/library/x", "Digest": "sha256:1", "RepoTags": ["1", "2"],
        "Created": "2021-09-23T23:47:57.442225064Z", "DockerVersion": "", "Labels": {"b": "<2>", "a": "1"},
        "Architecture": "amd64", "Os": "linux", "Layers": ["sha256:a"],
        "LayersData": [{"MIMEType": "t", "Digest": "sha256:a", "Size": 7, "Annotations": null}],
        "Env": null, "Size": 17,
    })
}

fn run(format: &str) -> String {
    match render(format, "barque inspect", &document(), &INSPECT) {
        Ok(text) => text,
        Err(e) => e.to_string(),
    }
}

/// Checks what templates print of [`document`].
fn check(cases: &[(&str, &str)]) {
    for (format, expected) in cases {
        assert_eq!(run(format), *expected, "{format}");
    }
}

#[test]
fn prints_values_as_go_does() {
    check(&[
        ("{{.Name}} {{.Os}}", "docker.io/library/x linux\n"),
        ("a\\tb\\n", "a\tb\n"),
        // A template with a quoted newline gets no other one, as in skopeo 1.22.
        ("{{.Os}}{{\"\\n\"}}", "linux\n"),
        ("{{range .RepoTags}}{{.}}{{\"\\n\"}}{{end}}", "1\n2\n"),
        ("{{range .RepoTags}}{{.}}\\n{{end}}", "1\n2\n\n"),
        (
            "{{.Labels}} {{.RepoTags}} {{.Env}}",
            "map[a:1 b:<2>] [1 2] []\n",
        ),
        (
            "{{index .Labels \"a\"}}|{{index .Labels \"x\"}}|{{.Labels.b}}|{{.Labels.x}}",
            "1||<2>|<no value>\n",
        ),
        (
            "{{index .RepoTags 1}} {{(index .LayersData 0).Size}}",
            "2 7\n",
        ),
        ("{{.LayersData}}", "[{t sha256:a 7 map[]}]\n"),
        (
            "{{.}}",
            "{docker.io/library/x  sha256:1 [1 2] 2021-09-23 23:47:57.442225064 +0000 UTC  map[a:1 b:<2>] \
             amd64 linux [sha256:a] [{t sha256:a 7 map[]}] []    17 []    [] [] [] {    false false []}}\n",
        ),
        ("{{\"}}\"}}{{/* }} */}}", "}}\n"),
        ("{{-3}}|{{- 3}} {{ -3 -}} |", "-3|3 -3|\n"),
        (
            "\\xé {{ \"\\\\xé\" }} {{`\\xé`}}{{/* \"\\xé\" */}}",
            "\\xé \\xé \\xé\n",
        ),
        ("{{ range . }}[{{.Os}}]{{end}}", "[linux]\n"),
        (
            "table {{.Os}} {{.Size}}\\n{{.Architecture}} {{.Tag}}",
            "linux       17\namd64\n",
        ),
    ]);
}

#[test]
fn branches_and_loops_are_those_of_go() {
    check(&[
        ("{{range .RepoTags}}<{{.}}>{{else}}none{{end}}", "<1><2>\n"),
        (
            "{{range $i, $t := .RepoTags}}{{$i}}={{$t}},{{end}}",
            "0=1,1=2,\n",
        ),
        (
            "{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}",
            "a=1,b=<2>,\n",
        ),
        ("{{range .Env}}x{{else}}none{{end}}", "none\n"),
        (
            "{{range .LayersData}}{{.MIMEType}} {{.Size}}{{end}}",
            "t 7\n",
        ),
        (
            "{{if .Env}}a{{else if eq .Os \"linux\"}}b{{else}}c{{end}}",
            "b\n",
        ),
        ("{{with .Os}}{{.}}{{end}}{{with .Tag}}tag{{end}}", "linux\n"),
        (
            "{{range 3}}{{.}}{{end}}{{$a := 1}}{{$a = 2}}{{$a}}",
            "0122\n",
        ),
        (
            "{{range $i, $t := .RepoTags}}{{if $i}}{{break}}{{end}}{{$t}}{{continue}}x{{end}}",
            "1\n",
        ),
        (
            "{{range .LayersData}}{{.}}{{end}}",
            "{t sha256:a 7 map[]}\n",
        ),
        (
            "{{and .Os .Tag}}{{or .Tag .Os}} {{not .Tag}} {{ne 1 2}} {{lt 1 2}}",
            "linux true true true\n",
        ),
        (
            "{{if.Os}}y{{end}}{{range.Layers}}{{.}}{{end}}{{if .Tag}}{{else if.Os}}z{{end}}{{with.Os}}{{.}}{{end}}",
            "ysha256:azlinux\n",
        ),
    ]);
}

#[test]
fn functions_print_what_those_of_go_do() {
    check(&[
        (
            "{{json .Labels}} {{json .Os}} {{.Layers | json}}",
            "{\"a\":\"1\",\"b\":\"<2>\"} \"linux\" [\"sha256:a\"]\n",
        ),
        (
            "{{json .LayersData}}",
            "[{\"MIMEType\":\"t\",\"Digest\":\"sha256:a\",\"Size\":7,\"Annotations\":null}]\n",
        ),
        (
            "{{join .RepoTags \", \"}} {{upper .Os}} {{lower \"ABC\"}} {{title \"ab cd\"}}",
            "1, 2 LINUX abc Ab Cd\n",
        ),
        (
            "{{index (split .Name \"/\") 2}} {{len .RepoTags}} {{len .Labels}}",
            "x 2 2\n",
        ),
        (
            "{{printf \"%s %d %q %v %5s|%-6s|\" .Os .Size .Os .RepoTags .Os .Os}}",
            "linux 17 \"linux\" [1 2] linux|linux |\n",
        ),
        ("{{println .Os}}{{print 1 2}}", "linux\n1 2\n"),
        (
            "{{printf \"%d %z %[2]d %6.2f|%-8q|%+q|%x|%05d|%U|%d\" .Os 3 1.5 \"a\" \"é\" \"hi\" 42 42}}",
            "%!d(string=linux) %!z(int=3) 3   1.50|\"a\"     |\"\\u00e9\"|6869|00042|U+002A|%!d(MISSING)\n",
        ),
        (
            "{{printf \"a\" 1}} {{printf \"%+v\" (index .LayersData 0)}} {{print 1 \"a\" \"b\" 2 3}}",
            "a%!(EXTRA int=1) {MIMEType:t Digest:sha256:a Size:7 Annotations:map[]} 1ab2 3\n",
        ),
        (
            "{{html \"<a>\"}} {{js \"a'b\"}} {{urlquery \"a b&\"}} {{0x10}} {{1e3}} {{'a'}} {{1.5}}",
            "&lt;a&gt; a\\'b a+b%26 16 1000 97 1.5\n",
        ),
        // The template does not end in a newline, whatever it prints.
        ("{{range .Layers}}{{println .}}{{end}}", "sha256:a\n\n"),
        (
            "{{printf \"%v|%s\" .LayersData .Labels}}",
            "[{t sha256:a 7 map[]}]|map[a:1 b:<2>]\n",
        ),
        (
            "{{json .Created}} {{json .Env}}",
            "\"2021-09-23T23:47:57.442225064Z\" null\n",
        ),
        (
            "{{eq .Digest \"sha256:1\"}} {{len .Digest}} {{slice .Digest 7}} {{index (split .Digest \":\") 0}}",
            "true 8 1 sha256\n",
        ),
        (
            "{{.Created.Format \"2006-01-02\"}} {{(.Created.UTC).Format \"15:04\" | printf \"%q\"}}",
            "2021-09-23 \"23:47\"\n",
        ),
        ("{{truncate .Os 3}}{{pad .Os 1 2}}|", "lin linux  |\n"),
        (
            "{{\"2006\" | .Created.Format}}{{\"06\" | .Created.Format | printf \"%q\"}}{{block \"x\" .Created.Format \"01\"}}{{.}}{{end}}",
            "2021\"21\"09\n",
        ),
        ("{{printf `\\d%s\\` .Os}}{{`\"`}}", "\\dlinux\\\"\n"),
    ]);
}

#[test]
fn times_and_digests_have_their_methods() {
    check(&[
        ("{{.Created}}", "2021-09-23 23:47:57.442225064 +0000 UTC\n"),
        (
            "{{.Digest.Algorithm}} {{.Digest.Encoded}} {{.Digest.Hex}} {{(index .LayersData 0).Digest.Hex}}",
            "sha256 1 1 a\n",
        ),
        (
            "{{with .Created}}{{.Format \"06\"}}{{end}} {{.Created.Unix}} {{.Created.Year}} {{.Created.Month}}",
            "21 1632440877 2021 September\n",
        ),
        (
            "{{define \"t\"}}{{.}}{{end}}{{template \"t\" (.Created.Format \"2006\")}}",
            "2021\n",
        ),
        ("{{index .Digest 0}}", "115\n"),
    ]);
}

#[test]
fn what_is_missing_is_nil() {
    let nothing = json!({"LayersData": [{"Annotations": {}}]});
    for (format, expected) in [
        (
            "{{.Created}}|{{.Labels}}|{{.Env}}|{{.Labels.x}}|{{index .Labels \"x\"}}",
            "<nil>|map[]|[]|<no value>|\n",
        ),
        (
            "{{json .Created}} {{json .Labels}} {{json .Env}} {{json (index .LayersData 0).Annotations}}",
            "null null null {}\n",
        ),
        (
            "{{if .Created}}a{{else if .Labels}}b{{else}}c{{end}}{{range .Labels}}d{{else}}e{{end}}\
             {{range .Env}}f{{else}}g{{end}}{{with .Digest}}h{{end}}{{not .Labels}}{{len .Labels}}{{len .Env}}",
            "cegtrue00\n",
        ),
        ("{{or .Env .Created \"none\"}}", "none\n"),
        (
            "{{or .Labels \"none\"}}|{{and .Labels \"x\"}}|{{.Labels | and \"x\"}}|{{with or .Labels .Tag}}a{{end}}",
            "none|map[]|map[]|\n",
        ),
        (
            "{{if or .Labels .Digest}}a{{else}}b{{end}}{{if and (or .Labels 1) (not .Labels)}}c{{end}}",
            "bc\n",
        ),
    ] {
        let text = render(format, "barque inspect", &nothing, &INSPECT);
        assert_eq!(text.unwrap(), expected, "{format}");
    }
}

#[test]
fn json_alone_is_the_default_output() {
    assert_eq!(run(""), run("json"));
    assert_eq!(run(" json "), run("json"));
    assert_eq!(run("json"), json::to_go_json(&document()) + "\n");
    assert_eq!(run("{{json .}}"), json::to_compact_json(&document()) + "\n");
}

#[test]
fn mistakes_are_told_as_go_tells_them() {
    let told: Vec<String> = [
        "{{.Foo}}",
        "{{range .LayersData}}{{.Foo}}{{end}}",
        "{{with .Os}}{{.Foo}}{{end}}",
        "{{if .Foo}}{{end}}",
        "{{.Os.Foo}}",
        "{{(index .LayersData 0).Foo}}",
        "{{index .RepoTags 9}}",
        "{{foo .Os}}",
        "{{lower .RepoTags}}",
        "{{.Created.Format}}",
        "{{.Labels}} {{.Created.Format 1}}",
        "{{.Digest.Foo}}",
        "{{\"\\xé1\"}}",
        "{{\"\\xé1\"",
        "{{\"\\x\"}}",
        "{{\"\\u12\"}}",
        "{{if}}",
        "{{len .}}",
        "{{index . \"\"}}",
        "{{slice .Created 1}}",
        "{{range $k, $v := .}}{{$k}}{{end}}",
        "{{range .Os}}{{end}}",
        "{{if$.Os}}{{end}}",
        "{{range .Layers}}",
        "{{end}}",
        "{{$x}}",
        "{{.Os 1}}",
        "{{\"a\" | 1}}",
        "{{template \"x\"}}",
        "a\\n {{eq 1 \"a\"}}",
        &format!("{{{{{}1}}}}", "(".repeat(20_000)),
        &format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(2_000)),
        "{{.Name",
    ]
    .map(run)
    .to_vec();
    insta::assert_snapshot!(told.join("\n"), @r#"
    template: barque inspect:1:2: executing "barque inspect" at <.Foo>: can't evaluate field Foo in type struct
    template: barque inspect:1:23: executing "barque inspect" at <.Foo>: can't evaluate field Foo in type struct
    template: barque inspect:1:14: executing "barque inspect" at <.Foo>: can't evaluate field Foo in type without fields
    template: barque inspect:1:5: executing "barque inspect" at <.Foo>: can't evaluate field Foo in type struct
    template: barque inspect:1:2: executing "barque inspect" at <.Os.Foo>: can't evaluate field Foo in type without fields
    template: barque inspect:1:2: executing "barque inspect" at <(index .LayersData 0).Foo>: can't evaluate field Foo in type struct
    template: barque inspect:1:2: executing "barque inspect" at <index .RepoTags 9>: unable to get 9 in [1 2]
    template: barque inspect:1: function "foo" not defined
    template: barque inspect:1:2: executing "barque inspect" at <lower .RepoTags>: wrong arguments, use `lower TEXT`
    template: barque inspect:1:2: executing "barque inspect" at <.Created.Format>: wrong number of args for Format: want 1 got 0
    template: barque inspect:1:14: executing "barque inspect" at <.Created.Format 1>: Format takes a text such as "2006-01-02"
    template: barque inspect:1:2: executing "barque inspect" at <.Digest.Foo>: can't evaluate field Foo in type struct
    template: barque inspect:1: invalid syntax of an escape
    template: barque inspect:1: invalid syntax of an escape
    template: barque inspect:1: invalid syntax of an escape
    template: barque inspect:1: invalid syntax of an escape
    template: barque inspect:1: missing value for if
    template: barque inspect:1:2: executing "barque inspect" at <len .>: len of type struct
    template: barque inspect:1:2: executing "barque inspect" at <index . "">: can't index item of type struct
    template: barque inspect:1:2: executing "barque inspect" at <slice .Created 1>: can't slice item of type struct
    template: barque inspect:1:18: executing "barque inspect" at <.>: range can't iterate over {docker.io/library/x  sha256:1 [1 2] 2021-09-23 23:47:57.442225064 +0000 UTC  map[a:1 b:<2>] amd64 linux [sha256:a] [{t sha256:a 7 map[]}] []    17 []    [] [] [] {    false false []}}
    template: barque inspect:1:8: executing "barque inspect" at <.Os>: range can't iterate over linux
    template: barque inspect:1: unexpected bad character $ in command
    template: barque inspect:1: unexpected EOF
    template: barque inspect:1: unexpected {{end}}
    template: barque inspect:1: undefined variable "$x"
    template: barque inspect:1:2: executing "barque inspect" at <.Os 1>: Os has arguments but cannot be invoked as function
    template: barque inspect:1: non executable command in pipeline stage 2
    template: barque inspect:1:2: executing "barque inspect" at <template "x">: template "x" not defined
    template: barque inspect:2:3: executing "barque inspect" at <eq 1 "a">: incompatible types for comparison: int and string
    template: barque inspect:1: more than 64 levels of nesting
    template: barque inspect:1: more than 64 levels of nesting
    template: barque inspect:1: unclosed action
    "#);
}

#[test]
fn nesting_as_deep_as_is_allowed_has_stack_enough() {
    let deepest = || {
        let (open, close) = ("(or .Tag ".repeat(DEPTH), ")".repeat(DEPTH));
        let elses = "{{else if .Tag}}".repeat(DEPTH);
        [
            run(&format!("{{{{{open}.Os{close}}}}}")),
            run(&format!("{{{{if .Tag}}}}{elses}{{{{end}}}}x")),
        ]
    };
    // The stack of a main thread.
    let thread = std::thread::Builder::new().stack_size(8 << 20);
    let printed = thread.spawn(deepest).unwrap().join().unwrap();
    assert_eq!(printed, ["linux\n", "x\n"]);
}

#[test]
fn a_config_has_the_fields_of_go() {
    let config = json!({
        "created": "2021-01-01T00:00:00Z", "os": "linux", "os.version": "1",
        "config": {"Cmd": ["/x"], "ExposedPorts": {"80/tcp": {}}},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:a"]}, "history": [{"created_by": "ADD"}],
    });
    let format = "{{.OS}} {{.OSVersion}} {{.Config.Cmd}} {{.Config.Labels}} {{.RootFS.DiffIDs}} \
         {{(index .History 0).CreatedBy}} {{.Author}}|{{range $p, $_ := .Config.ExposedPorts}}{{$p}}{{end}}";
    let text = render(format, "barque inspect", &config, &CONFIG).unwrap();
    assert_eq!(text, "linux 1 [/x] map[] [sha256:a] ADD |80/tcp\n");
    let format = "{{.Platform}} {{.Platform.OS}} {{json .Platform}} {{(index .RootFS.DiffIDs 0).Hex}} {{.Config}}";
    let text = render(format, "barque inspect", &config, &CONFIG).unwrap();
    assert_eq!(
        text,
        "{ linux 1 [] } linux {\"os\":\"linux\",\"os.version\":\"1\"} a \
         { map[80/tcp:{}] [] [] [/x] map[]  map[]  false}\n"
    );
    assert!(render("{{.os}}", "barque inspect", &config, &CONFIG).is_err());
}

proptest! {
    #[test]
    fn nonsense_is_refused_without_a_panic(format in "\\PC{0,40}", action in "[-.$a-zA-Z0-9 \"'`|(){}:=,%/*\\\\]{0,40}") {
        let _ = run(&format);
        let _ = run(&format!("{{{{{action}}}}}"));
        let _ = run(&format!("{{{{range {action}}}}}{format}{{{{end}}}}"));
    }

    #[test]
    fn known_words_in_any_order_do_not_panic(words in prop::collection::vec(prop::sample::select(vec![
        "{{", "}}", "{{-", "-}}", "range", "if", "else", "end", "with", "define", "template", "block", "index", "slice",
        "printf", "len", "json", "split", "pad", "truncate", "call", "html", "js", "urlquery", "eq", "lt", "and", ".",
        ".Os", ".Labels", ".LayersData", ".Foo", ".Created.Format", ".Digest.Hex", ".Created.UTC", "$", "$x", ":=", "=", ",", "|", "(", ")", "\"%s\"", "\"%*d\"", "\"%[9]v\"",
        "\"\"", "'a'", "-1", "0", "99999999999999999999", "1e9", "0x", "1i", "nil", "true", "break", "continue", "/*", "*/",
    ]), 0..14)) {
        let _ = run(&words.join(" "));
        let _ = run(&format!("{{{{{}}}}}", words.join(" ")));
    }
}

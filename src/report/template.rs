//! `--format`: Go templates over the documents of this room.
//!
//! The language itself is gtmpl-ng's; what is skopeo's comes from here: the functions of its report package, `table `,
//! `\n` and `\t`, the final newline, the words of an error. `shape` says what fields there are, `value` and `rewrite`
//! make Go's types of them. User input reaches the evaluator, so a test feeds it nonsense: it must answer with an
//! error and never panic.

mod functions;
mod rewrite;
mod shape;
mod value;

use std::fmt::Write;

use gtmpl_ng::{Context, ExecError, ParseError, Template, Value};
use serde::Serialize;

use functions::FUNCTIONS;
use rewrite::{Piece, has_number, pieces, plain_texts, rewrite, words};
pub use shape::{CONFIG, INSPECT, Shape};

use super::failure::clean;
use super::{json, table};
use crate::{Error, Result};

/// Renders `document`, whose fields are those of `shape`, by `format`. As skopeo does, it ends what is printed in a
/// newline where the template itself does not end in one.
///
/// `json` is the default output, and so is nothing. `command` (`barque inspect`) names the template in errors.
///
/// # Errors
/// `Kind::Other` when the template does not parse, names an unknown field or function, or calls one wrongly.
pub fn render(
    format: &str,
    command: &str,
    document: &impl Serialize,
    shape: &Shape,
) -> Result<String> {
    if matches!(format.trim(), "json" | "") {
        return Ok(json::to_go_json(document) + "\n");
    }
    let (text, is_table) = match format.strip_prefix("table ") {
        Some(rest) => (literal(rest, true), true),
        None => (literal(format, false), false),
    };
    // Escapes by number that are right have been read by now.
    if words(&text).flatten().any(has_number) {
        let message = format!("template: {command}: invalid syntax of an escape");
        return Err(Error::other(message));
    }
    if is_nested_deeply(&text) {
        let message = format!("template: {command}: more than {DEPTH} levels of nesting");
        return Err(Error::other(message));
    }
    let written = parse(command, &text)?;
    let rewritten = rewrite(&text);
    let document = shape.value(&serde_json::to_value(document).unwrap_or_default());
    // As for skopeo, the dot of such a template is the list of all documents, of which there is one.
    let is_over_list = words(&text).any(|words| words == ["range", "."]);
    let data = Context::from(match is_over_list {
        true => Value::Array(vec![document]),
        false => document,
    });
    let out = parse(command, &rewritten)?.render(&data);
    let mut out = out.map_err(|e| {
        // Of the places of a mistake only the template as it was written knows; of methods only the other.
        let message = match written.render(&data) {
            Err(own) if !own.to_string().contains("cannot be invoked") => {
                exec_message(command, &text, &own, &own)
            }
            Err(own) => exec_message(command, &text, &own, &e),
            // The place would be one in the other.
            Ok(_) => match &e {
                ExecError::Structured(e) => format!("template: {command}: {}", clean(&e.message)),
                e => format!("template: {command}: {}", clean(&e.to_string())),
            },
        };
        Error::other(message)
    })?;
    if !text.ends_with('\n') {
        out.push('\n');
    }
    Ok(match is_table {
        true => table::align_tabs(&out),
        false => out,
    })
}

fn parse(command: &str, text: &str) -> Result<Template> {
    let mut template = Template::with_name(command);
    template.add_funcs(&FUNCTIONS);
    template
        .parse(text)
        .map_err(|e| Error::other(parse_message(command, &e)))?;
    Ok(template)
}

/// How deep parentheses, and `else if`, may be nested. Nobody's template goes deeper, and the library, which calls
/// itself for each, would run out of stack.
const DEPTH: usize = 64;

fn is_nested_deeply(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut elses = 0_usize;
    words(text).any(|words| {
        let is_else = words.contains(&"else") && words.iter().any(|w| matches!(*w, "if" | "with"));
        elses += usize::from(is_else);
        words.iter().any(|word| {
            match *word {
                "(" => depth += 1,
                ")" => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > DEPTH
        }) || elses > DEPTH
    })
}

/// `format` with `\n` and `\t` outside of actions unescaped; in a table a blank there separates columns.
fn literal(format: &str, is_table: bool) -> String {
    let unescaped = pieces(format).into_iter().map(|piece| match piece {
        Piece::Action(action) => plain_texts(action),
        Piece::Text(text) => {
            let text = text.replace("\\n", "\n").replace("\\t", "\t");
            match is_table {
                true => text.replace(' ', "\t"),
                false => text,
            }
        }
    });
    unescaped.collect()
}

fn parse_message(command: &str, error: &ParseError) -> String {
    match error {
        ParseError::WithContext(at, message) => {
            format!("template: {command}:{}: {}", at.line, clean(message))
        }
        other => format!("template: {command}: {}", clean(&other.to_string())),
    }
}

/// The words of Go for a failure while running; columns count from 0 as Go's do.
fn exec_message(command: &str, text: &str, place: &ExecError, error: &ExecError) -> String {
    let (ExecError::Structured(place), ExecError::Structured(failure)) = (place, error) else {
        return format!("template: {command}: {}", clean(&error.to_string()));
    };
    let at = &place.context;
    let start = at.col.saturating_sub(1);
    let line = text
        .lines()
        .nth(at.line.saturating_sub(1))
        .unwrap_or_default();
    let construct = line.get(start..start + at.len).unwrap_or_default();
    let what = if let Some(rest) = failure.message.strip_prefix("no field `") {
        // The library's sentence goes on with the whole document; the field is what matters.
        let field = rest.split('`').next().unwrap_or_default();
        format!("can't evaluate field {field} in type struct")
    } else if failure.message.starts_with("only maps and objects") {
        let field = construct.rsplit('.').next().unwrap_or_default();
        format!("can't evaluate field {field} in type without fields")
    } else {
        failure.message.clone()
    };
    let mut message = format!(
        "template: {command}:{}:{start}: executing \"{command}\"",
        at.line
    );
    if !construct.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(message, " at <{construct}>");
    }
    clean(&format!("{message}: {what}")).into_owned()
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn prints_what_go_prints() {
        for (format, expected) in [
            ("{{.Name}} {{.Os}}", "docker.io/library/x linux\n"),
            ("a\\tb\\n", "a\tb\n"),
            (
                "{{.Labels}} {{.RepoTags}} {{.Env}}",
                "map[a:1 b:<2>] [1 2] []\n",
            ),
            ("{{.Created}}", "2021-09-23 23:47:57.442225064 +0000 UTC\n"),
            (
                "{{index .Labels \"a\"}}|{{index .Labels \"x\"}}|{{.Labels.b}}|{{.Labels.x}}",
                "1||<2>|<no value>\n",
            ),
            (
                "{{index .RepoTags 1}} {{(index .LayersData 0).Size}}",
                "2 7\n",
            ),
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
            // The template does not end in a newline, whatever it prints.
            ("{{range .Layers}}{{println .}}{{end}}", "sha256:a\n\n"),
            ("{{.LayersData}}", "[{t sha256:a 7 map[]}]\n"),
            (
                "{{range .LayersData}}{{.}}{{end}}",
                "{t sha256:a 7 map[]}\n",
            ),
            (
                "{{printf \"%v|%s\" .LayersData .Labels}}",
                "[{t sha256:a 7 map[]}]|map[a:1 b:<2>]\n",
            ),
            (
                "{{.}}",
                "{docker.io/library/x  sha256:1 [1 2] 2021-09-23 23:47:57.442225064 +0000 UTC  map[a:1 b:<2>] \
                 amd64 linux [sha256:a] [{t sha256:a 7 map[]}] []    17 []    []}\n",
            ),
            (
                "{{json .Created}} {{json .Env}}",
                "\"2021-09-23T23:47:57.442225064Z\" null\n",
            ),
            (
                "{{.Digest.Algorithm}} {{.Digest.Encoded}} {{.Digest.Hex}} {{(index .LayersData 0).Digest.Hex}}",
                "sha256 1 1 a\n",
            ),
            (
                "{{eq .Digest \"sha256:1\"}} {{len .Digest}} {{slice .Digest 7}} {{index (split .Digest \":\") 0}}",
                "true 8 1 sha256\n",
            ),
            (
                "{{.Created.Format \"2006-01-02\"}} {{(.Created.UTC).Format \"15:04\" | printf \"%q\"}}",
                "2021-09-23 \"23:47\"\n",
            ),
            (
                "{{with .Created}}{{.Format \"06\"}}{{end}} {{.Created.Unix}} {{.Created.Year}} {{.Created.Month}}",
                "21 1632440877 2021 September\n",
            ),
            ("{{\"}}\"}}{{/* }} */}}", "}}\n"),
            ("{{truncate .Os 3}}{{pad .Os 1 2}}|", "lin linux  |\n"),
            (
                "{{and .Os .Tag}}{{or .Tag .Os}} {{not .Tag}} {{ne 1 2}} {{lt 1 2}}",
                "linux true true true\n",
            ),
            ("{{-3}}|{{- 3}} {{ -3 -}} |", "-3|3 -3|\n"),
            (
                "{{if.Os}}y{{end}}{{range.Layers}}{{.}}{{end}}{{if .Tag}}{{else if.Os}}z{{end}}{{with.Os}}{{.}}{{end}}",
                "ysha256:azlinux\n",
            ),
            (
                "{{\"2006\" | .Created.Format}}{{\"06\" | .Created.Format | printf \"%q\"}}{{block \"x\" .Created.Format \"01\"}}{{.}}{{end}}",
                "2021\"21\"09\n",
            ),
            (
                "{{define \"t\"}}{{.}}{{end}}{{template \"t\" (.Created.Format \"2006\")}}",
                "2021\n",
            ),
            (
                "\\xé {{ \"\\\\xé\" }} {{`\\xé`}}{{/* \"\\xé\" */}}",
                "\\xé \\xé \\xé\n",
            ),
            ("{{printf `\\d%s\\` .Os}}{{`\"`}}", "\\dlinux\\\"\n"),
            ("{{ range . }}[{{.Os}}]{{end}}", "[linux]\n"),
            ("{{index .Digest 0}}", "115\n"),
            (
                "table {{.Os}} {{.Size}}\\n{{.Architecture}} {{.Tag}}",
                "linux       17\namd64\n",
            ),
        ] {
            assert_eq!(run(format), expected, "{format}");
        }
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
        template: barque inspect:1: function foo not defined
        template: barque inspect:1:2: executing "barque inspect" at <lower .RepoTags>: wrong arguments, use `lower TEXT`
        template: barque inspect:1:2: executing "barque inspect" at <.Created.Format>: wrong number of args for Format: want 1 got 0
        template: barque inspect:1:14: executing "barque inspect" at <.Created.Format 1>: Format takes a text such as "2006-01-02"
        template: barque inspect:1:2: executing "barque inspect" at <.Digest.Foo>: can't evaluate field Foo in type struct
        template: barque inspect: invalid syntax of an escape
        template: barque inspect: invalid syntax of an escape
        template: barque inspect: invalid syntax of an escape
        template: barque inspect: invalid syntax of an escape
        template: barque inspect:1: missing value for if
        template: barque inspect:1:2: executing "barque inspect" at <len .>: len of type struct
        template: barque inspect:1:2: executing "barque inspect" at <index . "">: can't index item of type struct
        template: barque inspect:1:2: executing "barque inspect" at <slice .Created 1>: can't slice item of type struct
        template: barque inspect: range can't iterate over {docker.io/library/x  sha256:1 [1 2] 2021-09-23 23:47:57.442225064 +0000 UTC  map[a:1 b:<2>] amd64 linux [sha256:a] [{t sha256:a 7 map[]}] []    17 []    []}
        template: barque inspect:1:8: executing "barque inspect" at <.Os>: range can't iterate over linux
        template: barque inspect:1: unexpected bad character $ in command
        template: barque inspect: more than 64 levels of nesting
        template: barque inspect: more than 64 levels of nesting
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
}

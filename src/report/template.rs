//! `--format`: Go templates over the documents of this room.
//!
//! The language itself is gtmpl-ng's; what is skopeo's comes from here: the functions of its report package, `table `,
//! `\n` and `\t`, the final newline, the words of an error. `shape` says what fields there are. User input reaches the
//! evaluator, so a test feeds it nonsense: it must answer with an error and never panic.

mod shape;

use std::fmt::Write;

use gtmpl_ng::{Context, ExecError, FuncError, ParseError, Template, Value};
use serde::Serialize;

pub use shape::{CONFIG, INSPECT, Shape};

use super::failure::clean;
use super::{json, table};
use crate::{Error, Result};

/// Renders `document`, whose fields are those of `shape`, by `format`; the text ends in a newline.
///
/// `json` is the default output. `command` (`barque inspect`) names the template in errors.
///
/// # Errors
/// `Kind::Other` when the template does not parse, names an unknown field or function, or calls one wrongly.
pub fn render(
    format: &str,
    command: &str,
    document: &impl Serialize,
    shape: &Shape,
) -> Result<String> {
    if format == "json" {
        return Ok(json::to_go_json(document) + "\n");
    }
    let (text, is_table) = match format.strip_prefix("table ") {
        Some(rest) => (literal(rest, true), true),
        None => (literal(format, false), false),
    };
    let mut template = Template::with_name(command);
    template.add_funcs(&FUNCTIONS);
    template
        .parse(text.as_str())
        .map_err(|e| Error::other(parse_message(command, &e)))?;
    let data = shape.value(&serde_json::to_value(document).unwrap_or_default());
    let mut out = template
        .render(&Context::from(data))
        .map_err(|e| Error::other(exec_message(command, &text, &e)))?;
    if is_table {
        out = table::align_tabs(&out);
    }
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

/// `format` with `\n` and `\t` outside of actions unescaped; in a table a blank there separates columns.
fn literal(format: &str, is_table: bool) -> String {
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while !rest.is_empty() {
        let action = rest.find("{{").unwrap_or(rest.len());
        let (text, after) = rest.split_at(action);
        let mut text = text.replace("\\n", "\n").replace("\\t", "\t");
        if is_table {
            text = text.replace(' ', "\t");
        }
        out.push_str(&text);
        let end = after.find("}}").map_or(after.len(), |at| at + 2);
        out.push_str(&after[..end]);
        rest = &after[end..];
    }
    out
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
fn exec_message(command: &str, text: &str, error: &ExecError) -> String {
    let ExecError::Structured(failure) = error else {
        return format!("template: {command}: {}", clean(&error.to_string()));
    };
    let at = &failure.context;
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

const FUNCTIONS: [(&str, gtmpl_ng::Func); 9] = [
    ("index", index),
    ("join", join),
    ("json", |args| match args {
        [value] => Ok(Value::from(shape::to_json(value))),
        _ => Err(usage("json VALUE")),
    }),
    ("lower", |args| {
        text("lower TEXT", args, |t| t.to_lowercase())
    }),
    ("pad", pad),
    ("split", split),
    ("title", |args| text("title TEXT", args, title)),
    ("truncate", truncate),
    ("upper", |args| {
        text("upper TEXT", args, |t| t.to_uppercase())
    }),
];

fn usage(form: &str) -> FuncError {
    FuncError::Generic(format!("wrong arguments, use `{form}`"))
}

fn text(form: &str, args: &[Value], change: impl Fn(&str) -> String) -> Result<Value, FuncError> {
    match args {
        [Value::String(text)] => Ok(Value::from(change(text))),
        _ => Err(usage(form)),
    }
}

/// As Go's, a map gives its zero for a key that it has not: an image without the label prints an empty line.
fn index(args: &[Value]) -> Result<Value, FuncError> {
    let (first, keys) = args.split_first().ok_or_else(|| usage("index VALUE KEY"))?;
    keys.iter()
        .try_fold(first.clone(), |value, key| match (&value, key) {
            (Value::Map(map), Value::String(key)) => {
                Ok(map.get(key).cloned().unwrap_or_else(|| Value::from("")))
            }
            _ => gtmpl_ng::funcs::index(&[value, key.clone()]),
        })
}

fn join(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::Array(items), Value::String(between)] => {
            let items: Vec<String> = items.iter().map(Value::to_string).collect();
            Ok(Value::from(items.join(between)))
        }
        _ => Err(usage("join LIST SEPARATOR")),
    }
}

fn split(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), Value::String(at)] if at.is_empty() => Ok(Value::Array(
            text.chars().map(|c| Value::from(c.to_string())).collect(),
        )),
        [Value::String(text), Value::String(at)] => Ok(Value::Array(
            text.split(at.as_str()).map(Value::from).collect(),
        )),
        _ => Err(usage("split TEXT SEPARATOR")),
    }
}

fn title(text: &str) -> String {
    let mut previous = ' ';
    let capitals = text.chars().flat_map(|c| {
        let starts = !previous.is_alphanumeric();
        previous = c;
        let upper = starts.then(|| c.to_uppercase());
        upper.map_or_else(|| vec![c], Iterator::collect)
    });
    capitals.collect()
}

/// `pad TEXT BEFORE AFTER`: blanks around a text that is not empty.
fn pad(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), before, after] => match (count(before), count(after)) {
            (Some(_), Some(_)) if text.is_empty() => Ok(Value::from("")),
            (Some(b), Some(a)) => Ok(Value::from(format!(
                "{}{text}{}",
                " ".repeat(b),
                " ".repeat(a)
            ))),
            _ => Err(usage("pad TEXT BEFORE AFTER")),
        },
        _ => Err(usage("pad TEXT BEFORE AFTER")),
    }
}

fn truncate(args: &[Value]) -> Result<Value, FuncError> {
    match args {
        [Value::String(text), length] => match count(length) {
            Some(length) => Ok(Value::from(text.chars().take(length).collect::<String>())),
            None => Err(usage("truncate TEXT LENGTH")),
        },
        _ => Err(usage("truncate TEXT LENGTH")),
    }
}

/// A count of characters, at most as many as anybody wants.
fn count(value: &Value) -> Option<usize> {
    match value {
        Value::Number(n) => usize::try_from(n.as_i64()?).ok().filter(|n| *n <= 10_000),
        _ => None,
    }
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
            ("{{truncate .Os 3}}{{pad .Os 1 2}}|", "lin linux  |\n"),
            (
                "{{and .Os .Tag}}{{or .Tag .Os}} {{not .Tag}} {{ne 1 2}} {{lt 1 2}}",
                "linux true true true\n",
            ),
            (
                "table {{.Os}} {{.Size}}\\n{{.Architecture}} {{.Tag}}",
                "linux  17\namd64\n",
            ),
        ] {
            assert_eq!(run(format), expected, "{format}");
        }
    }

    #[test]
    fn json_alone_is_the_default_output() {
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
            "{{if}}",
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
        template: barque inspect:1: missing value for if
        template: barque inspect:1: unclosed action
        "#);
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
            ".Os", ".Labels", ".LayersData", ".Foo", "$", "$x", ":=", "=", ",", "|", "(", ")", "\"%s\"", "\"%*d\"", "\"%[9]v\"",
            "\"\"", "'a'", "-1", "0", "99999999999999999999", "1e9", "0x", "1i", "nil", "true", "break", "continue", "/*", "*/",
        ]), 0..14)) {
            let _ = run(&words.join(" "));
            let _ = run(&format!("{{{{{}}}}}", words.join(" ")));
        }
    }
}

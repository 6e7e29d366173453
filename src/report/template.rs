//! `--format`: Go templates over the documents of this room.
//!
//! `lex`, `parse` and `eval` are the language of Go's `text/template`; `functions` and `printf` what its actions call;
//! `shape` and `value` the types of the documents. skopeo's own is here: `table `, `\n` and `\t` outside of actions,
//! and the final newline. User input reaches all of it, so a test feeds it nonsense: it must answer with an error and
//! never panic.

mod eval;
mod functions;
mod lex;
mod parse;
mod printf;
mod shape;
mod tree;
mod typed;
mod value;

use std::ops::Range;

use serde::Serialize;

#[cfg(test)]
use parse::DEPTH;
pub(super) use printf::quote;
pub(crate) use shape::{CONFIG, INSPECT, REFERRERS, Shape};
use value::Value;

use super::failure::clean;
use super::{json, table};
use crate::{Error, Result};

/// Renders `document`, whose fields are those of `shape`, by `format`. As skopeo does, it ends what is printed in a
/// newline where the template itself does not end in one.
///
/// `json` is the default output, and so is nothing. `command` (`barque inspect`) names the template in errors. Fails
/// with `Kind::Other` when the template does not parse, names an unknown field or function, or calls one wrongly.
pub(crate) fn render(
    format: &str,
    command: &str,
    document: &impl Serialize,
    shape: &'static Shape,
) -> Result<String> {
    if matches!(format.trim(), "json" | "") {
        return Ok(json::to_go_json(document) + "\n");
    }
    let (text, is_table) = match format.strip_prefix("table ") {
        Some(rest) => (literal(rest, true), true),
        None => (literal(format, false), false),
    };
    let document = shape.value(&serde_json::to_value(document).unwrap_or_default());
    let fields = document.field_names();
    let mut out = parse::parse(&text)
        .and_then(|tree| {
            // As for skopeo, the dot of such a template is the list of all documents, of which there is one.
            let dot = match tree.ranges_over_dot {
                true => Value::List(Some([document].into())),
                false => document,
            };
            eval::run(&tree, dot)
        })
        .map_err(|mistake| {
            let error = Error::other(mistake.describe(command, &text));
            match mistake.field_meant(&fields) {
                Some(field) => error.hint(format!("did you mean `.{field}`?")),
                None => error,
            }
        })?;
    if !text.ends_with('\n') && !quotes_newline(format) {
        out.push('\n');
    }
    Ok(match is_table {
        true => table::align_tabs(&out),
        false => out,
    })
}

/// `format` with `\n` and `\t` outside of actions unescaped; in a table a blank there separates columns.
fn literal(format: &str, is_table: bool) -> String {
    let mut out = String::new();
    let mut at = 0;
    while at < format.len() {
        let action = format[at..]
            .find("{{")
            .map_or(format.len(), |open| at + open);
        let text = format[at..action].replace("\\n", "\n").replace("\\t", "\t");
        out.push_str(&match is_table {
            true => text.replace(' ', "\t"),
            false => text,
        });
        if action == format.len() {
            break;
        }
        at = lex::action_end(format, action);
        out.push_str(&format[action..at]);
    }
    out
}

/// Whether an action of `format` has `\n` in a quoted text. Such a template says by itself where its lines end.
fn quotes_newline(format: &str) -> bool {
    let mut at = 0;
    while let Some(open) = format[at..].find("{{") {
        let end = lex::action_end(format, at + open);
        let mut quoted = format[at + open..end].split('"').skip(1).step_by(2);
        if quoted.any(|text| text.contains("\\n")) {
            return true;
        }
        at = end;
    }
    false
}

/// A mistake in a template, with its position.
#[derive(Debug)]
struct Mistake {
    /// The bytes of the template that are meant.
    span: Range<usize>,
    message: String,
    is_executing: bool,
}

impl Mistake {
    /// One that shows when the template is read.
    fn at(span: Range<usize>, message: impl Into<String>) -> Mistake {
        Mistake {
            span,
            message: message.into(),
            is_executing: false,
        }
    }

    /// One that shows only with the document.
    fn executing(self) -> Mistake {
        Mistake {
            is_executing: true,
            ..self
        }
    }

    /// The one of `fields` that differs from an unknown one in capital letters only.
    fn field_meant<'a>(&self, fields: &'a [String]) -> Option<&'a String> {
        let rest = self.message.strip_prefix("can't evaluate field ")?;
        let name = rest.split(' ').next()?;
        fields.iter().find(|field| field.eq_ignore_ascii_case(name))
    }

    /// The words of Go, which counts lines from 1 and columns from 0.
    fn describe(&self, command: &str, text: &str) -> String {
        let before = &text[..self.span.start];
        let line = 1 + before.matches('\n').count();
        let message = match self.is_executing {
            false => format!("template: {command}:{line}: {}", self.message),
            true => {
                let column = before.len() - before.rfind('\n').map_or(0, |at| at + 1);
                let construct = &text[self.span.clone()];
                format!(
                    "template: {command}:{line}:{column}: executing \"{command}\" at <{construct}>: {}",
                    self.message
                )
            }
        };
        clean(&message).into_owned()
    }
}

#[cfg(test)]
mod tests;

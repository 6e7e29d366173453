//! Runs the tree of a template over a document, as Go's `text/template` does. What values are able to do, `value`
//! knows; what functions do, `functions`.

use std::ops::Range;

use super::tree::{Base, Branch, Command, Node, Pipeline, Term, Tree};
use super::value::Value;
use super::{Mistake, functions};

/// How deep templates may call each other.
const CALLS: usize = 100;

/// The output of the template for `dot`. Fails where a field does not exist, or a function is called with arguments
/// that it does not take.
pub(super) fn run(tree: &Tree, dot: Value) -> Result<String, Mistake> {
    let mut run = Run {
        tree,
        variables: vec![("$", dot.clone())],
        out: String::new(),
        calls: 0,
    };
    run.nodes(&tree.main, &dot)?;
    Ok(run.out)
}

struct Run<'t> {
    tree: &'t Tree,
    variables: Vec<(&'t str, Value)>,
    out: String,
    calls: usize,
}

/// How evaluation goes on after a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

impl<'t> Run<'t> {
    fn nodes(&mut self, nodes: &'t [Node], dot: &Value) -> Result<Flow, Mistake> {
        for node in nodes {
            match node {
                Node::Text(text) => self.out.push_str(text),
                Node::Print(pipeline) => {
                    let value = self.pipeline(pipeline, dot)?;
                    if pipeline.variables.is_empty() {
                        self.out.push_str(&value.to_string());
                    }
                }
                Node::Branch(kind, pipeline, body, otherwise) => {
                    let declared = self.variables.len();
                    let flow = self.branch(*kind, pipeline, (body, otherwise), dot)?;
                    self.variables.truncate(declared);
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                Node::Call(name, pipeline, span) => {
                    self.call(name, pipeline.as_ref(), span, dot)?;
                }
                Node::Break => return Ok(Flow::Break),
                Node::Continue => return Ok(Flow::Continue),
            }
        }
        Ok(Flow::Next)
    }

    fn branch(
        &mut self,
        kind: Branch,
        pipeline: &'t Pipeline,
        (body, otherwise): (&'t [Node], &'t [Node]),
        dot: &Value,
    ) -> Result<Flow, Mistake> {
        if kind == Branch::Range {
            return self.range(pipeline, (body, otherwise), dot);
        }
        let value = self.pipeline(pipeline, dot)?;
        match value.is_true() {
            true if kind == Branch::With => self.nodes(body, &value),
            true => self.nodes(body, dot),
            false => self.nodes(otherwise, dot),
        }
    }

    fn range(
        &mut self,
        pipeline: &'t Pipeline,
        (body, otherwise): (&'t [Node], &'t [Node]),
        dot: &Value,
    ) -> Result<Flow, Mistake> {
        // The variables hold an item and its key at a time, not the whole.
        let over = self.commands(pipeline, dot)?;
        let Some(items) = over.items() else {
            let span = pipeline.commands[0].span.clone();
            return Err(Mistake::at(span, format!("range can't iterate over {over}")).executing());
        };
        let declared = self.variables.len();
        let mut is_empty = true;
        for (key, item) in items {
            is_empty = false;
            let values = match pipeline.variables.len() {
                2 => vec![key, item.clone()],
                _ => vec![item.clone()],
            };
            for (name, value) in pipeline.variables.iter().zip(values) {
                self.set(name, value, pipeline.assigns);
            }
            let flow = self.nodes(body, &item)?;
            self.variables.truncate(declared);
            if flow == Flow::Break {
                break;
            }
        }
        match is_empty {
            true => self.nodes(otherwise, dot),
            false => Ok(Flow::Next),
        }
    }

    fn call(
        &mut self,
        name: &str,
        pipeline: Option<&'t Pipeline>,
        span: &Range<usize>,
        dot: &Value,
    ) -> Result<(), Mistake> {
        let mistake = |message: String| Err(Mistake::at(span.clone(), message).executing());
        let Some(nodes) = self.tree.defined.get(name) else {
            return mistake(format!("template \"{name}\" not defined"));
        };
        if self.calls == CALLS {
            return mistake(format!("more than {CALLS} templates call each other"));
        }
        let dot = match pipeline {
            Some(pipeline) => self.pipeline(pipeline, dot)?,
            None => Value::Missing,
        };
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        self.calls += 1;
        self.nodes(nodes, &dot)?;
        self.calls -= 1;
        self.variables = outer;
        Ok(())
    }

    fn set(&mut self, name: &'t str, value: Value, assigns: bool) {
        let known = self.variables.iter_mut().rev().find(|(n, _)| *n == name);
        match known.filter(|_| assigns) {
            Some((_, old)) => *old = value,
            None => self.variables.push((name, value)),
        }
    }

    fn pipeline(&mut self, pipeline: &'t Pipeline, dot: &Value) -> Result<Value, Mistake> {
        let value = self.commands(pipeline, dot)?;
        for name in &pipeline.variables {
            self.set(name, value.clone(), pipeline.assigns);
        }
        Ok(value)
    }

    /// The value of a pipeline: each command gets that of the one before as its last argument.
    fn commands(&mut self, pipeline: &'t Pipeline, dot: &Value) -> Result<Value, Mistake> {
        let mut last = None;
        for command in &pipeline.commands {
            last = Some(self.command(command, dot, last)?);
        }
        Ok(last.unwrap_or(Value::Missing))
    }

    fn command(
        &mut self,
        command: &'t Command,
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Value, Mistake> {
        let Some((first, rest)) = command.terms.split_first() else {
            return Ok(Value::Missing);
        };
        let has_arguments = !rest.is_empty() || last.is_some();
        let at = |message: String| Mistake::at(command.span.clone(), message).executing();
        if let Base::Function(name) = &first.base {
            if let "and" | "or" = name.as_str() {
                return self.logic(name == "and", rest, dot, last).ok_or_else(|| {
                    at(format!(
                        "wrong number of args for {name}: want at least 1 got 0"
                    ))
                })?;
            }
            let arguments = self.arguments(rest, dot, last)?;
            return functions::call(name, &arguments).map_err(at);
        }
        let Some((method, fields)) = first.fields.split_last().filter(|_| has_arguments) else {
            return match first.base {
                Base::Nil => Err(at("nil is not a command".to_owned())),
                _ if has_arguments => Err(at("can't give argument to non-function".to_owned())),
                _ => self.term(first, dot),
            };
        };
        let of = self.fields(first, fields, dot)?;
        let arguments = self.arguments(rest, dot, last)?;
        of.method(method, &arguments).map_err(at)
    }

    /// `and` and `or`, which leave out what need not be known; `None` without arguments.
    fn logic(
        &mut self,
        is_and: bool,
        terms: &'t [Term],
        dot: &Value,
        last: Option<Value>,
    ) -> Option<Result<Value, Mistake>> {
        let mut value = None;
        for term in terms {
            match self.argument(term, dot) {
                Ok(found) if found.is_true() != is_and => return Some(Ok(found)),
                Ok(found) => value = Some(found),
                Err(mistake) => return Some(Err(mistake)),
            }
        }
        last.or(value).map(Ok)
    }

    fn arguments(
        &mut self,
        terms: &'t [Term],
        dot: &Value,
        last: Option<Value>,
    ) -> Result<Vec<Value>, Mistake> {
        let mut values = Vec::new();
        for term in terms {
            values.push(self.argument(term, dot)?);
        }
        values.extend(last);
        Ok(values)
    }

    fn argument(&mut self, term: &'t Term, dot: &Value) -> Result<Value, Mistake> {
        match &term.base {
            Base::Function(name) => functions::call(name, &[])
                .map_err(|message| Mistake::at(term.span.clone(), message).executing()),
            _ => self.term(term, dot),
        }
    }

    fn term(&mut self, term: &'t Term, dot: &Value) -> Result<Value, Mistake> {
        self.fields(term, &term.fields, dot)
    }

    /// The value of `term`, with these of its fields.
    fn fields(&mut self, term: &'t Term, fields: &[String], dot: &Value) -> Result<Value, Mistake> {
        let mut value = match &term.base {
            Base::Dot => dot.clone(),
            Base::Nil => Value::Nil,
            Base::Constant(value) => value.clone(),
            Base::Variable(name) => {
                let found = self.variables.iter().rev().find(|(n, _)| n == name);
                found.map_or(Value::Missing, |(_, value)| value.clone())
            }
            Base::Function(_) => Value::Missing,
            Base::Group(pipeline) => self.pipeline(pipeline, dot)?,
        };
        for field in fields {
            let found = value.field(field);
            value = found.map_err(|e| Mistake::at(term.span.clone(), e).executing())?;
        }
        Ok(value)
    }
}

//! The grammar of Go's templates: tokens become a tree. It knows the names of functions and no values.

use std::collections::HashMap;

use super::lex::{Kind, Token, lex};
use super::tree::{Base, Branch, Command, Node, Pipeline, Term, Tree};
use super::value::Value;
use super::{Mistake, functions};

/// How deep parentheses and control structures may be nested. The parser and the evaluator call themselves for each.
pub(super) const DEPTH: usize = 64;

/// Fails where `text` is no template.
pub(super) fn parse(text: &str) -> Result<Tree, Mistake> {
    let tokens = lex(text)?;
    let is_range = |t: &[&Kind]| {
        *t[0] == Kind::Word("range".to_owned()) && t[1..] == [&Kind::Dot, &Kind::Close]
    };
    let words: Vec<_> = tokens
        .iter()
        .map(|t| &t.kind)
        .filter(|k| **k != Kind::Space)
        .collect();
    let ranges_over_dot = words.windows(3).any(is_range);
    let mut parser = Parser {
        tokens,
        at: 0,
        end: text.len(),
        depth: 0,
        loops: 0,
        variables: vec!["$".to_owned()],
        defined: HashMap::new(),
    };
    let (main, end) = parser.nodes()?;
    match end {
        None => Ok(Tree {
            main,
            defined: parser.defined,
            ranges_over_dot,
        }),
        Some(word) => parser.mistake(format!("unexpected {{{{{word}}}}}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    end: usize,
    depth: usize,
    /// How many `range` are open.
    loops: usize,
    variables: Vec<String>,
    defined: HashMap<String, Vec<Node>>,
}

impl Parser {
    fn peek(&self) -> Option<&Kind> {
        self.tokens.get(self.at).map(|t| &t.kind)
    }

    /// Where the next token begins.
    fn here(&self) -> usize {
        self.tokens.get(self.at).map_or(self.end, |t| t.start)
    }

    /// Where the last token ended.
    fn behind(&self) -> usize {
        self.tokens
            .get(self.at.wrapping_sub(1))
            .map_or(0, |t| t.end)
    }

    fn mistake<T>(&self, message: impl Into<String>) -> Result<T, Mistake> {
        let at = self.here();
        Err(Mistake::at(at..at, message))
    }

    fn skip_space(&mut self) {
        while self.peek() == Some(&Kind::Space) {
            self.at += 1;
        }
    }

    /// Takes the next token if it is this sign, spaces before it included.
    fn takes(&mut self, sign: &str) -> bool {
        let before = self.at;
        self.skip_space();
        let is_it = matches!(self.peek(), Some(Kind::Sign(s)) if *s == sign);
        self.at = if is_it { self.at + 1 } else { before };
        is_it
    }

    fn close(&mut self, context: &str) -> Result<(), Mistake> {
        self.skip_space();
        match self.peek() {
            Some(Kind::Close) => {
                self.at += 1;
                Ok(())
            }
            _ => self.mistake(format!("unexpected token in {context}")),
        }
    }

    /// Enters one more level; the caller leaves it.
    fn enter(&mut self) -> Result<(), Mistake> {
        self.depth += 1;
        if self.depth > DEPTH + 1 {
            return self.mistake(format!("more than {DEPTH} levels of nesting"));
        }
        Ok(())
    }

    /// Nodes up to an `end` or `else`, which is taken and returned, or up to the end of the template.
    fn nodes(&mut self) -> Result<(Vec<Node>, Option<&'static str>), Mistake> {
        let mut nodes = Vec::new();
        while let Some(kind) = self.peek() {
            if let Kind::Text(text) = kind {
                nodes.push(Node::Text(text.clone()));
                self.at += 1;
                continue;
            }
            self.skip_space();
            let word = match self.peek() {
                Some(Kind::Word(word)) => word.clone(),
                _ => String::new(),
            };
            let start = self.here();
            self.at += 1;
            match word.as_str() {
                "end" => {
                    self.close("end")?;
                    return Ok((nodes, Some("end")));
                }
                "else" => return Ok((nodes, Some("else"))),
                "if" => nodes.push(self.branch(Branch::If)?),
                "with" => nodes.push(self.branch(Branch::With)?),
                "range" => nodes.push(self.branch(Branch::Range)?),
                "break" | "continue" => {
                    self.close(&word)?;
                    if self.loops == 0 {
                        return self.mistake(format!("{{{{{word}}}}} outside {{{{range}}}}"));
                    }
                    nodes.push(if word == "break" {
                        Node::Break
                    } else {
                        Node::Continue
                    });
                }
                "define" => self.define()?,
                "template" | "block" => nodes.push(self.call(start, word == "block")?),
                _ => {
                    self.at -= 1;
                    nodes.push(Node::Print(self.pipeline("command")?));
                    self.close("command")?;
                }
            }
        }
        Ok((nodes, None))
    }

    fn branch(&mut self, kind: Branch) -> Result<Node, Mistake> {
        let context = match kind {
            Branch::If => "if",
            Branch::With => "with",
            Branch::Range => "range",
        };
        self.enter()?;
        let declared = self.variables.len();
        let pipeline = self.pipeline(context)?;
        self.close(context)?;
        self.loops += usize::from(kind == Branch::Range);
        let (body, end) = self.nodes()?;
        self.loops -= usize::from(kind == Branch::Range);
        let mut otherwise = Vec::new();
        match end {
            Some("else") => {
                self.skip_space();
                let again = match self.peek() {
                    Some(Kind::Word(word)) if word == "if" && kind == Branch::If => {
                        Some(Branch::If)
                    }
                    Some(Kind::Word(word)) if word == "with" && kind == Branch::With => {
                        Some(Branch::With)
                    }
                    _ => None,
                };
                if let Some(kind) = again {
                    self.at += 1;
                    otherwise.push(self.branch(kind)?);
                } else {
                    self.close("else")?;
                    let (nodes, end) = self.nodes()?;
                    if end != Some("end") {
                        return self.mistake("expected end; found {{else}}");
                    }
                    otherwise = nodes;
                }
            }
            Some(_) => {}
            None => return self.mistake("unexpected EOF"),
        }
        self.variables.truncate(declared);
        self.depth -= 1;
        Ok(Node::Branch(kind, pipeline, body, otherwise))
    }

    fn name(&mut self, context: &str) -> Result<String, Mistake> {
        self.skip_space();
        match self.peek() {
            Some(Kind::Constant(Value::Text(name))) => {
                let name = name.to_string();
                self.at += 1;
                Ok(name)
            }
            _ => self.mistake(format!(
                "unexpected token in {context}: a name in quotes is missing"
            )),
        }
    }

    /// Parses the body of a `define` or `block`, which has its own variables.
    fn body(&mut self, name: String) -> Result<(), Mistake> {
        self.enter()?;
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let loops = std::mem::take(&mut self.loops);
        let (nodes, end) = self.nodes()?;
        self.variables = outer;
        self.loops = loops;
        self.depth -= 1;
        if end != Some("end") {
            return self.mistake("unexpected EOF");
        }
        self.defined.insert(name, nodes);
        Ok(())
    }

    fn define(&mut self) -> Result<(), Mistake> {
        let name = self.name("define")?;
        self.close("define")?;
        self.body(name)
    }

    fn call(&mut self, start: usize, is_block: bool) -> Result<Node, Mistake> {
        let context = if is_block { "block" } else { "template" };
        let name = self.name(context)?;
        self.skip_space();
        let pipeline = match self.peek() {
            Some(Kind::Close) if !is_block => None,
            _ => Some(self.pipeline(context)?),
        };
        let span = start..self.behind();
        self.close(context)?;
        if is_block {
            self.body(name.clone())?;
        }
        Ok(Node::Call(name, pipeline, span))
    }

    fn pipeline(&mut self, context: &str) -> Result<Pipeline, Mistake> {
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            self.skip_space();
            if matches!(self.peek(), None | Some(Kind::Close | Kind::Sign(_)))
                && self.peek() != Some(&Kind::Sign("("))
            {
                return self.mistake(format!("missing value for {context}"));
            }
            commands.push(self.command()?);
            if !self.takes("|") {
                break;
            }
        }
        let later = commands.iter().enumerate().skip(1);
        for (stage, command) in later {
            let first = &command.terms[0];
            if matches!(first.base, Base::Constant(_) | Base::Nil)
                || matches!(first.base, Base::Dot) && first.fields.is_empty()
            {
                let message = format!("non executable command in pipeline stage {}", stage + 1);
                return Err(Mistake::at(first.span.clone(), message));
            }
        }
        self.variables
            .extend(variables.iter().filter(|_| !assigns).cloned());
        Ok(Pipeline {
            variables,
            assigns,
            commands,
        })
    }

    /// `$x := ` and the like before a pipeline; a `range` may declare two.
    fn declarations(&mut self, context: &str) -> Result<(Vec<String>, bool), Mistake> {
        let before = self.at;
        let mut names = Vec::new();
        loop {
            self.skip_space();
            let Some(Kind::Variable(name)) = self.peek() else {
                break;
            };
            names.push(name.clone());
            self.at += 1;
            let assigns = if self.takes(":=") {
                false
            } else if self.takes("=") {
                true
            } else if context == "range" && names.len() == 1 && self.takes(",") {
                continue;
            } else {
                break;
            };
            let unknown = names
                .iter()
                .find(|name| assigns && !self.variables.contains(name));
            if let Some(name) = unknown {
                return self.mistake(format!("undefined variable \"{name}\""));
            }
            return Ok((names, assigns));
        }
        self.at = before;
        Ok((Vec::new(), false))
    }

    fn command(&mut self) -> Result<Command, Mistake> {
        let start = self.here();
        let mut terms = vec![self.term()?];
        let mut end = self.behind();
        loop {
            let before = self.at;
            self.skip_space();
            match self.peek() {
                None | Some(Kind::Close) | Some(Kind::Sign("|" | ")")) => break,
                _ if before == self.at => return self.mistake("unexpected token in operand"),
                _ => terms.push(self.term()?),
            }
            end = self.behind();
        }
        Ok(Command {
            terms,
            span: start..end,
        })
    }

    fn term(&mut self) -> Result<Term, Mistake> {
        let start = self.here();
        let token = self.tokens.get(self.at).map(|t| t.kind.clone());
        self.at += 1;
        let mut fields = Vec::new();
        let base = match token {
            Some(Kind::Dot) => Base::Dot,
            Some(Kind::Field(name)) => {
                fields.push(name);
                Base::Dot
            }
            Some(Kind::Constant(value)) => Base::Constant(value),
            Some(Kind::Variable(name)) if self.variables.contains(&name) => Base::Variable(name),
            Some(Kind::Variable(name)) => {
                self.at -= 1;
                return self.mistake(format!("undefined variable \"{name}\""));
            }
            Some(Kind::Word(word)) if word == "nil" => Base::Nil,
            Some(Kind::Word(word)) if functions::exists(&word) => Base::Function(word),
            Some(Kind::Word(word)) => {
                self.at -= 1;
                return self.mistake(match word.as_str() {
                    "if" | "with" | "range" | "else" | "end" | "define" | "template" | "block"
                    | "break" | "continue" => format!("unexpected <{word}> in command"),
                    _ => format!("function \"{word}\" not defined"),
                });
            }
            Some(Kind::Sign("(")) => {
                self.enter()?;
                let pipeline = self.pipeline("parenthesized pipeline")?;
                if !self.takes(")") {
                    return self.mistake("unclosed left paren");
                }
                self.depth -= 1;
                Base::Group(pipeline)
            }
            _ => {
                self.at -= 1;
                return self.mistake("unexpected token in command");
            }
        };
        while let Some(Kind::Field(name)) = self.peek() {
            fields.push(name.clone());
            self.at += 1;
        }
        let span = start..self.behind();
        if !fields.is_empty() && matches!(base, Base::Constant(_) | Base::Nil) {
            return Err(Mistake::at(span, "unexpected . after term"));
        }
        Ok(Term { base, fields, span })
    }
}

//! The tree of a template, as the parser makes it and the evaluator reads it.

use std::collections::HashMap;
use std::ops::Range;

use super::value::Value;

#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    /// `{{pipeline}}`
    Print(Pipeline),
    /// `if`, `with` or `range`: what follows the pipeline, and what follows `else`.
    Branch(Branch, Pipeline, Vec<Node>, Vec<Node>),
    /// `{{template "name" pipeline}}`
    Call(String, Option<Pipeline>, Range<usize>),
    Break,
    Continue,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Branch {
    If,
    With,
    Range,
}

#[derive(Debug)]
pub(super) struct Pipeline {
    /// Declared, or assigned where `assigns`.
    pub(super) variables: Vec<String>,
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

/// A term and its arguments.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) terms: Vec<Term>,
    pub(super) span: Range<usize>,
}

/// A value and the fields behind it: `.Created.Year`, `$x`, `(index .Layers 0)`.
#[derive(Debug)]
pub(super) struct Term {
    pub(super) base: Base,
    pub(super) fields: Vec<String>,
    pub(super) span: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Base {
    Dot,
    Nil,
    Constant(Value),
    Variable(String),
    Function(String),
    Group(Pipeline),
}

/// A template and those that it defines.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) main: Vec<Node>,
    pub(super) defined: HashMap<String, Vec<Node>>,
    /// Whether an action is `{{range .}}`.
    pub(super) ranges_over_dot: bool,
}

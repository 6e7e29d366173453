//! The one error of the library: a sentence, its class, a hint and the cause.
//!
//! It is separate from the rooms because all of them return it; it must not know any of them. What only one
//! room cares about (an HTTP status, a registry's error codes) travels as the typed cause and can be had by
//! `downcast` from [`std::error::Error::source`].

use std::error::Error as StdError;
use std::{fmt, io};

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What class of failure an [`Error`] is; each has its own exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Anything without a class of its own, usage errors included (exit code 1).
    Other,
    /// The image, tag, blob or repository does not exist (2).
    NotFound,
    /// Authentication or permission, or an image that a signature policy refuses (3).
    NotAllowed,
    /// Content does not match its digest, size or type (4).
    Corrupt,
    /// Network trouble, or a registry that does not answer properly, after the retries (5).
    Unavailable,
    /// The destination refuses: media type, immutable tag, disk full (6).
    Refused,
}

impl Kind {
    /// The exit code of a command that ends with this class of failure.
    pub fn exit_code(self) -> u8 {
        match self {
            Kind::Other => 1,
            Kind::NotFound => 2,
            Kind::NotAllowed => 3,
            Kind::Corrupt => 4,
            Kind::Unavailable => 5,
            Kind::Refused => 6,
        }
    }

    /// The class of the failure `e` to open a file that is there.
    pub(crate) fn of_file(e: &io::Error) -> Kind {
        match e.kind() {
            io::ErrorKind::PermissionDenied => Kind::NotAllowed,
            _ => Kind::Other,
        }
    }
}

/// What went wrong: one sentence without a full stop, a class, perhaps a hint, perhaps a cause.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of class `kind` that says `message` (one sentence, no full stop, literals in backticks).
    pub fn new(kind: Kind, message: impl Into<String>) -> Error {
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            source: None,
        }))
    }

    /// An error of class [`Kind::NotFound`].
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(Kind::NotFound, message)
    }

    /// An error of class [`Kind::NotAllowed`].
    pub fn not_allowed(message: impl Into<String>) -> Error {
        Error::new(Kind::NotAllowed, message)
    }

    /// An error of class [`Kind::Corrupt`].
    pub fn corrupt(message: impl Into<String>) -> Error {
        Error::new(Kind::Corrupt, message)
    }

    /// An error of class [`Kind::Unavailable`].
    pub fn unavailable(message: impl Into<String>) -> Error {
        Error::new(Kind::Unavailable, message)
    }

    /// An error of class [`Kind::Refused`].
    pub fn refused(message: impl Into<String>) -> Error {
        Error::new(Kind::Refused, message)
    }

    /// An error of class [`Kind::Other`].
    pub fn other(message: impl Into<String>) -> Error {
        Error::new(Kind::Other, message)
    }

    /// Sets the cause, kept typed for `downcast_ref`.
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Error {
        self.0.source = Some(cause.into());
        self
    }

    /// Sets what the reader can try; printed on a line of its own as `hint: ...`.
    pub fn hint(mut self, hint: impl Into<String>) -> Error {
        self.0.hint = Some(hint.into());
        self
    }

    /// Says in `message` what was being done; class and hint are those of the error it wraps.
    pub fn context(self, message: impl Into<String>) -> Error {
        let kind = self.kind();
        Error(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            source: Some(Box::new(self)),
        }))
    }

    /// This error and what caused it, outermost first.
    pub(crate) fn chain(&self) -> impl Iterator<Item = &(dyn StdError + 'static)> {
        let first: &(dyn StdError + 'static) = self;
        std::iter::successors(Some(first), |&e| e.source())
    }

    /// The messages of the chain, outermost first, each as `shown` makes it; a cause that the message above it already quotes is
    /// left out.
    pub(crate) fn on_one_line(&self, shown: impl Fn(&str) -> String) -> String {
        let mut line = String::new();
        let mut above = String::new();
        for cause in self.chain() {
            let message = shown(&cause.to_string());
            if message.is_empty() || above.contains(&message) {
                continue;
            }
            if !line.is_empty() {
                line.push_str(": ");
            }
            line.push_str(&message);
            above = message;
        }
        line
    }

    /// The class of this failure.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The innermost hint along the chain of barque's own errors: it knows most.
    pub fn advice(&self) -> Option<&str> {
        let inner = self
            .0
            .source
            .as_ref()
            .and_then(|s| s.downcast_ref::<Error>())
            .and_then(Error::advice);
        inner.or(self.0.hint.as_deref())
    }
}

/// The message; with `{:#}` also those of its causes.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match f.alternate() {
            true => f.write_str(&self.on_one_line(str::to_owned)),
            false => f.write_str(&self.0.message),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.0.kind, self.0.message)?;
        if let Some(source) = &self.0.source {
            write!(f, ": {source:?}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|s| s as &(dyn StdError + 'static))
    }
}

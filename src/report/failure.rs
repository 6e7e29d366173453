//! How a command ends when it fails: the words on stderr and the exit code.
//!
//! It is separate from the commands so that all of them fail alike (laws 8 and 9), and it is the one place that
//! makes remote text safe for a terminal. It adds no knowledge: class, context and hint come with the error.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, IsTerminal, Write};

use crate::Error;

/// The most characters of one message that are shown; a registry may answer with a whole page.
const LONGEST: usize = 2000;

/// Why a command ends without its result.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command failed.
    Error(Error),
    /// clap's answer to the command line: a mistake, or the text of `--help` or `--version`.
    Usage(clap::Error),
    /// The reader of standard output went away, which is not reported, as in ripgrep.
    ClosedStdout,
    /// The errors have been printed already; this is the exit code.
    Reported(u8),
}

impl From<Error> for Failure {
    fn from(e: Error) -> Failure {
        Failure::Error(e)
    }
}

const STDOUT: &str = "writing to standard output";

impl Failure {
    /// The failure for an error on writing to standard output.
    pub(crate) fn on_stdout(e: io::Error) -> Failure {
        match e.kind() {
            io::ErrorKind::BrokenPipe => Failure::ClosedStdout,
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => Error::refused(STDOUT).because(e).into(),
            _ => Error::other(STDOUT).because(e).into(),
        }
    }

    /// Prints to stderr why the command failed, and returns the exit code. The texts of `--help` and `--version` go to
    /// stdout.
    ///
    /// `advice` gets the hint and returns it as it is shown.
    pub(crate) fn report(&self, advice: impl Fn(&str) -> String) -> u8 {
        match self {
            Failure::Error(e) => return report(e, advice),
            Failure::Usage(usage) => match usage.print() {
                Err(e) if !usage.use_stderr() => return Failure::on_stdout(e).report(advice),
                // There is nowhere to report that stderr itself is closed.
                _ => {}
            },
            Failure::ClosedStdout | Failure::Reported(_) => {}
        }
        self.exit_code()
    }

    /// The exit code of the program; 1 for a mistake on the command line, 0 for a closed stdout and clap's help texts.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Failure::Error(e) => e.kind().exit_code(),
            Failure::Usage(usage) => u8::from(usage.use_stderr()),
            Failure::ClosedStdout => 0,
            Failure::Reported(code) => *code,
        }
    }
}

/// Prints `error` to stderr and returns its exit code. `advice` gets the hint and returns it as it is shown.
pub(crate) fn report(error: &Error, advice: impl Fn(&str) -> String) -> u8 {
    let text = describe_with(error, wants_colour(&io::stderr()), advice);
    let _ = io::stderr().write_all(text.as_bytes());
    error.kind().exit_code()
}

/// The text for `error`, newline included: `barque: ` and the chain on one line, then after a blank line the hint.
pub(crate) fn describe(error: &Error, colour: bool) -> String {
    describe_with(error, colour, str::to_owned)
}

fn describe_with(error: &Error, colour: bool, shown: impl Fn(&str) -> String) -> String {
    let (red, cyan, plain) = match colour {
        true => ("\x1b[1;31m", "\x1b[1;36m", "\x1b[0m"),
        false => ("", "", ""),
    };
    let mut text = format!("{red}barque:{plain} {}\n", one_line(error));
    if let Some(hint) = advice(error) {
        text.push_str(&format!("\n{cyan}hint:{plain} {}\n", clean(&shown(hint))));
    }
    text
}

/// The chain of `error` on one line, outermost first; a cause that the message above it already quotes is left out.
pub(crate) fn one_line(error: &Error) -> String {
    error.on_one_line(|message| clean(message).into_owned())
}

/// `text` from elsewhere, made safe to show: control characters and those that reorder text are removed (a newline
/// or tab leaves a blank), and what is longer than 2000 characters ends in `…`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && !text.contains(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = text
        .trim_end()
        .chars()
        .map(|c| if matches!(c, '\n' | '\t') { ' ' } else { c })
        .filter(|&c| !is_unsafe(c));
    let mut shown: String = safe.by_ref().take(LONGEST).collect();
    if safe.next().is_some() {
        shown.push('…');
    }
    Cow::Owned(shown)
}

/// Whether a character controls a terminal or reorders the text around it.
pub(super) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The bytes of a result as a terminal may show them: what [`clean`] removes is written as in a string of JSON, `\u009b`,
/// so that JSON stays what it was. Line ends and tabs are kept.
pub(crate) fn visible(bytes: &[u8]) -> Cow<'_, [u8]> {
    let text = String::from_utf8_lossy(bytes);
    let is_kept = |at: usize, c: char| {
        matches!(c, '\n' | '\t') || text[at..].starts_with("\r\n") || !is_unsafe(c)
    };
    if text.char_indices().all(|(at, c)| is_kept(at, c)) {
        return Cow::Borrowed(bytes);
    }
    let mut shown = String::with_capacity(text.len() + 64);
    for (at, c) in text.char_indices() {
        match is_kept(at, c) {
            true => shown.push(c),
            false => shown.push_str(&format!("\\u{:04x}", u32::from(c))),
        }
    }
    Cow::Owned(shown.into_bytes())
}

/// Whether `stream` is a terminal that may be sent colours: `NO_COLOR` is not set and the terminal is not `dumb`.
pub(crate) fn wants_colour(stream: &impl IsTerminal) -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    stream.is_terminal() && set("NO_COLOR").is_none() && set("TERM").is_none_or(|t| t != "dumb")
}

/// The hint where the system opens no more files.
pub(crate) const MORE_FILES: &str =
    "allow more open files: `ulimit -n` shows the limit, `ulimit -n 1024` sets it";
/// The hint where the system starts no more threads.
pub(crate) const MORE_THREADS: &str = "allow more threads: `ulimit -u` shows the limit of the user, and a container or service may have one of its own";

/// The innermost hint of the chain: it knows most. Where a limit of the system is met, nothing else helps.
pub(crate) fn advice(error: &Error) -> Option<&str> {
    let mut codes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>()?.raw_os_error());
    if codes.any(|code| matches!(code, libc::EMFILE | libc::ENFILE)) {
        return Some(MORE_FILES);
    }
    error
        .chain()
        .filter_map(own)
        .filter_map(Error::advice)
        .last()
}

// A body that is read through `AsyncRead` wraps the room's error, and `io::Error` leaves it out of its chain.
fn own<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a Error> {
    cause
        .downcast_ref()
        .or_else(|| cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> Error {
        Error::not_allowed("`ghcr.io` refused the credential")
            .hint("log in with `barque login ghcr.io`")
    }

    #[test]
    fn one_line_then_the_hint() {
        let error = denied()
            .context("reading the manifest")
            .context("copying `a` to `b`");
        insta::assert_snapshot!(describe(&error, false), @r"
        barque: copying `a` to `b`: reading the manifest: `ghcr.io` refused the credential

        hint: log in with `barque login ghcr.io`
        ");
        assert_eq!(error.kind().exit_code(), 3);
        assert!(describe(&error, true).starts_with("\x1b[1;31mbarque:\x1b[0m copying"));
    }

    #[test]
    fn a_quoted_cause_is_said_once() {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "connection refused");
        let error = Error::unavailable("no answer: connection refused").because(cause);
        assert_eq!(
            describe(&error, false),
            "barque: no answer: connection refused\n"
        );
        assert_eq!(Failure::from(error).exit_code(), 5);
    }

    #[test]
    fn the_outer_class_counts_and_the_inner_hint() {
        let inner = Error::not_found("inner").hint("inner hint");
        let error = Error::refused("outer").hint("outer hint").because(inner);
        assert_eq!(error.kind().exit_code(), 6);
        assert_eq!(
            describe(&error, false),
            "barque: outer: inner\n\nhint: inner hint\n"
        );
        // A foreign error between the two hides the hint from `Error::advice`, not from here.
        let buried = Error::not_allowed("outside").because(io::Error::other(denied()));
        assert_eq!(buried.kind().exit_code(), 3);
        assert!(describe(&buried, false).contains("hint: log in"));
    }

    #[test]
    fn other_errors_end_with_1() {
        assert_eq!(Failure::from(Error::other("no such file")).exit_code(), 1);
        let usage = clap::Command::new("x")
            .try_get_matches_from(["x", "--nope"])
            .unwrap_err();
        assert_eq!(Failure::Usage(usage).exit_code(), 1);
        let help = clap::Command::new("x")
            .try_get_matches_from(["x", "--help"])
            .unwrap_err();
        assert_eq!(Failure::Usage(help).exit_code(), 0);
    }

    #[test]
    fn a_closed_stdout_is_quiet_and_a_closed_socket_is_not() {
        let closed = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(Failure::on_stdout(closed()).exit_code(), 0);
        let sending = Error::unavailable("sending").because(closed());
        assert_eq!(Failure::from(sending).exit_code(), 5);
    }

    #[test]
    fn remote_text_cannot_drive_the_terminal() {
        assert!(matches!(clean("plain – ü"), Cow::Borrowed(_)));
        assert_eq!(clean("a\x1b[2Jb\r\nc\u{9b}d\u{202e}e\0\n"), "a[2Jb cde");
        let shown = |text: &str| String::from_utf8(visible(text.as_bytes()).into_owned()).unwrap();
        let json = "{\"a\": \"\u{7f}\u{9b}\u{202e}é\\n\"}\r\n\t";
        assert_eq!(shown(json), "{\"a\": \"\\u007f\\u009b\\u202eé\\n\"}\r\n\t");
        assert_eq!(shown("a\rb\u{1b}[2J"), "a\\u000db\\u001b[2J");
        assert!(matches!(visible(b"plain\n"), Cow::Borrowed(_)));
        assert_eq!(clean(&"é".repeat(2000)).chars().count(), 2000);
        let cut = clean(&"é".repeat(2001)).into_owned();
        assert_eq!((cut.chars().count(), cut.ends_with('…')), (2001, true));
        let error = Error::other("said `\x1b]0;x\x07`").hint("try\x1b[m");
        assert_eq!(
            describe(&error, false),
            "barque: said `]0;x`\n\nhint: try[m\n"
        );
    }
}

//! Hints that name a command repeat the flags by which the user reached the registry.
//!
//! Where a hint is made, only the registry is known and not the command line. Passwords and tokens are never repeated.

use std::ffi::OsString;

/// Flags that are repeated, and whether a value may follow as the next word.
const REPEATED: [(&str, bool); 5] = [
    ("authfile", true),
    ("compat-auth-file", true),
    ("cert-dir", true),
    ("tls-verify", false),
    ("no-creds", false),
];

/// The commands that take these flags.
const COMMANDS: [&str; 13] = [
    "inspect", "tags", "repos", "layers", "ls", "cat", "extract", "diff", "du", "delete", "search",
    "login", "logout",
];

/// `hint` with the flags of `args`, a command line with the program's name, behind each command that it names.
pub(super) fn with_flags(hint: &str, args: impl Iterator<Item = OsString>) -> String {
    let args: Vec<String> = args
        .skip(1)
        .filter_map(|arg| arg.into_string().ok())
        .collect();
    let mut text = String::new();
    let mut rest = hint;
    while let Some(at) = rest.find("`barque ") {
        let (before, command) = rest.split_at(at + "`barque ".len());
        text.push_str(before);
        let end = command.find('`').unwrap_or(command.len());
        let (command, after) = command.split_at(end);
        text.push_str(&repeated(command, &args));
        rest = after;
    }
    text + rest
}

fn repeated(command: &str, args: &[String]) -> String {
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    if !COMMANDS.contains(&name)
        || rest.contains("--authfile")
        || rest.contains("--compat-auth-file")
    {
        return command.to_owned();
    }
    let mut text = name.to_owned();
    for flag in flags(rest, args) {
        // A login is checked with credentials, and what only it has means nothing elsewhere.
        let fits = match name {
            "login" | "logout" => flag != "--no-creds",
            _ => !flag.starts_with("--compat-auth-file"),
        };
        if fits {
            text += &format!(" {flag}");
        }
    }
    match rest {
        "" => text,
        rest => format!("{text} {rest}"),
    }
}

/// The flags of `args` that belong to the registry which the command `rest` is about, without `src-` and `dest-`.
fn flags(rest: &str, args: &[String]) -> Vec<String> {
    let mut flags = Vec::new();
    let mut words = args.iter();
    while let Some(arg) = words.next() {
        let Some(long) = arg.strip_prefix("--") else {
            continue;
        };
        if long.is_empty() {
            break;
        }
        let (name, value) = match long.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (long, None),
        };
        let (side, plain) = match (name.strip_prefix("src-"), name.strip_prefix("dest-")) {
            (Some(plain), _) => (Some(0), plain),
            (_, Some(plain)) => (Some(1), plain),
            _ => (None, name),
        };
        let Some((_, takes_value)) = REPEATED.iter().find(|(known, _)| *known == plain) else {
            continue;
        };
        let value = match value {
            None if *takes_value => words.next().map(String::as_str),
            value => value,
        };
        if side.is_some_and(|side| !is_about(rest, side, args)) {
            continue;
        }
        let flag = match value {
            Some(value) if *takes_value => format!("--{plain} {}", quoted(value)),
            Some(value) => format!("--{plain}={value}"),
            None => format!("--{plain}"),
        };
        if !flags.contains(&flag) {
            flags.push(flag);
        }
    }
    flags
}

/// Whether the command `rest` names the host of the source (side 0) or destination (side 1) of a copy.
fn is_about(rest: &str, side: usize, args: &[String]) -> bool {
    let names: Vec<&String> = args
        .iter()
        .filter(|arg| !arg.starts_with('-') && arg.contains(':'))
        .collect();
    // The two names are mostly last, and values of flags before them.
    let pair = &names[names.len().saturating_sub(2)..];
    let name = pair.iter().copied().nth(side).or(pair.last().copied());
    let host = |text: &str| {
        let bare = text.split("://").nth(1).unwrap_or(text);
        bare.split('/').next().unwrap_or_default().to_owned()
    };
    let asked = rest.split_whitespace().last().map(host).unwrap_or_default();
    name.is_some_and(|name| name.starts_with("docker") && host(name) == asked)
}

/// `value` as a shell reads it back.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./:~+@%".contains(c);
    match !value.is_empty() && value.chars().all(plain) {
        true => value.to_owned(),
        false => format!("'{}'", value.replace('\'', "'\\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(hint: &str, line: &str) -> String {
        with_flags(hint, line.split(' ').map(OsString::from))
    }

    #[test]
    fn flags_are_repeated_and_secrets_are_not() {
        assert_eq!(
            hint(
                "list what there is with `barque tags docker://r.io/a`",
                "barque inspect --creds me:secret --authfile my.json --tls-verify=false docker://r.io/a:1",
            ),
            "list what there is with `barque tags --authfile my.json --tls-verify=false docker://r.io/a`"
        );
        assert_eq!(
            hint(
                "run `barque login r.io`",
                "barque copy --src-cert-dir=c --dest-tls-verify=false --dest-creds=a:b docker://s.io/a oci:d",
            ),
            "run `barque login r.io`"
        );
        assert_eq!(
            hint(
                "run `barque login r.io`",
                "barque copy --src-cert-dir=c --dest-tls-verify=false docker://s.io/a docker://r.io/b",
            ),
            "run `barque login --tls-verify=false r.io`"
        );
        assert_eq!(
            hint(
                "see `barque --help`; `x`",
                "barque tags --tls-verify=false a"
            ),
            "see `barque --help`; `x`"
        );
        assert_eq!(quoted("a b"), "'a b'");
    }
}

//! Common mistakes in names, and what to write instead.
//!
//! Separate from the grammar, which says only that a text is no name. Nothing here looks at files.

use super::{TRANSPORTS, is_local_transport};
use crate::Error;
use crate::image::{Digest, Registry};

/// An error for `text` where it is a registry without a repository, as `localhost:5000` or `ghcr.io`. By the grammar it
/// would be an image on Docker Hub, where no official image has such a name.
pub(super) fn registry_alone(text: &str) -> Option<Error> {
    let bare = text.trim_end_matches('/');
    let registry: Registry = bare.parse().ok()?;
    let host = registry.host();
    let is_host = host == "localhost" || host.contains('.') || bare.starts_with('[');
    let is_file = bare.ends_with(".tar") || bare.ends_with(".tgz") || bare.ends_with(".gz");
    let is_alone =
        !is_file && !bare.contains('/') && is_host && (host != "localhost" || bare != host);
    (is_alone && bare == registry.as_str()).then(|| {
        Error::other(format!("`{text}` is a registry without a repository")).hint(format!(
            "write `docker://{bare}/REPOSITORY`, for an image with `:TAG`; `barque repos {bare}` lists the repositories, where the registry permits"
        ))
    })
}

/// The error for a local transport with `//`, as in `oci://dir`.
pub(super) fn with_slashes(text: &str) -> Option<Error> {
    let (transport, rest) = text.split_once("://")?;
    let local = is_local_transport(transport);
    // Three slashes are an absolute path, as for skopeo.
    let is_path = rest.starts_with('/') && transport != "docker-daemon";
    (local && !is_path).then(|| {
        let rest = rest.trim_start_matches('/');
        let relative = format!("`{transport}:{rest}`");
        let hint = match transport {
            "docker-daemon" => format!("write {relative}"),
            _ => format!("write {relative}, or `{transport}:/{rest}` for an absolute path"),
        };
        Error::other(format!("`{text}` has `//` after `{transport}:`")).hint(hint)
    })
}

/// The error for a name with a login in it, as in `user:password@registry.example/app`. It shows the place alone: names
/// also stand in files, and their errors in logs.
pub(crate) fn with_login(text: &str) -> Option<Error> {
    let is_digest = |end: &str| end.parse::<Digest>().is_ok() || end.starts_with("sha256:");
    let name = match text.rsplit_once('@') {
        Some((name, end)) if is_digest(end) => name,
        _ => text,
    };
    let (login, place) = name.rsplit_once('@')?;
    let (host, is_alone) = match place.split_once('/') {
        Some((host, _)) => (host, false),
        None => (place, true),
    };
    // What stands behind the `@` of a name without a host is a digest with a mistake in it.
    let is_host = host == "localhost" || host.contains(['.', ':']);
    if host.is_empty() || (is_alone && !(is_host && host.parse::<Registry>().is_ok())) {
        return None;
    }
    let place = &text[login.len() + 1..];
    let hint = format!(
        "write `{place}`, and log in with `barque login {host}`, or give the login with `--creds`"
    );
    Some(Error::other(format!("`…@{place}` has a login in it")).hint(hint))
}

/// The name that is meant by `text`, where that is a URL: of an image, or of a manifest or the tags in a registry's API.
pub(super) fn without_url(text: &str) -> String {
    let mut bare = text.trim();
    for prefix in ["https://", "http://", "docker://"] {
        bare = bare.strip_prefix(prefix).unwrap_or(bare);
    }
    let bare = bare.trim_matches('/');
    let Some((host, path)) = bare.split_once("/v2/") else {
        return bare.to_owned();
    };
    match path.split_once("/manifests/") {
        Some((name, digest)) if digest.contains(':') => format!("{host}/{name}@{digest}"),
        Some((name, tag)) => format!("{host}/{name}:{tag}"),
        None => format!("{host}/{}", path.trim_end_matches("/tags/list")),
    }
}

/// The correction of `text`, whose transport is one letter or two away from a known one.
pub(super) fn transport_meant(text: &str) -> Option<String> {
    let (typed, rest) = text.split_once(':')?;
    let name = |known: &'static str| known.trim_end_matches([':', '/']);
    let near = TRANSPORTS.iter().filter(|known| {
        // Short words are near to everything.
        let most = (name(known).len() / 3).min(2);
        (1..=most).contains(&distance(typed, name(known)))
    });
    let known = near.min_by_key(|known| distance(typed, name(known)))?;
    Some(format!("{known}{}", rest.trim_start_matches('/')))
}

/// A hint for an image of a transport that barque does not read.
pub(super) fn elsewhere(transport: &str, rest: &str) -> Option<String> {
    Some(match transport {
        "sif" => format!(
            "make a layout of it with `skopeo copy {transport}:{rest} oci:DIR`, and read `oci:DIR`"
        ),
        "ostree" | "atomic" => format!(
            "copy it into a registry or a layout with the program that made it; today's skopeo does not read `{transport}:` either"
        ),
        _ => return None,
    })
}

/// A corrected form of the reference `text`, where its digest is the mistake.
pub(super) fn digest_meant(text: &str) -> Option<String> {
    if let Some((name, hex)) = text.split_once(":sha256:")
        && !name.is_empty()
    {
        return Some(match hex.len() {
            64 => format!("a digest follows an `@`: `{name}@sha256:{hex}`"),
            _ => format!("a digest follows an `@` and has 64 hex digits: `{name}@sha256:…`"),
        });
    }
    let (name, digest) = text.split_once('@')?;
    let hex = digest.strip_prefix("sha256:").unwrap_or(digest);
    let is_hex = hex.bytes().all(|b| b.is_ascii_hexdigit());
    (is_hex && !hex.is_empty()).then(|| match hex.len() {
        64 => format!("write `{name}@sha256:{}`", hex.to_lowercase()),
        _ => format!(
            "a digest is written in full, `sha256:` and 64 hex digits; `barque inspect -n -f '{{{{.Digest}}}}' {name}` prints the one of the tag"
        ),
    })
}

/// How many letters have to be added, removed, changed or swapped with their neighbour to make `b` of `a`.
pub(crate) fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 3 || a.len() > 40 {
        return usize::MAX;
    }
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).collect()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::super::ImageName;
    use super::*;

    fn hint(text: &str) -> String {
        let error = ImageName::parse_lenient(text, false).unwrap_err();
        error.advice().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_registry_alone_is_no_image() {
        for text in [
            "docker://127.0.0.1:5000",
            "127.0.0.1:5000",
            "localhost:5000",
            "docker://localhost:5000/",
            "ghcr.io",
            "registry.example.com:443",
            "[::1]:5000",
        ] {
            let bare = text.trim_start_matches("docker://").trim_end_matches('/');
            assert!(
                hint(text).starts_with(&format!("write `docker://{bare}/REPOSITORY")),
                "{text}"
            );
        }
        for text in [
            "alpine:3",
            "redis",
            "localhost",
            "localhost:5000/a",
            "a.b:v1",
            "node:20",
        ] {
            assert!(ImageName::parse_lenient(text, false).is_ok(), "{text}");
        }
    }

    #[test]
    fn typos_of_transports_and_digests_are_corrected() {
        let full = "a".repeat(64);
        for (text, wanted) in [
            (
                "dcoker://alpine".to_owned(),
                "did you mean `docker://alpine`?".to_owned(),
            ),
            (
                "docekr://r.io/a:1".to_owned(),
                "did you mean `docker://r.io/a:1`?".to_owned(),
            ),
            (
                "oci-archve:a.tar".to_owned(),
                "did you mean `oci-archive:a.tar`?".to_owned(),
            ),
            (
                "docker_archive:a.tar".to_owned(),
                "did you mean `docker-archive:a.tar`?".to_owned(),
            ),
            ("oci://dir".to_owned(), "write `oci:dir`".to_owned()),
            (
                "https://r.io/v2/a/b/manifests/1.0".to_owned(),
                "did you mean `docker://r.io/a/b:1.0`?".to_owned(),
            ),
            (
                "https://r.io/v2/a/b/tags/list".to_owned(),
                "did you mean `docker://r.io/a/b`?".to_owned(),
            ),
            (format!("app:sha256:{full}"), format!("`app@sha256:{full}`")),
            (format!("app@{full}"), format!("write `app@sha256:{full}`")),
            (
                "app@sha256:abc1".to_owned(),
                "a digest is written in full".to_owned(),
            ),
            (
                "sif:a.sif".to_owned(),
                "skopeo copy sif:a.sif oci:DIR".to_owned(),
            ),
            ("ostree:a".to_owned(), "the program that made it".to_owned()),
        ] {
            assert!(hint(&text).contains(&wanted), "{text}: {}", hint(&text));
        }
    }

    #[test]
    fn a_login_in_a_name_is_not_shown() {
        for (text, place) in [
            ("docker://u:s3cret@r.io/a", "r.io/a"),
            ("docker-v1://u:s3cret@r.io/a", "r.io/a"),
            ("docker:u:s3cret@r.io/a", "r.io/a"),
            ("docker2:s3cret@r.io/a", "r.io/a"),
            ("https://u:s3cret@r.io:5000", "r.io:5000"),
            ("u:s3cret@127.0.0.1:5000", "127.0.0.1:5000"),
            ("u:s3cret@localhost", "localhost"),
            ("u:s3/c@ret@r.io:x/a:1", "r.io:x/a:1"),
            ("docker-daemon:u:s3cret@r.io/a", "r.io/a"),
        ] {
            let error = ImageName::parse_lenient(text, false).unwrap_err();
            let wanted = format!("`…@{place}` has a login in it");
            assert_eq!(error.to_string(), wanted, "{text}");
            assert!(hint(text).contains("barque login r.io") || !text.contains("r.io"));
        }
        let digest = "a".repeat(64);
        let text = format!("u:s3cret@r.io/a@sha256:{digest}");
        assert!(with_login(&text).is_some());
        let good = format!("docker://r.io/a:1@sha256:{digest}");
        for text in [&good, "a@abc1", "a:1@sha25:abc1", "oci:a@b/c:1"] {
            assert!(
                with_login(text).is_none() || ImageName::parse(text).is_ok(),
                "{text}"
            );
        }
    }

    #[test]
    fn distances() {
        for (a, b, wanted) in [
            ("ab", "ab", 0),
            ("ab", "ba", 1),
            ("abc", "ac", 1),
            ("a", "xyz", 3),
        ] {
            assert_eq!(distance(a, b), wanted);
        }
    }
}

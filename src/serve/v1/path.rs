//! What a path of V1 names. Pure.

use super::{missing, wrong};
use crate::image::{RepositoryName, Tag, V1Id};
use crate::serve::refusal::Refusal;

/// An endpoint of V1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Path {
    /// `_ping`
    Ping,
    /// `users/`
    Users,
    /// `users/NAME/`
    User,
    /// `search`
    Search,
    /// `images/ID/…`
    Image(V1Id, Of),
    /// `repositories/NAME/…`
    Repository(RepositoryName, In),
}

/// A part of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Json,
    Layer,
    Checksum,
    Ancestry,
    /// The files in its layer.
    Files,
    /// What its layer changes, which a registry found out in the background.
    Diff,
}

/// A part of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum In {
    /// The repository itself: announced before a push, or deleted.
    Itself,
    Images,
    Tags,
    Tag(Tag),
    /// Whether it is private.
    Properties,
    /// Where a registry asks an index whether a token is good.
    Auth,
}

impl Path {
    /// Reads what follows `/v1/`, with escapes undone.
    pub(super) fn parse(path: &str) -> Result<Path, Refusal> {
        let no_such = || missing("there is no such endpoint");
        match path.trim_end_matches('/') {
            "_ping" => return Ok(Path::Ping),
            "users" => return Ok(Path::Users),
            "search" => return Ok(Path::Search),
            _ => {}
        }
        if let Some(rest) = path.strip_prefix("images/") {
            let (id, of) = rest.split_once('/').ok_or_else(no_such)?;
            let of = match of {
                "json" => Of::Json,
                "layer" => Of::Layer,
                "checksum" => Of::Checksum,
                "ancestry" => Of::Ancestry,
                "files" => Of::Files,
                "diff" => Of::Diff,
                _ => return Err(no_such()),
            };
            let id = V1Id::parse(id).ok_or_else(|| missing("Invalid image ID"))?;
            return Ok(Path::Image(id, of));
        }
        if let Some(rest) = path.strip_prefix("repositories/") {
            return repository(rest.strip_suffix('/').unwrap_or(rest));
        }
        match path.strip_prefix("users/") {
            Some(name) if !name.trim_end_matches('/').contains('/') => Ok(Path::User),
            _ => Err(no_such()),
        }
    }
}

/// Reads `NAME`, `NAME/images`, `NAME/tags`, `NAME/tags/TAG`, `NAME/properties` and `NAME/auth`.
fn repository(rest: &str) -> Result<Path, Refusal> {
    let named = |name: &str, of: In| {
        let name = name.parse().map_err(|_| wrong("Invalid repository name"))?;
        Ok(Path::Repository(name, of))
    };
    if let Some((name, tag)) = rest.rsplit_once("/tags/") {
        let tag = tag.parse().map_err(|_| missing("Tag not found"))?;
        return named(name, In::Tag(tag));
    }
    for (end, of) in [
        ("/images", In::Images),
        ("/tags", In::Tags),
        ("/properties", In::Properties),
        ("/auth", In::Auth),
    ] {
        if let Some(name) = rest.strip_suffix(end) {
            return named(name, of);
        }
    }
    named(rest, In::Itself)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_images_and_repositories() {
        let id = "a".repeat(64);
        let parse = |path: &str| Path::parse(path).map_err(|refusal| refusal.status.as_u16());
        let image = |of| Ok(Path::Image(V1Id::parse(&id).unwrap(), of));
        assert_eq!(parse(&format!("images/{id}/json")), image(Of::Json));
        assert_eq!(parse(&format!("images/{id}/ancestry")), image(Of::Ancestry));
        let of = |name: &str, part| Ok(Path::Repository(name.parse().unwrap(), part));
        assert_eq!(parse("repositories/a/"), of("a", In::Itself));
        assert_eq!(
            parse("repositories/library/a/tags"),
            of("library/a", In::Tags)
        );
        assert_eq!(
            parse("repositories/a/b/tags/1"),
            of("a/b", In::Tag("1".parse().unwrap()))
        );
        assert_eq!(parse("repositories/a/b/images"), of("a/b", In::Images));
        assert_eq!(
            parse("repositories/a/b/properties"),
            of("a/b", In::Properties)
        );
        assert_eq!(
            (parse("_ping"), parse("users/"), parse("users/me/")),
            (Ok(Path::Ping), Ok(Path::Users), Ok(Path::User))
        );
        for wrong in [
            "",
            "images/x/json",
            "images/../json",
            "repositories/../../tags",
            "nothing",
            "users/a/b",
        ] {
            assert!(matches!(parse(wrong), Err(400 | 404)), "{wrong}");
        }
    }
}

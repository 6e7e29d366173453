//! `Intent`: what a caller wants of a registry, as data; the request loop decides how.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};

use super::admit::Admitted;
use super::retry::RetryBudget;
use super::upload_body::UploadPart;
use crate::image::RepositoryName;
use crate::settings::Secret;

/// What a token must permit on a repository. One kind per side of a copy, so that one token serves it all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Actions {
    Pull,
    PullPush,
    PullDelete,
}

impl Actions {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Actions::Pull => "pull",
            Actions::PullPush => "pull,push",
            Actions::PullDelete => "pull,delete",
        }
    }
}

/// The repository that a request is about, or the catalog of all, and what it does there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    /// `None` for the catalog.
    pub(crate) repository: Option<RepositoryName>,
    pub(crate) actions: Actions,
    /// A second repository that is read: the source of a mount (quirk X1).
    pub(crate) mount_from: Option<RepositoryName>,
}

impl Scope {
    pub(crate) fn new(repository: &RepositoryName, actions: Actions) -> Scope {
        Scope {
            repository: Some(repository.clone()),
            actions,
            mount_from: None,
        }
    }

    /// The list of the registry's repositories, to read.
    pub(crate) fn catalog() -> Scope {
        Scope {
            repository: None,
            actions: Actions::Pull,
            mount_from: None,
        }
    }

    /// The scope that a request of this method needs at least, where that is less than this one.
    pub(crate) fn of_read(&self, method: &Method) -> Option<Scope> {
        let reads = *method == Method::GET || *method == Method::HEAD;
        (reads && self.actions != Actions::Pull).then(|| Scope {
            actions: Actions::Pull,
            mount_from: None,
            ..self.clone()
        })
    }

    /// The `scope` parameters of a token request, built here and never taken from a challenge (quirks A3, A4).
    pub(crate) fn params(&self) -> Vec<String> {
        let own = match &self.repository {
            Some(repository) => format!("repository:{repository}:{}", self.actions.as_str()),
            None => "registry:catalog:*".to_owned(),
        };
        let from = self
            .mount_from
            .as_ref()
            .map(|from| format!("repository:{from}:pull"));
        std::iter::once(own).chain(from).collect()
    }
}

/// Where a request goes.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// A path, with query, of the registry itself.
    Path(String),
    /// A URL that the registry named and `admit` let pass.
    At(Admitted),
}

/// What a request carries.
#[derive(Clone)]
pub(crate) enum Body {
    Empty,
    Bytes(Bytes),
    Stream(UploadPart),
}

/// Who a request is sent as.
#[derive(Clone, Default)]
pub(crate) enum Who {
    /// As the user that the registry asks for by its challenges (V2).
    #[default]
    Asked,
    /// As a session of Registry V1 says: it knows beforehand, and challenges are not answered.
    Preset(Option<PresetAuth>),
}

/// The value of an `Authorization` header that a session has made, and where its credential came from.
#[derive(Clone)]
pub(crate) struct PresetAuth {
    pub(crate) header: Secret,
    pub(crate) origin: Option<String>,
}

/// One thing wanted of a registry.
#[derive(Clone)]
pub(crate) struct Intent {
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) scope: Option<Scope>,
    pub(crate) who: Who,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: Body,
    /// Whether repeating it does no harm; uploads are repeated by their own file, from a new session.
    pub(crate) repeatable: bool,
    /// Whether another request serves as well: then a server's error is worth one retry, not more.
    pub(crate) optional: bool,
    /// Whether many bytes move: those go over HTTP/1.1 connections of their own.
    pub(crate) bulk: bool,
    /// What the operation that it belongs to may still spend on failures; its own if it stands alone.
    pub(crate) budget: RetryBudget,
}

impl Intent {
    pub(crate) fn new(method: Method, path: String, scope: Option<Scope>) -> Intent {
        let repeatable = method != Method::PATCH;
        let target = Target::Path(path);
        Intent {
            method,
            target,
            scope,
            who: Who::Asked,
            headers: Vec::new(),
            body: Body::Empty,
            repeatable,
            optional: false,
            bulk: false,
            budget: RetryBudget::default(),
        }
    }

    pub(crate) fn header(mut self, name: HeaderName, value: impl AsRef<str>) -> Intent {
        // Values come from checked types; one that is no header value is left out rather than cut.
        if let Ok(value) = HeaderValue::from_str(value.as_ref()) {
            self.headers.push((name, value));
        }
        self
    }
}

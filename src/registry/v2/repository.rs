//! `RepositoryClient`: one repository of a registry. The other files here add its endpoints.

use std::fmt;
use std::sync::Arc;

use http::Method;

use crate::image::RepositoryName;
use crate::registry::Client;
use crate::registry::admit::Admitted;
use crate::registry::intent::{Actions, Intent, Scope, Target};
use crate::registry::retry::RetryBudget;

/// A repository of a registry, and what the requests to it may do there. Cheap to clone.
///
/// The methods that write need [`Actions::PullPush`], those that delete [`Actions::PullDelete`].
#[derive(Clone)]
pub struct RepositoryClient {
    pub(crate) client: Arc<Client>,
    pub(crate) name: RepositoryName,
    actions: Actions,
    /// Of the operation that the requests belong to.
    budget: Option<RetryBudget>,
}

impl fmt::Debug for RepositoryClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RepositoryClient");
        shown.field("name", &self.name);
        shown.field("actions", &self.actions);
        shown.finish_non_exhaustive()
    }
}

impl Client {
    /// The repository `name` of this registry. Tokens for its requests permit `actions`.
    pub fn repository(
        self: &Arc<Self>,
        name: &RepositoryName,
        actions: Actions,
    ) -> RepositoryClient {
        RepositoryClient {
            client: self.clone(),
            name: name.clone(),
            actions,
            budget: None,
        }
    }
}

impl RepositoryClient {
    /// The client of the repository's registry.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The repository's name in its registry.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// The same repository, for other actions.
    #[must_use]
    pub fn with_actions(&self, actions: Actions) -> RepositoryClient {
        RepositoryClient {
            actions,
            ..self.clone()
        }
    }

    /// The same repository, whose requests all spend from `budget` when they fail.
    pub(crate) fn within(&self, budget: &RetryBudget) -> RepositoryClient {
        RepositoryClient {
            budget: Some(budget.clone()),
            ..self.clone()
        }
    }

    /// What a token for this repository must permit.
    pub(crate) fn scope(&self) -> Scope {
        Scope::new(&self.name, self.actions)
    }

    /// The path of an endpoint of this repository: `/v2/NAME/ENDPOINT`.
    pub(crate) fn path(&self, endpoint: impl fmt::Display) -> String {
        format!("/v2/{}/{endpoint}", self.name)
    }

    /// A request to an endpoint of this repository.
    pub(crate) fn request(&self, method: Method, endpoint: impl fmt::Display) -> Intent {
        self.intent(method, self.path(endpoint))
    }

    /// A request to `url`, which the registry named for this repository.
    pub(crate) fn request_at(&self, method: Method, url: Admitted) -> Intent {
        let mut intent = self.intent(method, String::new());
        intent.target = Target::At(url);
        intent
    }

    fn intent(&self, method: Method, path: String) -> Intent {
        let mut intent = Intent::new(method, path, Some(self.scope()));
        intent.budget = self.budget.clone().unwrap_or_default();
        intent
    }
}

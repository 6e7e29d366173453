//! Erasing logins, of one registry or all, from every place that may have them.
//!
//! A place that fails does not keep the others from being asked: a login that is left behind is worse than two errors.

use serde_json::Map;

use super::super::auth_file::WantedHelper;
use super::super::helper::Helper;
use super::{AuthKey, CredentialStore, Place, places};
use crate::{Error, Result};

impl CredentialStore {
    /// Forgets the credential of `key` in the helpers of registries.conf, the file, and the file's helper, under whatever
    /// name the file has it. Returns in words where it was.
    ///
    /// # Errors
    /// [`crate::Kind::Other`] when there was no such credential; [`crate::Kind::NotAllowed`] when the file may not be
    /// written or a helper fails; what is wrong with registries.conf.
    pub async fn erase(&self, key: &AuthKey) -> Result<String> {
        let conf = self.registries.get()?;
        let (mut erased, mut failed) = (None, None);
        for place in places(&conf) {
            let gone = match place {
                Place::File => self.erase_in_file(key).await,
                // A helper keeps one login a registry, none for a part of it.
                Place::Helper(_) if key.path.is_some() => Ok(None),
                Place::Helper(name) => match self.listed_helper(name) {
                    Ok(helper) => erase_in(&helper, key).await,
                    Err(error) => Err(error),
                },
            };
            match gone {
                Ok(place) => erased = erased.or(place),
                Err(error) => note(&mut failed, error),
            }
        }
        match (failed, erased) {
            (Some(error), _) => Err(error),
            (None, Some(place)) => Ok(place),
            (None, None) if conf.credential_helpers().is_some() => Err(Error::other(format!(
                "not logged into `{key}` in any place that registries.conf lists as `credential-helpers`"
            ))),
            (None, None) => Err(Error::other(format!(
                "not logged into `{key}` in `{}`",
                self.name
            ))),
        }
    }

    /// Forgets all credentials of the file, those of its helpers for the registries that it names, and all of its
    /// `credsStore` and of the helpers of registries.conf.
    ///
    /// # Errors
    /// [`crate::Kind::NotAllowed`] when the file may not be written or a helper fails; [`crate::Kind::Other`] for a file
    /// that is not valid and a helper that is not installed. The rest is forgotten all the same.
    pub async fn erase_all(&self) -> Result<()> {
        let conf = self.registries.get()?;
        let mut failed = None;
        for place in places(&conf) {
            let gone = match place {
                Place::File => self.erase_all_in_file().await,
                Place::Helper(name) => match self.listed_helper(name) {
                    Ok(helper) => helper.erase_all().await,
                    Err(error) => Err(error),
                },
            };
            gone.unwrap_or_else(|error| note(&mut failed, error));
        }
        failed.map_or(Ok(()), Err)
    }

    async fn erase_in_file(&self, key: &AuthKey) -> Result<Option<String>> {
        let in_helper = match self.helper(key) {
            Ok(Some(helper)) if key.path.is_none() => erase_in(&helper, key).await,
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        let in_file = self.entry_keys(key)?;
        if !in_file.is_empty() {
            self.change(|entries| {
                in_file
                    .iter()
                    .for_each(|key| drop(entries.shift_remove(key)))
            })
            .await?;
        }
        let own = (!in_file.is_empty()).then(|| self.name.clone());
        Ok(in_helper?.or(own))
    }

    async fn erase_all_in_file(&self) -> Result<()> {
        let Some(file) = self.read()? else {
            return Ok(());
        };
        let find = |suffix| Helper::find(suffix, &self.name, &self.environment);
        let mut failed = None;
        for registry in file.registries() {
            let WantedHelper::OfRegistry(suffix) = file.helper(&registry) else {
                continue;
            };
            let gone = match find(suffix) {
                Ok(helper) => erase_in(&helper, &registry.into()).await.map(drop),
                Err(error) => Err(error),
            };
            gone.unwrap_or_else(|error| note(&mut failed, error));
        }
        if let Some(suffix) = file.creds_store() {
            let gone = match find(suffix) {
                Ok(helper) => helper.erase_all().await,
                Err(error) => Err(error),
            };
            gone.unwrap_or_else(|error| note(&mut failed, error));
        }
        self.change(Map::clear).await?;
        failed.map_or(Ok(()), Err)
    }
}

/// Where the login of `key` was, if `helper` had it.
async fn erase_in(helper: &Helper, key: &AuthKey) -> Result<Option<String>> {
    let had = helper.erase(&key.registry).await?;
    Ok(had.then(|| helper.origin()))
}

/// Keeps the first error to be returned; the others are shown as warnings.
fn note(failed: &mut Option<Error>, error: Error) {
    match failed {
        None => *failed = Some(error),
        Some(_) => tracing::warn!("{error:#}"),
    }
}

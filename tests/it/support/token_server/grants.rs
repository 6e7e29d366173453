//! Who may do what: the accounts of the token server and the grammar of scopes.

use serde_json::{Value, json};

use super::super::peers::{PASSWORD, USER};

/// An account that may pull everything and push nothing.
pub const READER: (&str, &str) = ("passenger", "just-looking");

/// The user these credentials belong to.
pub fn user_of(name: &str, password: &str) -> Option<String> {
    let known = [(USER, PASSWORD), READER];
    known.contains(&(name, password)).then(|| name.to_owned())
}

/// The refresh token of a user; what an identity token is in a credential file.
pub fn refresh_token(user: &str) -> String {
    format!("refresh-token-of-{user}")
}

/// The user a refresh token belongs to.
pub fn user_of_refresh_token(token: &str) -> Option<String> {
    let user = token.strip_prefix("refresh-token-of-")?;
    [USER, READER.0].contains(&user).then(|| user.to_owned())
}

/// The `access` claim for these scopes: what was asked and may be given, entries left empty dropped.
pub fn access(user: Option<&str>, scopes: &[String]) -> Vec<Value> {
    let granted = |scope: &String| {
        let (kind, rest) = scope.split_once(':')?;
        let (name, asked) = rest.rsplit_once(':')?;
        let may = |action: &str| match user {
            Some(USER) => true,
            Some(_) => action == "pull",
            None => action == "pull" && name.starts_with("public/"),
        };
        let actions: Vec<&str> = asked.split(',').filter(|a| may(a)).collect();
        (!actions.is_empty()).then(|| json!({ "type": kind, "name": name, "actions": actions }))
    };
    scopes.iter().filter_map(granted).collect()
}

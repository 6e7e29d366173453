//! What stands for `v1` in a build without the feature `legacy`: no path of V1 is answered.

use std::sync::Arc;

use super::App;
use super::answer::Answer;
use super::refusal::Refusal;
use super::request::Asked;
use super::store::Root;
use crate::{Error, Result};

pub(super) enum V1 {}

impl V1 {
    pub(super) fn open(_root: Option<&Arc<Root>>) -> Result<V1> {
        Err(Error::other("this build does not speak Registry V1"))
    }

    pub(super) fn lets_in(&self, _path: &str, _asked: &Asked) -> bool {
        match *self {}
    }
}

pub(super) async fn answer(_app: &App, _path: &str, _asked: &mut Asked) -> Result<Answer, Refusal> {
    Err(super::route::not_found())
}

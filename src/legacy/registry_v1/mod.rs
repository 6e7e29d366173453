//! The endpoints of Registry V1 (2013–2016, protocols 1), each a few lines on top of the request loop.
//!
//! A [`Session`] is a server as V1 sees it: a registry that stands alone, or an index that sends its clients on to
//! registries with a token. A [`Repo`] is one repository of it, opened for reading or writing. Whom a request comes
//! from is known before it is sent here, so the challenges of V2 play no part; that is what keeps this apart from `v2`.

mod grant;
mod pull;
mod push;
mod repo;
mod search;
mod session;

use crate::Error;
use crate::registry::ApiError;

pub use pull::ImageHead;
pub use push::{ListedImage, Placed};
pub use repo::Repo;
pub use search::{SearchAnswer, SearchHit};
pub use session::{Ping, Session};

/// Bytes of the JSON of one image, and of an ancestry, that are read.
const DOCUMENT_CAP: usize = 4 << 20;
/// Bytes of a list of tags or images that are read.
const LIST_CAP: usize = 16 << 20;

/// `error` because of the answer inside `cause`, whose advice is about registries of today.
fn caused_by(error: Error, cause: Error) -> Error {
    match ApiError::of(&cause) {
        Some(api) => error.because(api.clone()),
        None => error.because(cause),
    }
}

//! Signatures: the form in which they are stored.

mod stored;

pub use stored::{Attachment, StoredSignature};

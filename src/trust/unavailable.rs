//! What is left of verification without the feature `trust`: every requirement that needs it refuses.

use std::time::SystemTime;

use super::subject::Subject;
use super::verdict::VerifiedSignature;
use super::{Attachment, Leniency};
use crate::settings::policy::{BundleRule, KeySource, SigstoreSigned};

const MISSING: &str = "this program was built without the verification of signatures";

/// A type of the module `$module` that is made of the rule `$rule`. It has no values: nothing can be verified.
macro_rules! refusing {
    ($module:ident::$type:ident, $rule:ty, ($($arg:ty),*) -> $verified:ty) => {
        pub(super) mod $module {
            use super::*;

            pub(in crate::trust) enum $type {}

            impl $type {
                pub(in crate::trust) fn load(_: &$rule) -> Result<$type, String> {
                    Err(MISSING.to_owned())
                }

                pub(in crate::trust) fn verify(&self, $(_: $arg),*) -> Result<$verified, String> {
                    match *self {}
                }
            }
        }
    };
}

refusing!(bundle::TrustedBundles, BundleRule, (&[u8], &Subject) -> VerifiedSignature);
refusing!(openpgp::Trusted, KeySource, (&[u8], Leniency, SystemTime) -> (Vec<u8>, VerifiedSignature));
refusing!(sigstore::Trusted, SigstoreSigned, (&Attachment, SystemTime) -> VerifiedSignature);

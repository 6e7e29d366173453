//! What is left of verification without the feature `trust`: every requirement that needs it refuses.

const MISSING: &str = "this program was built without the verification of signatures";

pub(super) mod bundle {
    use crate::settings::policy::BundleRule;
    use crate::trust::subject::Subject;
    use crate::trust::verdict::VerifiedSignature;

    /// Has no values: nothing can be verified.
    pub(in crate::trust) enum TrustedBundles {}

    impl TrustedBundles {
        pub(in crate::trust) fn load(_: &BundleRule) -> Result<TrustedBundles, String> {
            Err(super::MISSING.to_owned())
        }

        pub(in crate::trust) fn verify(
            &self,
            _: &[u8],
            _: &Subject,
        ) -> Result<VerifiedSignature, String> {
            match *self {}
        }
    }
}

pub(super) mod openpgp {
    use std::time::SystemTime;

    use crate::settings::policy::KeySource;
    use crate::trust::Leniency;
    use crate::trust::verdict::VerifiedSignature;

    /// Has no values: nothing can be verified.
    pub(in crate::trust) enum Trusted {}

    impl Trusted {
        pub(in crate::trust) fn load(_: &KeySource) -> Result<Trusted, String> {
            Err(super::MISSING.to_owned())
        }

        pub(in crate::trust) fn verify(
            &self,
            _: &[u8],
            _: Leniency,
            _: SystemTime,
        ) -> Result<(Vec<u8>, VerifiedSignature), String> {
            match *self {}
        }
    }
}

pub(super) mod sigstore {
    use std::time::SystemTime;

    use crate::settings::policy::SigstoreSigned;
    use crate::trust::Attachment;
    use crate::trust::verdict::VerifiedSignature;

    /// Has no values: nothing can be verified.
    pub(in crate::trust) enum Trusted {}

    impl Trusted {
        pub(in crate::trust) fn load(_: &SigstoreSigned) -> Result<Trusted, String> {
            Err(super::MISSING.to_owned())
        }

        pub(in crate::trust) fn verify(
            &self,
            _: &Attachment,
            _: SystemTime,
        ) -> Result<VerifiedSignature, String> {
            match *self {}
        }
    }
}

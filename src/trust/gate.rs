//! `Gate`: the policy that a command goes by, with what its flags add.

use std::path::Path;
use std::time::SystemTime;

use super::subject::{Found, Subject};
use super::verdict::{Judged, Verdict};
use super::{Leniency, requirement};
use crate::Result;
use crate::image::ImageName;
use crate::settings::policy::{Policy, Requirement};

/// What a command asks of images before it uses them.
#[derive(Debug, Clone, Default)]
pub struct Gate {
    policy: Option<Policy>,
    /// Refuse an image of which no signature was verified.
    require_signed: bool,
    leniency: Leniency,
}

impl Gate {
    /// A gate that goes by `policy`. Without one, all images pass.
    pub fn new(policy: Option<Policy>) -> Gate {
        Gate {
            policy,
            ..Gate::default()
        }
    }

    /// The gate by the policy of this machine; see [`Policy::load`] for `explicit` and the files.
    ///
    /// # Errors
    /// As [`Policy::load`].
    pub fn of_machine(explicit: Option<&Path>) -> Result<Gate> {
        Policy::load(explicit).map(Gate::new)
    }

    /// This gate, which also refuses images of which no signature was verified.
    #[must_use]
    pub fn requiring_signatures(self, require_signed: bool) -> Gate {
        Gate {
            require_signed,
            ..self
        }
    }

    /// This gate, accepting what `leniency` says.
    #[must_use]
    pub fn with_leniency(self, leniency: Leniency) -> Gate {
        Gate { leniency, ..self }
    }

    /// Whether indexes are judged, and not only the images that they list. Where signatures are required and an index is
    /// copied `without_images`, the index itself is judged in any case, since otherwise nothing would be verified.
    pub fn judges_indexes(&self, without_images: bool) -> bool {
        !self.leniency.unsigned_index || (self.require_signed && without_images)
    }

    /// Whether `image` passes whatever it is and whatever signatures it has: nothing need be fetched to judge it.
    pub fn is_open(&self, image: &ImageName) -> bool {
        let rules = self
            .policy
            .as_ref()
            .map(|policy| policy.requirements(image).1);
        let accepts = |rule: &Requirement| *rule == Requirement::AcceptAnything;
        !self.require_signed && rules.is_none_or(|rules| rules.iter().all(accepts))
    }

    /// Whether signatures beside `image` have a say about it.
    pub fn reads_signatures(&self, image: &ImageName) -> bool {
        self.has_rule(image, |rule| {
            matches!(
                rule,
                Requirement::SignedBy(_) | Requirement::SigstoreSigned(_)
            )
        })
    }

    /// Whether sigstore bundles have a say about `image`.
    pub fn reads_bundles(&self, image: &ImageName) -> bool {
        self.has_rule(image, |rule| {
            matches!(rule, Requirement::SigstoreBundleSigned(_))
        })
    }

    fn has_rule(&self, image: &ImageName, is_it: fn(&Requirement) -> bool) -> bool {
        let policy = self.policy.as_ref();
        policy.is_some_and(|policy| policy.requirements(image).1.iter().any(is_it))
    }

    /// Judges `subject` by what was `found` with it. Reads key files that the policy names.
    pub fn judge(&self, subject: &Subject, found: &Found) -> Verdict {
        self.judge_at(subject, found, SystemTime::now())
    }

    /// As [`Gate::judge`], with `now` as the time.
    pub fn judge_at(&self, subject: &Subject, found: &Found, now: SystemTime) -> Verdict {
        let rules = self
            .policy
            .as_ref()
            .map(|policy| (policy, policy.requirements(subject.image)));
        let requirements: Vec<Judged> = match &rules {
            None => Vec::new(),
            Some((_, (_, rules))) => rules
                .iter()
                .map(|rule| requirement::judge(rule, subject, found, self.leniency, now))
                .collect(),
        };
        let verified = |judged: &Judged| judged.signatures.iter().any(|s| s.outcome.is_ok());
        let verified = requirements.iter().any(verified);
        let file = rules.as_ref().map(|(policy, _)| policy.file());
        let file = file.filter(|file| !file.as_os_str().is_empty());
        let scope = rules.as_ref().filter(|_| file.is_some());
        Verdict {
            image: subject.image.to_string(),
            digest: subject.digest.clone(),
            policy: file.map(|file| file.display().to_string()),
            scope: scope.map(|(_, (scope, _))| scope.to_string()),
            accepted: requirements.iter().all(|judged| judged.satisfied)
                && (verified || !self.require_signed),
            verified,
            requirements,
        }
    }
}

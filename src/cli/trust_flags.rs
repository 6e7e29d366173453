//! Flags that say which images are accepted.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::values::switch;
use crate::image::ImageName;
use crate::open::Admission;
use crate::open::OpenedImage;
use crate::trust::{Gate, Leniency};
use crate::{Error, Result};

/// Signature policies. They hold for what is copied, and for layers that are written.
#[derive(Args, Clone)]
pub(crate) struct TrustFlags {
    /// Accept images by the signature policy in this file [default: policy.json of the user, else of the system, else all images]
    #[arg(long, value_name = "FILE", env = "BARQUE_POLICY")]
    policy: Option<PathBuf>,

    /// Accept all images, whatever the signature policy of this machine says
    #[arg(long)]
    insecure_policy: bool,

    /// Refuse images of which no rule of the signature policy has verified a signature
    #[arg(long, env = "BARQUE_REQUIRE_SIGNED", value_parser = switch, action = clap::ArgAction::SetTrue)]
    require_signed: bool,

    /// Accept signatures with SHA-1 (sha1) or of OpenPGP version 3 (openpgp-v3), or an index that is not signed itself (unsigned-index)
    #[arg(
        long,
        value_name = "WEAKNESS",
        value_delimiter = ',',
        hide_possible_values = true
    )]
    policy_allow: Vec<Weakness>,
}

/// What other programs accept and barque does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Weakness {
    Sha1,
    OpenpgpV3,
    UnsignedIndex,
}

impl TrustFlags {
    /// Whether all images are to be accepted and some refused.
    pub(crate) fn contradict(&self) -> bool {
        self.insecure_policy && self.require_signed
    }

    /// The policy of this call. Fails when the policy cannot be read, or flags contradict each other.
    pub(crate) fn gate(&self) -> Result<Gate> {
        let gate = match self.insecure_policy {
            true if self.contradict() => {
                return Err(Error::other(
                    "`--insecure-policy` accepts all images and `--require-signed` does not: only one of them can be given",
                ));
            }
            true => Gate::default(),
            false => Gate::of_machine(self.policy.as_deref())?,
        };
        let gate = gate.with_leniency(self.leniency());
        Ok(gate.requiring_signatures(self.require_signed))
    }

    /// What is accepted although it is weak.
    pub(crate) fn leniency(&self) -> Leniency {
        let allows = |weakness| self.policy_allow.contains(&weakness);
        Leniency {
            sha1: allows(Weakness::Sha1),
            openpgp_v3: allows(Weakness::OpenpgpV3),
            unsigned_index: allows(Weakness::UnsignedIndex),
        }
    }

    /// Refuses the image `name`, which was opened as `image`, where the policy does. Fails as [`TrustFlags::gate`] and
    /// [`Admission::admit`] do.
    pub(crate) async fn admit(&self, name: &ImageName, image: &OpenedImage) -> Result<()> {
        let admission = self.admission(name)?;
        let source = &**image.source();
        admission.admit(source, image.top(), image.manifest()).await
    }

    /// What `image` has to pass. Fails as [`TrustFlags::gate`] does.
    pub(crate) fn admission(&self, image: &ImageName) -> Result<Admission> {
        Ok(Admission {
            gate: Arc::new(self.gate()?),
            image: image.clone(),
        })
    }
}

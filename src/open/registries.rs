//! Applies registries.conf to the opening of an image in a registry: other places to read it from, registries that are
//! blocked, and registries that are marked insecure.

use std::borrow::Cow;
use std::sync::Arc;

use super::mirrors::MirroredSource;
use crate::Result;
use crate::image::{Reference, Repository, V1Reference};
use crate::legacy;
use crate::settings::registries_conf::PullSource;
use crate::settings::{AuthFiles, Context, Login};
use crate::transport::Source;

/// The image `reference`, read from its mirrors or wherever the configuration says.
///
/// [`crate::Kind::NotAllowed`] where its registry is blocked; nothing is sent then.
pub(super) fn open(reference: &Reference, context: &Context) -> Result<Arc<dyn Source>> {
    let places = context.registries.get()?.sources(reference)?;
    if let [only] = &places[..]
        && only.reference == *reference
    {
        let context = at_place(only, reference, context)?;
        return Ok(legacy::registry_source(reference, &context));
    }
    let open = |place: &PullSource| {
        let context = at_place(place, reference, context)?;
        Ok(legacy::registry_source(&place.reference, &context))
    };
    let places = places.iter().map(open).collect::<Result<_>>()?;
    Ok(Arc::new(MirroredSource::new(reference, places)))
}

/// `context` as [`Context::at`] has it, for the oldest registries. A name that today's rules do not allow is in no table.
pub(super) fn at_v1<'a>(reference: &V1Reference, context: &'a Context) -> Result<Cow<'a, Context>> {
    match reference.repository.modern() {
        Some(name) => {
            let registry = reference.registry.clone();
            context.at(&Repository { registry, name })
        }
        None => Ok(Cow::Borrowed(context)),
    }
}

/// `context` for `place`, one of the places that `asked` is read from. A credential given for the registry that was
/// named is not sent to another one; stored ones are looked up by the name at the place.
fn at_place<'a>(
    place: &PullSource,
    asked: &Reference,
    context: &'a Context,
) -> Result<Cow<'a, Context>> {
    let mut context = context.insecure_if(place.insecure);
    let is_elsewhere = place.reference.repository.registry != asked.repository.registry;
    if is_elsewhere && matches!(context.access.login, Login::Given(_)) {
        context.to_mut().access.login =
            Login::Files(AuthFiles::find(None)?.helped_by(&context.registries));
    }
    Ok(context)
}

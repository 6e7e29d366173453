//! The draft of Registry V2 from 2014, which only pre-release servers spoke (protocols 2).

mod destination;
mod endpoints;
mod push;
mod source;
mod uploads;
mod view;

pub(crate) use destination::DraftDestination;
pub(crate) use source::DraftSource;
pub use view::DraftView;

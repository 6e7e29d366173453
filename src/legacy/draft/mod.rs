//! The draft of Registry V2 from 2014, which only pre-release servers spoke (protocols 2).

mod endpoints;
mod push;
pub(crate) mod source;
mod uploads;
mod view;

pub use view::DraftView;

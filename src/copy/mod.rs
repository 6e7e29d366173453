//! The graph of an image, the plan of a copy, and the engine that carries it out.

mod progress;

pub use progress::{BlobOutcome, Progress, Quiet};

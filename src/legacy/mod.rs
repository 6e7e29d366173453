//! Old formats and protocols: Registry V1, the draft of V2 from 2014, schema 1 with its signatures, TarSum, and
//! archives of `docker save` before 1.10.
//!
//! Everything here is kept out of the core so that the core can be read without it. This room builds on the transports,
//! the registry client and the data types; none of them may depend on it.

pub mod docker_archive;
pub mod docker_v1;
pub mod draft;
pub mod jws;
pub mod negotiate;
pub mod registry_v1;
pub mod schema1;
pub mod tarsum;
pub mod v1;

//! An index with five platforms through every pair of transports that hold one.

use super::*;
use crate::copy::is_dir_of;
use crate::support::images::{five_platforms, five_platforms_docker};

fn every_pair(image: &TestImage, transports: &[Transport]) {
    peers::needs!("docker-registry", "skopeo");
    let harbour = Harbour::new(None);
    for &from in transports {
        let source = harbour.place(from, "from-skopeo");
        harbour.feed(image, &source);
        assert_eq!(harbour.manifest(&source), image.manifest, "{source}");
        for &to in transports {
            let destination = harbour.place(to, &format!("{from:?}-to").to_lowercase());
            let digest = harbour.copy(&source, &destination);
            assert_eq!(digest, image.digest.to_string(), "{from:?} to {to:?}");
            let out = harbour.skopeo.path("out");
            let _ = std::fs::remove_dir_all(&out);
            harbour.skopeo_copies(&destination, &format!("dir:{}", out.display()), true);
            is_dir_of(&out, image);
        }
    }
}

#[test]
fn an_index_goes_between_all_transports_that_hold_one() {
    every_pair(&five_platforms(), &[Docker, Oci, OciArchive, Dir]);
}

#[test]
fn a_docker_list_goes_between_the_transports_that_hold_its_type() {
    every_pair(&five_platforms_docker(), &[Docker, Dir]);
}

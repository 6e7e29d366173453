//! Archives whose name is a link: what the link leads to is written, and standard output under its other names.

use std::os::unix::fs::symlink;

use super::*;

const KINDS: [&str; 2] = ["oci-archive", "docker-archive"];

/// The archive of the image `from` as it is in a plain file.
fn plainly(barque: &Barque, kind: &str, from: &str) -> Vec<u8> {
    let to = at(barque, kind, &format!("{kind}.tar"));
    barque.args(["copy", from, &to]).run().ok();
    std::fs::read(barque.path(format!("{kind}.tar"))).unwrap()
}

#[test]
fn a_link_stays_a_link() {
    let barque = Barque::new();
    let from = layout(&barque, "in", &images::two_layers());
    for kind in KINDS {
        let wanted = plainly(&barque, kind, &from);
        for there in [false, true] {
            let (link, target) = (format!("{kind}-{there}"), format!("{kind}-{there}.target"));
            symlink(&target, barque.path(&link)).unwrap();
            if there {
                std::fs::write(barque.path(&target), "").unwrap();
            }
            let to = at(&barque, kind, &link);
            barque.args(["copy", &from, &to]).run().ok();
            assert!(barque.path(&link).is_symlink(), "{link}");
            assert!(
                std::fs::read(barque.path(&target)).unwrap() == wanted,
                "{link}"
            );
        }
    }
}

#[test]
fn standard_output_has_other_names() {
    let barque = Barque::new();
    let from = layout(&barque, "in", &images::two_layers());
    let link = barque.path("out");
    symlink("/proc/self/fd/1", &link).unwrap();
    for kind in KINDS {
        let wanted = plainly(&barque, kind, &from);
        let to = format!("{kind}:{}", link.display());
        let piped = barque.args(["copy", &from, &to]).run().ok();
        assert!(piped.stdout_bytes() == wanted, "{kind}");
        let line = format!(
            "{} copy {from} {to} >{kind}.data",
            env!("CARGO_BIN_EXE_barque")
        );
        let sh = crate::support::sandbox::Sandbox::of("sh");
        sh.args(["-c", &line]).run().ok();
        assert!(
            std::fs::read(sh.path(format!("{kind}.data"))).unwrap() == wanted,
            "{kind}"
        );
        assert!(link.is_symlink());
    }
}

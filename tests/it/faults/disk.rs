//! Disks that are full, and limits on the size of files.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::{assert_holds, assert_valid_layout, barque, heavy, names, weight};
use crate::support::fake::FakeRegistry;
use crate::support::peers;
use crate::support::sandbox::Sandbox;
use crate::support::skips;

const MIB: usize = 1 << 20;

/// barque under a limit on the size of files, in a sandbox of its own.
fn limited(bytes: usize) -> Sandbox {
    Sandbox::of("prlimit")
        .first_arg(&format!("--fsize={bytes}"))
        .first_arg(env!("CARGO_BIN_EXE_barque"))
}

#[test]
fn a_limit_on_file_sizes_is_an_error_that_names_the_file() {
    peers::needs!("prlimit");
    let image = heavy(3, 2 * MIB);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let from = registry.docker("a:1");
    let limited = limited(MIB);
    for (to, file) in [
        ("oci:out:1", "out/.partial-sha256-"),
        ("dir:flat", "flat/.partial-sha256-"),
        ("oci-archive:out.tar:1", "out.tar"),
        ("docker-archive:docker.tar:a:1", "docker.tar"),
    ] {
        let out = limited.args(["copy", &from, to]).run().code(6);
        let text = out.stderr();
        for words in [
            file,
            "bytes written",
            "File too large",
            "run the same command again",
        ] {
            assert!(text.contains(words), "{to}: `{words}`: {text}");
        }
        assert_eq!(out.stdout(), "");
    }
    assert_valid_layout(&limited.path("out"));
    for absent in [
        "out/index.json",
        "flat/manifest.json",
        "out.tar",
        "docker.tar",
    ] {
        assert!(!limited.path(absent).exists(), "{absent}");
    }
    // Without the limit the same command continues: what was written is not fetched again.
    registry.clear();
    let free = barque();
    let to = format!("oci:{}:1", limited.path("out").display());
    free.args(["copy", &from, &to]).run().ok();
    assert_holds(&limited.path("out"), "1", &image);
    let resumed = registry.with_header("range");
    let ranges: Vec<_> = resumed.iter().filter_map(|s| s.header("range")).collect();
    assert!(ranges.contains(&"bytes=1048576-"), "{ranges:?}");
}

/// A file system of its own; unmounted when dropped.
pub(super) struct Disk(PathBuf);

impl Disk {
    /// A disk of this size, where this machine permits that.
    pub(super) fn mount(at: &Path, size: &str) -> Option<Disk> {
        std::fs::create_dir(at).unwrap();
        let options = format!("size={size}");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "barque-test"])
            .arg(at)
            .output();
        mount
            .is_ok_and(|out| out.status.success())
            .then(|| Disk(at.to_owned()))
    }

    pub(super) fn grow(&self, size: &str) {
        let options = format!("remount,size={size}");
        let grown = Command::new("mount")
            .args(["-o", &options])
            .arg(&self.0)
            .status();
        assert!(grown.unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file_and_the_next_run_completes() {
    let barque = barque();
    let Some(disk) = Disk::mount(&barque.path("disk"), "5m") else {
        skips::skip("no permission to mount");
        return;
    };
    let image = heavy(4, 2 * MIB);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let args = ["copy", &registry.docker("a:1"), "oci:disk/out:1"];
    let out = barque.args(args).run().code(6);
    for words in [
        "disk/out/",
        "bytes written",
        "No space left",
        "free some space",
    ] {
        assert!(out.stderr().contains(words), "`{words}`: {}", out.stderr());
    }
    assert_valid_layout(&barque.path("disk/out"));
    assert!(!names(&barque.path("disk/out")).contains("index.json"));

    disk.grow("20m");
    registry.clear();
    barque.args(args).run().ok();
    assert_holds(&barque.path("disk/out"), "1", &image);
    let again: u64 = registry
        .requests("GET", "/blobs/")
        .iter()
        .filter(|s| s.header("range").is_none())
        .count() as u64;
    assert!(again * (2 << 20) < weight(&image), "{:?}", registry.lines());
}

#[test]
fn a_full_directory_for_temporary_files_is_not_called_continued() {
    let barque = barque();
    let Some(_disk) = Disk::mount(&barque.path("disk"), "1m") else {
        skips::skip("no permission to mount");
        return;
    };
    let image = heavy(2, 2 * MIB);
    let registry = FakeRegistry::start().image("a", "1", &image);
    let archive = ["copy", &registry.docker("a:1"), "oci-archive:a.tar:1"];
    barque.args(archive).run().ok();
    let packed = crate::support::images::gzip(&std::fs::read(barque.path("a.tar")).unwrap());
    std::fs::write(barque.path("a.tar.gz"), packed).unwrap();
    let read = ["--tmpdir=disk", "copy", "oci-archive:a.tar.gz:1", "dir:out"];
    let out = barque.args(read).run().code(6);
    for words in ["no room to unpack `a.tar.gz` in `disk`", "`--tmpdir`"] {
        assert!(out.stderr().contains(words), "`{words}`: {}", out.stderr());
    }
    assert!(!out.stderr().contains("continues"), "{}", out.stderr());
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_below_standard_output_is_6() {
    let program = env!("CARGO_BIN_EXE_barque");
    let line = format!("{program} completion bash >/dev/full");
    let out = Sandbox::of("sh").args(["-c", &line]).run().code(6);
    assert!(
        out.stderr()
            .contains("writing to standard output: No space"),
        "{}",
        out.stderr()
    );
}

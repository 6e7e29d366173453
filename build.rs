//! Tells the linker how the program starts fastest and becomes small, and packs the data that the program carries.

use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| variable(&format!("CARGO_CFG_TARGET_{part}"));
    // At a fixed address nothing has to be relocated at the start: 13,000 relocations in 50 pages were half of the
    // work of a short command. Stack, heap and libraries still move; there is no unsafe code of ours to attack.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
        if is_release() && links_with_lld() {
            // One of functions that are the same, and no tables for unwinding: in a release, a panic ends the program.
            let tables = Path::new(&variable("CARGO_MANIFEST_DIR")).join("scripts/no-unwinding.ld");
            println!("cargo:rustc-link-arg-bins=-Wl,--icf=all,--no-eh-frame-hdr");
            println!("cargo:rustc-link-arg-bins=-Wl,{}", tables.display());
        }
    }
    pack_public_suffixes()
}

/// What cargo says to build scripts; empty where it says nothing.
fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

fn is_release() -> bool {
    variable("PROFILE") == "release"
}

/// Whether the toolchain brings the linker LLD and nothing chooses another one: others do not know its flags.
fn links_with_lld() -> bool {
    let is_chosen = std::env::var_os("RUSTC_LINKER").is_some()
        || variable("CARGO_ENCODED_RUSTFLAGS").contains("link");
    let printed = std::process::Command::new(variable("RUSTC"))
        .args(["--print", "target-libdir"])
        .output();
    let Ok(printed) = printed else { return false };
    let libraries = String::from_utf8_lossy(&printed.stdout);
    let lld = Path::new(libraries.trim()).join("../bin/gcc-ld/ld.lld");
    !is_chosen
        && variable("HOST") == "x86_64-unknown-linux-gnu"
        && variable("TARGET") == variable("HOST")
        && lld.exists()
}

/// Compresses the rules of the Public Suffix List, which are 140 KB as text and needed by few commands.
fn pack_public_suffixes() -> std::io::Result<()> {
    const RULES: &str = "src/registry/public_suffix/rules.txt";
    println!("cargo:rerun-if-changed={RULES}");
    let text = std::fs::read_to_string(RULES)?;
    let out = std::env::var_os("OUT_DIR").unwrap_or_default();
    let file = std::fs::File::create(Path::new(&out).join("public_suffixes.zlib"))?;
    let mut packed = flate2::write::ZlibEncoder::new(file, flate2::Compression::best());
    for rule in text.lines().filter(|line| !line.starts_with("//")) {
        writeln!(packed, "{rule}")?;
    }
    packed.finish().map(drop)
}

//! Tells the linker how the program starts fastest, and packs the data that the program carries.

use std::io::Write;
use std::path::Path;

fn main() -> std::io::Result<()> {
    println!("cargo:rerun-if-changed=build.rs");
    let target = |part: &str| std::env::var(format!("CARGO_CFG_TARGET_{part}")).unwrap_or_default();
    // At a fixed address nothing has to be relocated at the start: 13,000 relocations in 50 pages were half of the
    // work of a short command. Stack, heap and libraries still move; there is no unsafe code of ours to attack.
    if target("OS") == "linux" && target("ENV") == "gnu" {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
    pack_public_suffixes()
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

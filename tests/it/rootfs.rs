//! A look inside images: `ls`, `cat` and what shares their reading of layers.

mod cat;
mod diff;
mod du;
mod extract;
mod gzip_index;
mod hard_links;
mod ls;
mod tables;
mod unpacked;

use std::path::Path;

use crate::support::images::{Compression, Dialect, LayerTar, Maker, TestImage, write_layout};

/// An image of these layers, base first.
fn image(layers: impl IntoIterator<Item = LayerTar>) -> TestImage {
    image_as(Compression::Gzip, layers)
}

fn image_as(compression: Compression, layers: impl IntoIterator<Item = LayerTar>) -> TestImage {
    let maker = Maker::new(Dialect::Oci).compression(compression);
    let layers = layers.into_iter().enumerate();
    let maker = layers.fold(maker, |maker, (at, layer)| {
        maker.tar_layer(&format!("layer-{at}"), layer.finish())
    });
    maker.make()
}

/// Every kind of entry, and every way in which a layer changes what is below it.
fn eventful() -> TestImage {
    let base = LayerTar::new()
        .dir("./")
        .dir("bin/")
        .file("bin/tool", b"#!/bin/sh\n")
        .hard_link("bin/alias", "bin/tool")
        .dir("etc/")
        .file("etc/keep", b"kept\n")
        .file("etc/gone", b"gone\n")
        .file("etc/changed", b"old\n")
        .symlink("etc/os-release", "../usr/lib/os-release")
        .dir("usr/")
        .dir("usr/lib/")
        .file("usr/lib/os-release", b"ID=test\n")
        .symlink("lib", "usr/lib")
        .dir("var/")
        .dir("var/cache/")
        .file("var/cache/old", b"old\n")
        .dir("var/cache/deep/")
        .file("var/cache/deep/er", b"old\n")
        .dir("opt/")
        .dir("opt/app/")
        .file("opt/app/one", b"1\n")
        .dir("srv/")
        .file("srv/becomes-dir", b"file\n")
        .dir("srv/becomes-file/")
        .file("srv/becomes-file/x", b"x\n")
        .fifo("srv/pipe");
    let middle = LayerTar::new()
        .dir("etc/")
        .file("etc/.wh.gone", b"")
        .file("etc/changed", b"new and longer\n")
        .dir("var/cache/")
        .file("var/cache/.wh..wh..opq", b"")
        .file("var/cache/new", b"new\n")
        .dir("srv/")
        .dir("srv/becomes-dir/")
        .file("srv/becomes-dir/inside", b"inside\n")
        .file("srv/becomes-file", b"now a file\n")
        .file("usr/lib/added", b"through usr\n");
    let top = LayerTar::new()
        .dir("opt/")
        .file("opt/.wh.app", b"")
        .dir("opt/app/")
        .file("opt/app/two", b"2\n")
        .file(".wh.nothing", b"")
        .dir("a directory with blanks/")
        .file("a directory with blanks/and\nlines", b"odd\n");
    image([base, middle, top])
}

/// Writes `image` as the layout `oci:DIR:v1` and returns that name.
fn in_layout(dir: &Path, image: &TestImage) -> String {
    write_layout(dir, &[("v1", image)]);
    format!("oci:{}:v1", dir.display())
}

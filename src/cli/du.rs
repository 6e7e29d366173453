//! `barque du`.

use std::collections::HashSet;

use clap::Args;

use super::flags::{Global, ImageFlags};
use super::{Outcome, names};
use crate::image::Digest;
use crate::open::OpenedImage;
use crate::report::du::{DirectoryUsage, LayerUsage, Usage, render};
use crate::rootfs::{EntryKind, Layers, NodeId, Tree, merged};
use crate::transport::Elsewhere;
use crate::{Error, Result};

const EXAMPLES: &str = "\
Examples:
  What an image takes, by layer and by directory:
    barque du docker://registry.example.com/app:1.2

  The directories that take most, two levels deep:
    barque du --depth 2 --json oci:image:v1 | jq -r \\
      '.[].Directories | sort_by(-.Files)[:10][] | \"\\(.Files) \\(.Path)\"'

  What moves to a host that has the last version:
    barque du --json app.example.com/app:2 app.example.com/app:1 \\
      | jq '.[0].Own'";

/// Show what images take: by layer, by directory, shared and wasted
///
/// Reads the layers of each image. STORED is what the layers take compressed, OWN what of it none of the other images has, FILES what the
/// files take that can be seen, WASTED what files take that an upper layer replaces or removes.
#[derive(Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct DuArgs {
    /// Images, as in docker://alpine:3.20 or oci:DIR:REF
    #[arg(required = true, value_name = "IMAGE")]
    images: Vec<String>,

    /// Show directories down to this level; 0 shows the root alone
    #[arg(short, long, value_name = "N", default_value_t = 1)]
    depth: usize,

    /// Print JSON in place of tables
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    from: ImageFlags,
}

pub(crate) async fn run(args: DuArgs, global: &Global) -> Result<Outcome> {
    let (context, wish) = args.from.reach(global)?;
    let images = args
        .images
        .iter()
        .map(|text| Ok((text, names::to_read(text, global)?)));
    let images = images.collect::<Result<Vec<_>>>()?;
    let mut usages: Vec<Usage> = Vec::new();
    for (text, name) in images {
        let measure = async || {
            let image = OpenedImage::open(&name, &context, &wish).await?;
            let layers = Layers::of(&image, Elsewhere::new(global.timeouts())).await?;
            let tree = merged(&layers).await?;
            let digest = image.manifest().digest().clone();
            Ok(usage(text.clone(), digest, &layers, &tree, args.depth))
        };
        let measured = args.from.retry.run(measure).await;
        usages.push(measured.map_err(|e: Error| e.context(format!("measuring `{text}`")))?);
    }
    compare(&mut usages);
    Ok(render(&usages, args.json).into())
}

/// What one image takes, without a look at the others.
fn usage(image: String, digest: Digest, layers: &Layers, tree: &Tree, depth: usize) -> Usage {
    let of_layers = layers.list().iter().enumerate().map(|(at, layer)| {
        let usage = tree.usage(at);
        LayerUsage {
            digest: layer.digest.clone(),
            stored: layer.size,
            entries: usage.entries,
            files: usage.bytes,
            wasted: usage.hidden,
            shared: 0,
        }
    });
    let layers: Vec<LayerUsage> = of_layers.collect();
    let mut directories = Vec::new();
    let files = below(tree, tree.root(), depth, &mut directories);
    directories.sort_by(|a, b| a.path.cmp(&b.path));
    let mut seen = HashSet::new();
    let each_once = layers.iter().filter(|layer| seen.insert(&layer.digest));
    Usage {
        image,
        digest,
        stored: each_once.map(|layer| layer.stored).sum(),
        own: 0,
        files,
        wasted: layers.iter().map(|layer| layer.wasted).sum(),
        layers,
        directories,
    }
}

/// The bytes of the files below `top`. Adds the directories down to `depth`.
fn below(tree: &Tree, top: NodeId, depth: usize, to: &mut Vec<DirectoryUsage>) -> u64 {
    // Files of which the first name is gone: they count with the first of their other names.
    let mut counted = HashSet::new();
    // Directories on the way, with what is left to look at in each and the bytes so far.
    let mut open = vec![(top, tree.children(top), 0)];
    loop {
        let level = open.len() - 1;
        let Some((id, children, bytes)) = open.last_mut() else {
            return 0;
        };
        if let Some(child) = children.pop() {
            let node = tree.node(child);
            match node.kind {
                EntryKind::Directory => open.push((child, tree.children(child), 0)),
                // A file counts once, whatever names it has.
                EntryKind::File => *bytes += node.size(),
                EntryKind::HardLink
                    if tree.first_name(child).is_none() && counted.insert(tree.origin(child)) =>
                {
                    *bytes += node.size();
                }
                _ => {}
            }
            continue;
        }
        let (id, bytes) = (*id, *bytes);
        if level <= depth {
            let path = tree.path(id).to_string();
            to.push(DirectoryUsage { path, files: bytes });
        }
        open.pop();
        match open.last_mut() {
            Some((_, _, outer)) => *outer += bytes,
            None => return bytes,
        }
    }
}

/// Fills in what the images have in common.
fn compare(usages: &mut [Usage]) {
    let digests = |usage: &Usage| usage.layers.iter().map(|l| l.digest.clone()).collect();
    let all: Vec<HashSet<Digest>> = usages.iter().map(digests).collect();
    for (at, usage) in usages.iter_mut().enumerate() {
        let mut counted = HashSet::new();
        for layer in &mut usage.layers {
            let others = all.iter().enumerate().filter(|(other, _)| *other != at);
            layer.shared = others
                .filter(|(_, digests)| digests.contains(&layer.digest))
                .count();
            if layer.shared == 0 && counted.insert(&layer.digest) {
                usage.own += layer.stored;
            }
        }
    }
}

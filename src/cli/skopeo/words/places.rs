//! What skopeo says of layouts, directories and archives that are not there, are something else, or lack the image.

use std::path::Path;

use super::{Call, missing_file, quoted, says};
use crate::Error;
use crate::image::Selector;

/// The message for a layout or a directory without a path, which skopeo looks for in the working directory.
pub(super) fn nowhere(call: &Call, name: &str) -> Option<String> {
    let missing = |file: &str| format!("open {file}: no such file or directory");
    Some(match (call.command, name) {
        ("inspect", "oci:") => format!("Error parsing image name \"oci:\": {}", missing("index.json")),
        ("inspect", "dir:") => format!(
            "Error retrieving manifest for image: {}",
            missing("manifest.json")
        ),
        ("copy", "oci:") if call.names.first()? == name => {
            format!("initializing source oci::: {}", missing("index.json"))
        }
        ("copy", "dir:") if call.names.first()? == name => format!(
            "determining manifest MIME type for dir:: {}",
            missing("manifest.json")
        ),
        ("copy", "oci:") => "initializing destination oci::: mkdir : no such file or directory".into(),
        ("copy", "dir:") => "initializing destination dir:: not a containers image directory, don't want to overwrite important data".into(),
        _ => return None,
    })
}

/// Whether the archive `name` can be read and has no such image, which skopeo finds out late.
pub(super) fn is_unlisted(name: &str, error: &Error) -> bool {
    let late = ["and none is named", "has no image named `"];
    name.starts_with("docker-archive:") && late.iter().any(|text| says(error, text))
}

/// Why the first file of a directory, `path`, cannot be opened.
pub(super) fn not_opened(path: &str, error: &Error) -> Option<String> {
    let is_file = says(error, "` is a file, not ") || says(error, "not a directory (os error 20)");
    let is_file = is_file || Path::new(path).parent().is_some_and(|dir| dir.is_file());
    let lacks = |file: &str| path.ends_with(file) && says(error, &format!("it has no `{file}`"));
    let is_none = lacks("index.json") || lacks("manifest.json") || missing_file(error).is_some();
    match (is_file, is_none) {
        (true, _) => Some(format!("open {path}: not a directory")),
        (false, true) => Some(format!("open {path}: no such file or directory")),
        _ => None,
    }
}

/// What is said of an archive of `docker save` that has no such image.
pub(super) fn in_docker_archive(selector: &Selector, error: &Error) -> Option<String> {
    if says(error, "and none is named") {
        let text = error.chain().map(ToString::to_string);
        let images = text.filter_map(|text| Some(text.split_once("` holds ")?.1.to_owned()));
        let count = images.last()?.split(' ').next()?.to_owned();
        return Some(format!(
            "Unexpected tar manifest.json: expected 1 item, got {count}"
        ));
    }
    match selector {
        Selector::Named(_) => {
            let name = quoted(error, "has no image named `")?;
            Some(format!("Tag \"{name}\" not found"))
        }
        _ => None,
    }
}

/// What is said of a layout that has no such image.
pub(super) fn in_layout(selector: &Selector, error: &Error) -> Option<String> {
    if says(error, "and none is named") {
        return Some("more than one image in oci, choose an image".into());
    }
    match selector {
        Selector::Named(name) if says(error, "has no image named") => {
            Some(format!("no descriptor found for reference \"{name}\""))
        }
        _ => None,
    }
}

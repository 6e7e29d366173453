use std::path::Path;

use barque::Result;
use barque::image::parse_reference;
use barque::settings::paths::Environment;
use barque::settings::registries_d::{Lookaside, RegistriesD, SignaturePlace};
use url::Url;

/// The files `files` in a directory of their own, read as a user with the home folder `/home/u` reads them.
fn read(files: &[(&str, &str)]) -> Result<RegistriesD> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    RegistriesD::load_in(Some(folder.path()), &Environment::with_home("/home/u"))
}

fn place(all: &RegistriesD, image: &str) -> SignaturePlace {
    all.of(&parse_reference(image).unwrap()).unwrap()
}

fn folder(path: &str) -> Option<Lookaside> {
    Some(Lookaside::Folder(path.into()))
}

fn server(url: &str) -> Option<Lookaside> {
    Some(Lookaside::Server(Url::parse(url).unwrap()))
}

#[test]
fn each_setting_is_that_of_the_most_specific_section_that_has_it() {
    let all = read(&[
        (
            "a.yaml",
            "default-docker:\n  lookaside: file:///default\n  future-key: 1\ndocker:\n  r.example:\n    lookaside: https://s.example/sigs/\n    lookaside-staging: file:///out\n    use-sigstore-attachments: true\n",
        ),
        (
            "b.yaml",
            "docker:\n  r.example/team:\n    use-sigstore-attachments: false\n  r.example/team/app:v1:\n    sigstore: http://old.example\n  '*.wild.example':\n    sigstore-staging: file:///wild\n  empty.example:\n",
        ),
        ("c.yml", "not read: ["),
        ("d.yaml", ""),
        ("e.yaml", "{}"),
    ])
    .unwrap();
    let app = place(&all, "r.example/team/app:v2");
    assert_eq!(app.read, server("https://s.example/sigs/team/app"));
    assert_eq!(app.write, folder("/out/team/app"));
    assert!(!app.attachments && place(&all, "r.example/x").attachments);
    let v1 = place(&all, "r.example/team/app:v1");
    assert_eq!(v1.read, server("http://old.example/team/app"));
    let wild = place(&all, "a.wild.example:5000/x");
    assert_eq!(
        (wild.read, wild.write),
        (folder("/default/x"), folder("/wild/x"))
    );
    assert_eq!(
        place(&all, "alpine").read,
        folder("/default/library/alpine")
    );
}

#[test]
fn without_files_signatures_are_in_the_home_folder() {
    let all = read(&[]).unwrap();
    let image = place(&all, "r.example/a/b");
    let usual = folder("/home/u/.local/share/containers/sigstore/a/b");
    assert_eq!((&image.read, &image.write), (&usual, &usual));
    assert!(!image.attachments);
    let missing = RegistriesD::load_in(Some(Path::new("/no/such")), &Environment::default());
    let missing = place(&missing.unwrap(), "r.example/a/b");
    assert_eq!((missing.read, missing.write), (None, None));
}

#[test]
fn what_is_wrong_is_named_with_file_line_and_key() {
    for (text, line, key) in [
        ("default-docker:\n  lookaside: [1]\n", 2, "`lookaside: [1]`"),
        (
            "docker:\n  a:\n    use-sigstore-attachments: perhaps\n",
            3,
            "`use-sigstore-attachments: perhaps`",
        ),
        ("docker:\n  a: {}\n  b: 7\n", 3, "`b: 7`"),
        ("docker: 5\n", 1, "`docker: 5`"),
        ("docker:\n  a: {}\n  a: {}\n", 3, "`a: {}`"),
        ("docker: [\n", 1, "`docker: [`"),
    ] {
        let e = read(&[("x.yaml", text)]).unwrap_err().to_string();
        assert!(
            e.contains(&format!("/x.yaml` line {line}, `")),
            "{text}: {e}"
        );
        assert!(e.contains(key), "{text}: {e}");
    }
    let text = "docker:\n  a.example: {}\n";
    let e = read(&[("x.yaml", text), ("y.yaml", text)])
        .unwrap_err()
        .to_string();
    assert!(
        e.contains("`docker.a.example` is in `") && e.contains("y.yaml"),
        "{e}"
    );
    let text = "default-docker: {}\n";
    assert!(read(&[("x.yaml", text), ("y.yaml", text)]).is_err());
}

#[test]
fn a_lookaside_that_is_no_url_fails_for_its_images_only() {
    let text = "docker:\n  a.example:\n    lookaside: /plain/path\n  b.example:\n    lookaside-staging: ftp://x/y\n";
    let all = read(&[("x.yaml", text)]).unwrap();
    for (image, key) in [
        ("a.example/i", "`lookaside`"),
        ("b.example/i", "`lookaside-staging`"),
    ] {
        let e = all.of(&parse_reference(image).unwrap()).unwrap_err();
        assert!(
            e.to_string().contains("x.yaml`: ") && e.to_string().contains(key),
            "{e}"
        );
    }
    assert!(all.of(&parse_reference("c.example/i").unwrap()).is_ok());
}

/// skopeo does the same: signatures in the staging place of a less specific section would not be found.
#[test]
fn signatures_are_written_where_the_most_specific_section_has_a_place() {
    let all = read(&[
        ("a.yaml", "default-docker:\n  lookaside-staging: file:///staging\n"),
        (
            "b.yaml",
            "docker:\n  r.example:\n    lookaside: file:///mine\n  r.example/old:\n    lookaside: ''\n    sigstore: file:///old\n",
        ),
    ])
    .unwrap();
    let of = |image| {
        let place = place(&all, image);
        (place.read, place.write)
    };
    let (mine, old) = (folder("/mine/app"), folder("/old/old/app"));
    assert_eq!(of("r.example/app"), (mine.clone(), mine));
    assert_eq!(of("r.example/old/app"), (old.clone(), old));
    assert_eq!(of("other.example/app").1, folder("/staging/app"));
}

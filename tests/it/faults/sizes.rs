//! Answers and files that would take all memory, all of a disk or all time: each has a bound, and its error says so.
//!
//! Memory is measured by the kernel: barque runs under a limit on the memory that it may write to, and is killed by an
//! allocation beyond it.

use std::io::{BufRead, BufReader, Seek, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::barque;
use super::disk::Disk;
use crate::support::fake::{FakeRegistry, Reply, on};
use crate::support::images;
use crate::support::peers;
use crate::support::sandbox::{Sandbox, names};

const MIB: usize = 1 << 20;

/// barque, which dies when it takes more than this.
fn within(mib: usize) -> Sandbox {
    Sandbox::of("prlimit")
        .first_arg(&format!("--data={}", mib * MIB))
        .first_arg(env!("CARGO_BIN_EXE_barque"))
}

/// `bytes` as gzip.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn packed(body: &str) -> Reply {
    Reply::new(200, gzip(body.as_bytes())).with("Content-Encoding", "gzip")
}

/// Several million tags of one letter in one page.
fn many_tags() -> (FakeRegistry, usize) {
    let count = 1_500_000;
    let page = format!("{{\"tags\":[{}\"a\"]}}", "\"a\",".repeat(count - 1));
    let registry = FakeRegistry::start()
        .image("a", "1", &images::small())
        .rule(on("GET").path("/tags/list").answer(packed(&page)));
    (registry, count)
}

#[test]
fn a_page_of_millions_of_tags_takes_no_memory() {
    peers::needs!("prlimit");
    let (registry, count) = many_tags();
    let (small, larger) = (within(64), within(128));
    let args = ["tags", "--plain", &registry.docker("a")];
    let plain = small.args(args).run().ok();
    assert_eq!(plain.stdout_bytes().len(), 2 * count);
    for (args, hint) in [
        (["tags", &registry.docker("a")], "`--plain`"),
        (["inspect", &registry.docker("a:1")], "`--no-tags`"),
    ] {
        let out = larger.args(args).run().code(1);
        assert!(
            out.stderr().contains("too many for one document"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().contains(hint), "{}", out.stderr());
        assert_eq!(out.stdout(), "", "a document is whole or not there");
    }
    assert_eq!(registry.requests("GET", "/tags/list").len(), 3);
}

#[test]
fn a_long_list_is_one_document() {
    let tags: Vec<String> = (0..50_000).map(|i| format!("t{i}")).collect();
    let page = serde_json::json!({ "tags": tags }).to_string();
    let registry = FakeRegistry::start().rule(on("GET").path("/tags/list").answer(packed(&page)));
    let out = barque().args(["tags", &registry.docker("a")]).run().ok();
    assert!(out.json()["Tags"] == serde_json::json!(tags));
}

/// A registry whose every page has one more tag, and a link of `length` bytes to the next. It counts its requests.
struct Endless {
    address: String,
    requests: Arc<AtomicUsize>,
}

impl Endless {
    fn start(length: usize) -> Endless {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = requests.clone();
        std::thread::spawn(move || {
            // Until the one connection that says so ends.
            while let Ok((connection, _)) = listener.accept() {
                if !answer_all(connection, length, &count) {
                    return;
                }
            }
        });
        Endless { address, requests }
    }

    fn asked(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let stop = TcpStream::connect(&self.address).and_then(|mut c| c.write_all(b"STOP\r\n\r\n"));
        drop(stop);
    }
}

/// Answers the requests of a connection; whether to go on with another one.
fn answer_all(connection: TcpStream, length: usize, requests: &AtomicUsize) -> bool {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    let mut connection = connection;
    while let Some(Ok(line)) = lines.next() {
        if line.starts_with("STOP") {
            return false;
        }
        if !line.is_empty() {
            continue;
        }
        let n = requests.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{{"tags":["t{n}"]}}"#);
        let filler = "x".repeat(length);
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nLink: </v2/a/tags/list?p={n}{filler}>; rel=next\r\n\r\n",
            body.len()
        );
        if connection.write_all((head + &body).as_bytes()).is_err() {
            break;
        }
    }
    true
}

#[test]
fn pages_without_end_have_an_end() {
    peers::needs!("prlimit");
    for (length, asked, told) in [
        (10_000, 1000, "does not end: 1000 pages gave 1000 tags"),
        (60_000, 1, "at most 16384 are followed"),
    ] {
        let endless = Endless::start(length);
        let name = format!("docker://{}/a", endless.address);
        let sandbox = within(64);
        let out = sandbox.args(["tags", "--plain", &name]).run().code(5);
        assert!(out.stderr().contains(told), "{}", out.stderr());
        assert_eq!(endless.asked(), asked);
        assert_eq!(out.stdout().lines().count(), asked);
    }
}

#[test]
fn a_page_that_breaks_off_goes_on_where_it_was() {
    let list = |first: usize| {
        let tags: Vec<String> = (first..first + 20_000)
            .map(|i| format!("t{i:05}"))
            .collect();
        (
            tags.join("\n") + "\n",
            serde_json::json!({ "tags": tags }).to_string(),
        )
    };
    let (wanted, page) = list(0);
    let registry = FakeRegistry::start()
        .rule(on("GET").path("/tags/list").json(&page))
        .rule(on("GET").path("/tags/list").first(2).rst_after(90_000));
    let args = ["tags", "--plain", &registry.docker("a")];
    let out = barque().args(args).run().ok();
    assert!(out.stdout() == wanted, "each tag once, in order");
    assert_eq!(registry.lines().len(), 3, "{:?}", registry.lines());

    let (_, other) = list(1);
    let registry = FakeRegistry::start()
        .rule(on("GET").path("/tags/list").json(&other))
        .rule(
            on("GET")
                .path("/tags/list")
                .first(1)
                .json(&page)
                .fin_after(90_000),
        );
    let args = ["tags", "--plain", &registry.docker("a")];
    let out = barque().args(args).run().code(5);
    assert!(out.stderr().contains("was another one"), "{}", out.stderr());
    assert!(wanted.starts_with(out.stdout()));
}

#[cfg(feature = "legacy")]
#[test]
fn a_search_that_finds_millions_is_refused() {
    peers::needs!("prlimit");
    let hits = |count: usize| format!("{{\"results\":[{}{{}}]}}", "{},".repeat(count - 1));
    for (count, told) in [
        (1_000_000, "at most 100000 results"),
        (6_000_000, "larger than 16 MiB"),
    ] {
        let registry =
            FakeRegistry::start().rule(on("GET").path("/v1/search").answer(packed(&hits(count))));
        let term = format!("{}/a", registry.address());
        let sandbox = within(64);
        let out = sandbox.args(["search", &term]).run().code(4);
        assert!(out.stderr().contains(told), "{}", out.stderr());
    }
}

/// A header of a tar.
fn header(name: &str, kind: u8, size: u64) -> tar::Header {
    let mut header = tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.as_old_mut().linkflag = [kind];
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    header
}

#[test]
fn names_and_headers_of_an_archive_are_bounded_in_all() {
    peers::needs!("prlimit");
    let sandbox = within(128);
    let path = sandbox.path("a.tar");
    let name = format!("oci-archive:{}", path.display());

    // Links to names of almost a MiB.
    let mut file = std::fs::File::create(&path).unwrap();
    let target = "a".repeat(1_000_000);
    let record = format!("{} linkpath={target}\n", target.len() + 18);
    assert_eq!(record.len(), target.len() + 18);
    let mut extension = header("x", b'x', record.len() as u64).as_bytes().to_vec();
    extension.extend_from_slice(record.as_bytes());
    extension.resize(extension.len().next_multiple_of(512), 0);
    for _ in 0..100 {
        file.write_all(&extension).unwrap();
        file.write_all(header("l", b'2', 0).as_bytes()).unwrap();
    }
    let out = sandbox.args(["inspect", "--raw", &name]).run().code(4);
    assert!(
        out.stderr().contains("more than 64 MiB of names"),
        "{}",
        out.stderr()
    );

    // Names that each replace the one before, in a file that is mostly holes.
    let mut file = std::fs::File::create(&path).unwrap();
    for _ in 0..300 {
        file.write_all(header("x", b'L', MIB as u64).as_bytes())
            .unwrap();
        file.seek_relative(MIB as i64).unwrap();
    }
    file.write_all(header("a", b'0', 0).as_bytes()).unwrap();
    let out = sandbox.args(["inspect", "--raw", &name]).run().code(4);
    assert!(
        out.stderr().contains("more than 256 MiB of names"),
        "{}",
        out.stderr()
    );
}

#[test]
fn a_compressed_archive_is_unpacked_within_bounds() {
    let barque = barque();
    let zeros = gzip(&vec![0; 16 * MIB]);
    let path = barque.path("bomb.tar.gz");
    let name = format!("oci-archive:{}", path.display());
    let begin = gzip(header("a", b'0', 7 << 30).as_bytes());
    std::fs::write(&path, [begin, zeros.repeat(448)].concat()).unwrap();
    for command in [
        ["inspect", "--raw", &name],
        ["tags", "--plain", &name],
        ["layers", "--list", &name],
    ] {
        let out = barque
            .args(command)
            .args(["--max-unpacked", "40MiB"])
            .run()
            .code(1);
        assert!(
            out.stderr().contains("more than 41943040 bytes"),
            "{}",
            out.stderr()
        );
        assert!(out.stderr().contains("hint:") && out.stderr().contains("`--max-unpacked"));
        assert!(names(&barque.tmp()).is_empty());
    }
    // As a destination it is not unpacked at all.
    let copy = ["copy", "--max-unpacked", "1", "oci:none:1", &name];
    let out = barque.args(copy).run();
    assert!(!out.stderr().contains("max-unpacked"), "{}", out.stderr());
}

#[test]
fn what_is_no_tar_is_not_unpacked() {
    peers::needs!("prlimit");
    // A file of more than a MiB cannot be written.
    let sandbox = Sandbox::of("prlimit")
        .first_arg(&format!("--fsize={MIB}"))
        .first_arg(env!("CARGO_BIN_EXE_barque"));
    for (file, content) in [
        ("zeros.gz", gzip(&vec![0; 16 * MIB]).repeat(256)),
        ("noise.gz", gzip(&images::noise(1, 16 * MIB))),
    ] {
        std::fs::write(sandbox.path(file), content).unwrap();
        let name = format!("docker-archive:{file}");
        let out = sandbox.args(["inspect", &name]).run().code(4);
        assert!(
            out.stderr().contains("is not a tar archive"),
            "{}",
            out.stderr()
        );
    }
    for device in ["/dev/zero", "/dev/urandom"] {
        let name = format!("oci-archive:{device}");
        let out = sandbox.args(["inspect", &name]).run().code(4);
        assert!(
            out.stderr().contains("is not a tar archive"),
            "{}",
            out.stderr()
        );
    }
}

#[test]
fn a_disk_is_not_filled_by_unpacking() {
    let barque = barque();
    let Some(_disk) = Disk::mount(&barque.path("disk"), "20m") else {
        eprintln!("skipped: no permission to mount");
        return;
    };
    let bomb = [
        gzip(header("a", b'0', 1 << 30).as_bytes()),
        gzip(&vec![0; 16 * MIB]).repeat(64),
    ];
    std::fs::write(barque.path("bomb.tar.gz"), bomb.concat()).unwrap();
    let noise = [
        gzip(header("a", b'0', 24 << 20).as_bytes()),
        gzip(&images::noise(1, 24 * MIB)),
    ];
    std::fs::write(barque.path("large.tar.gz"), noise.concat()).unwrap();
    for (file, written) in [
        ("bomb.tar.gz", "MiB were written"),
        ("large.tar.gz", " 0 MiB were written"),
    ] {
        let name = format!("oci-archive:{file}");
        let args = ["inspect", "--tmpdir", "disk", &name];
        let out = barque.args(args).run().code(6);
        assert!(out.stderr().contains(written), "{}", out.stderr());
        assert!(out.stderr().contains("`--tmpdir`"), "{}", out.stderr());
        assert!(names(&barque.path("disk")).is_empty());
    }
}

#[test]
fn files_of_settings_are_read_to_a_limit() {
    peers::needs!("prlimit");
    let registry = FakeRegistry::start().image("a", "1", &images::small());
    let sandbox = within(160);
    std::fs::create_dir(sandbox.path("certs")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", sandbox.path("certs/a.crt")).unwrap();
    let args = ["inspect", "--registry-token", "t", "--cert-dir", "certs"];
    let out = sandbox
        .args(args)
        .args([registry.docker("a:1")])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("it is larger than 8192 KiB"),
        "{}",
        out.stderr()
    );
    let out = sandbox
        .args(["inspect", "--registry-token", "t", &registry.docker("a:1")])
        .env("SSL_CERT_FILE", "/dev/zero")
        .run()
        .code(1);
    assert!(
        out.stderr().contains("it is larger than 32768 KiB"),
        "{}",
        out.stderr()
    );
    let key = ["copy", "--format", "v2s1", "--schema1-key", "/dev/zero"];
    let out = sandbox
        .args(key)
        .args([&registry.docker("a:1"), "dir:d"])
        .run()
        .code(1);
    assert!(
        out.stderr().contains("it is larger than 1024 KiB"),
        "{}",
        out.stderr()
    );
    let args = ["login", "--get-login", "--authfile", "/dev/zero", "r.io"];
    let out = sandbox.args(args).run().code(1);
    assert!(
        out.stderr().contains("no credential file"),
        "{}",
        out.stderr()
    );
}

//! A fresh home and an empty environment for one program, and what a run of it left behind.
//!
//! Separate from `barque.rs` because the peers (skopeo, umoci) need the same isolation: no proxy, credential
//! file or colour setting of the developer's machine may decide a test. A run that lasts longer than
//! [`LIMIT`] is killed and fails its test, so that a hang is a message and not a silent build.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long one run may last before it counts as hung.
const LIMIT: Duration = Duration::from_secs(60);

/// A program with a home (`HOME`, `XDG_*`, `TMPDIR`) and a working directory that nobody else uses.
pub struct Sandbox {
    program: PathBuf,
    root: TempDir,
    env: Vec<(OsString, OsString)>,
    first_args: Vec<OsString>,
}

impl Sandbox {
    /// A sandbox for `program`, a path or a name on `PATH`.
    pub fn of(program: impl Into<PathBuf>) -> Sandbox {
        let root = TempDir::new().unwrap();
        for dir in ["home", "work", "run", "tmp"] {
            std::fs::create_dir(root.path().join(dir)).unwrap();
        }
        Sandbox {
            program: program.into(),
            root,
            env: Vec::new(),
            first_args: Vec::new(),
        }
    }

    /// Sets a variable for all runs in this sandbox.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Sandbox {
        self.env.push((name.into(), value.as_ref().into()));
        self
    }

    /// An argument that every run begins with.
    pub fn first_arg(mut self, arg: &str) -> Sandbox {
        self.first_args.push(arg.into());
        self
    }

    /// The home directory, empty at first.
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// `XDG_RUNTIME_DIR`, where podman and skopeo keep `containers/auth.json`.
    pub fn runtime_dir(&self) -> PathBuf {
        self.root.path().join("run")
    }

    /// `TMPDIR`, to see that nothing was left in it.
    pub fn tmp(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// A path below the working directory.
    pub fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.root.path().join("work").join(below)
    }

    /// Writes a file below the home directory, parents included, readable by its owner only.
    pub fn write_home(&self, below: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.home().join(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, owner_only).unwrap();
        path
    }

    /// A run with these arguments, not started yet.
    pub fn args<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Run {
        let mut command = Command::new(&self.program);
        command
            .args(&self.first_args)
            .args(args)
            .current_dir(self.path(""))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("LC_ALL", "C.UTF-8")
            .env("TZ", "UTC")
            .env("HOME", self.home())
            .env("XDG_CONFIG_HOME", self.home().join(".config"))
            .env("XDG_DATA_HOME", self.home().join(".local/share"))
            .env("XDG_CACHE_HOME", self.home().join(".cache"))
            .env("XDG_RUNTIME_DIR", self.runtime_dir())
            .env("TMPDIR", self.tmp())
            .envs(self.env.iter().map(|(name, value)| (name, value)));
        Run {
            command,
            stdin: Vec::new(),
        }
    }
}

/// One run being prepared.
pub struct Run {
    command: Command,
    stdin: Vec<u8>,
}

impl Run {
    /// Sets a variable for this run only.
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Run {
        self.command.env(name, value);
        self
    }

    /// Adds more arguments.
    pub fn args<S: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = S>) -> Run {
        self.command.args(args);
        self
    }

    /// Runs in another directory than the sandbox's.
    pub fn in_dir(mut self, dir: impl AsRef<Path>) -> Run {
        self.command.current_dir(dir);
        self
    }

    /// What the program reads on standard input; without it the input is empty.
    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Run {
        self.stdin = bytes.as_ref().to_vec();
        self
    }

    /// Starts the program and waits for its end.
    pub fn run(self) -> Output {
        self.start().wait()
    }

    /// Starts the program, for tests that interrupt it.
    pub fn start(mut self) -> Running {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let line = words
            .map(|w| w.to_string_lossy())
            .collect::<Vec<_>>()
            .join(" ");
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|e| panic!("cannot start {line}: {e}"));
        let mut input = child.stdin.take().unwrap();
        let bytes = self.stdin;
        // A program that does not read its input closes the pipe; that is no failure of the test.
        std::thread::spawn(move || drop(input.write_all(&bytes)));
        Running {
            line,
            stdout: collect(child.stdout.take().unwrap()),
            stderr: collect(child.stderr.take().unwrap()),
            child,
            started: Instant::now(),
        }
    }
}

/// What came out of a pipe, and is still coming.
struct Collected {
    so_far: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

fn collect(mut pipe: impl Read + Send + 'static) -> Collected {
    let so_far = Arc::new(Mutex::new(Vec::new()));
    let into = so_far.clone();
    let reader = std::thread::spawn(move || {
        let mut piece = [0; 8192];
        while let Ok(length @ 1..) = pipe.read(&mut piece) {
            into.lock().unwrap().extend_from_slice(&piece[..length]);
        }
    });
    Collected { so_far, reader }
}

impl Collected {
    fn all(self) -> Vec<u8> {
        self.reader.join().unwrap();
        std::mem::take(&mut self.so_far.lock().unwrap())
    }
}

/// A started program. It is expected to be waited for; the limit counts from its start.
pub struct Running {
    line: String,
    child: Child,
    stdout: Collected,
    stderr: Collected,
    started: Instant,
}

impl Running {
    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until this much has come out on standard output, and fails the test after [`LIMIT`].
    pub fn wait_for_stdout(&self, wanted: &[u8]) {
        while !self.stdout.so_far.lock().unwrap().starts_with(wanted) {
            assert!(self.started.elapsed() < LIMIT, "not printed: {}", self.line);
            std::thread::sleep(Duration::from_millis(3));
        }
    }

    /// Sends a signal by its name without `SIG`, such as `INT` or `KILL`.
    pub fn signal(&self, name: &str) {
        let done = Command::new("kill")
            .args(["-s", name, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(done.success(), "cannot send {name} to {}", self.line);
    }

    /// Whether it has not ended yet.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Kills it, unless it has ended, and returns what it left.
    pub fn kill(mut self) -> Output {
        // One that has ended cannot be killed, which is as good.
        let _ = self.child.kill();
        self.wait()
    }

    /// Waits for the end; a run over the limit is killed and fails the test.
    pub fn wait(mut self) -> Output {
        let mut hung = false;
        let status = loop {
            match self.child.try_wait().unwrap() {
                Some(status) => break status,
                None if self.started.elapsed() > LIMIT => {
                    hung = true;
                    self.child.kill().unwrap();
                    break self.child.wait().unwrap();
                }
                None => std::thread::sleep(Duration::from_millis(3)),
            }
        };
        let output = Output {
            line: self.line,
            status,
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        };
        assert!(!hung, "killed after {LIMIT:?}: {}", output.describe());
        output
    }
}

/// What a finished run left: its status and both streams.
pub struct Output {
    line: String,
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl Output {
    /// Requires exit code 0.
    #[track_caller]
    pub fn ok(self) -> Output {
        self.code(0)
    }

    /// Requires this exit code.
    #[track_caller]
    pub fn code(self, wanted: i32) -> Output {
        assert!(
            self.status.code() == Some(wanted),
            "exit code {wanted} wanted: {}",
            self.describe()
        );
        self
    }

    /// The exit code, or none when a signal ended the run.
    pub fn exit_code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Standard output as text.
    #[track_caller]
    pub fn stdout(&self) -> &str {
        std::str::from_utf8(&self.stdout).expect("stdout is UTF-8")
    }

    /// Standard output as it came.
    pub fn stdout_bytes(&self) -> &[u8] {
        &self.stdout
    }

    /// Standard error as text.
    #[track_caller]
    pub fn stderr(&self) -> &str {
        std::str::from_utf8(&self.stderr).expect("stderr is UTF-8")
    }

    /// Standard output as one JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|e| panic!("stdout is no JSON ({e}): {}", self.describe()))
    }

    fn describe(&self) -> String {
        format!(
            "{}\n{}\n--- stdout\n{}\n--- stderr\n{}",
            self.line,
            self.status,
            String::from_utf8_lossy(&self.stdout),
            String::from_utf8_lossy(&self.stderr)
        )
    }
}

/// The names in the directory `dir`, sorted.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

//! Unix.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::TempPath;

mod folder;

pub(crate) use folder::{Folder, describe};
pub(crate) use std::os::unix::fs::FileExt;

/// Whether both are of the same file.
pub(crate) fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

/// Which file it is, and when anything about it changed last. No program can set that time back, so it also shows a change that
/// kept the size and the time of modification.
#[cfg(feature = "serve")]
pub(crate) fn marks(about: &Metadata) -> [u64; 4] {
    let changed = [about.ctime(), about.ctime_nsec()].map(i64::cast_unsigned);
    [about.dev(), about.ino(), changed[0], changed[1]]
}

/// How many names a file has; 0 if the system does not say.
pub(crate) fn names(about: &Metadata) -> u64 {
    about.nlink()
}

/// Whether both files have the same owner.
pub(crate) fn has_same_owner(a: &Metadata, b: &Metadata) -> bool {
    a.uid() == b.uid()
}

/// Whether no other user can have put anything into the directory `about`.
pub(crate) fn is_mine_alone(about: &Metadata) -> bool {
    about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0
}

/// Whether the link `about` in `directory` may be a trap: in a directory where everybody may make names and only their
/// owners remove them, as `/tmp`, it belongs to neither the user, nor root, nor the owner of the directory.
pub(crate) fn is_foreign_link(about: &Metadata, directory: &Metadata) -> bool {
    let trusted = [0, rustix::process::geteuid().as_raw(), directory.uid()];
    directory.mode() & 0o1002 == 0o1002 && !trusted.contains(&about.uid())
}

/// Whether the file `about` can be run.
pub(crate) fn is_program(about: &Metadata) -> bool {
    about.is_file() && about.permissions().mode() & 0o111 != 0
}

/// Whether users who are neither the owner nor of the file's group may read or change the file. A group is left alone: it
/// is how people share a file on purpose.
pub(crate) fn is_open_to_all(about: &Metadata) -> bool {
    about.is_file() && about.permissions().mode() & 0o006 != 0
}

/// The user's number.
pub(crate) fn user() -> Option<u32> {
    Some(rustix::process::getuid().as_raw())
}

/// The permission bits of a file, with those for set-user-id, set-group-id and sticky.
pub(crate) fn mode(about: &Metadata) -> u32 {
    about.mode() & 0o7777
}

/// Makes the new file `to` as private as the file `from`; its owner can go on writing to it.
pub(crate) fn keep_mode(to: &File, from: &Metadata) {
    // A file system that cannot do it gives all of its files one mode.
    let _ = to.set_permissions(Permissions::from_mode(mode(from) | 0o600));
}

/// Gives the file `to` owner, group and mode of the file `from`, as far as this user and the file system can.
pub(crate) fn keep_owner(to: &File, from: &Metadata) {
    let Ok(is) = to.metadata() else {
        return;
    };
    let mut mode = mode(from);
    if is.uid() != from.uid() {
        // Only root can give a file away.
        let _ = fchown(to, Some(from.uid()), None);
    }
    if is.gid() != from.gid() && fchown(to, None, Some(from.gid())).is_err() {
        // Another group gets no more than everybody has.
        mode = (mode & !0o070) | (mode & 0o007) << 3;
    }
    let _ = to.set_permissions(Permissions::from_mode(mode));
}

/// Lets its owner change what is in the directory `path`; `false` where that changes nothing.
pub(crate) fn make_writable(path: &Path) -> io::Result<bool> {
    let mode = std::fs::symlink_metadata(path)?.mode();
    std::fs::set_permissions(path, Permissions::from_mode(mode | 0o700))?;
    Ok(true)
}

/// The folder `name` of this machine's configuration.
pub(crate) fn machine_folder(name: &str) -> PathBuf {
    Path::new("/etc").join(name)
}

/// The folder `name` of what packages bring, if the system has such a place.
pub(crate) fn packaged_folder(name: &str) -> Option<PathBuf> {
    Some(Path::new("/usr/share").join(name))
}

/// The name of a folder for the host `HOST[:PORT]`.
pub(crate) fn host_folder(host: &str) -> Cow<'_, str> {
    host.into()
}

/// Makes the names in the directory `path` durable.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// How the address of a socket begins.
pub(crate) const SOCKET: &str = "unix://";

/// Where a Docker Engine listens by default.
pub(crate) const ENGINE: &str = "unix:///var/run/docker.sock";

/// Where large temporary files go: unlike `/tmp`, this is not kept in memory anywhere.
pub(crate) fn roomy_directory() -> PathBuf {
    PathBuf::from("/var/tmp")
}

/// Opens pipes without waiting for their other end.
pub(crate) fn without_waiting(options: &mut OpenOptions) {
    options.custom_flags(libc::O_NONBLOCK);
}

/// As [`without_waiting`], and follows no link.
pub(crate) fn without_links(options: &mut OpenOptions) {
    options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
}

/// Makes files for their owner alone.
pub(crate) fn private_file(options: &mut OpenOptions) {
    options.mode(0o600);
}

/// Makes files that others may read and only their owner may change.
#[cfg(all(feature = "cli", feature = "trust"))]
pub(crate) fn public_file(options: &mut OpenOptions) {
    options.mode(0o644);
}

/// Makes directories for their owner alone.
pub(crate) fn private_directory(builder: &mut DirBuilder) {
    builder.mode(0o700);
}

/// Makes temporary files that others may read, as other files are.
pub(crate) fn readable_by_all(builder: &mut tempfile::Builder<'_, '_>) {
    builder.permissions(Permissions::from_mode(0o644));
}

/// Gives the file `from` the name `to`, in place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::rename(from, to)
}

/// Gives a temporary file the name `to`, in place of what has it.
pub(crate) fn persist(temporary: TempPath, to: &Path) -> io::Result<()> {
    temporary.persist(to).map_err(|e| e.error)
}

/// Standard input as a file with a handle that closes alone.
pub(crate) fn stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// Standard output as a file with a handle that closes alone.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?))
}

/// The writing end of a pipe as a file.
pub(crate) fn pipe_file(pipe: PipeWriter) -> File {
    File::from(OwnedFd::from(pipe))
}

/// The reading end of a pipe, to be waited for.
pub(crate) fn pipe_receiver(pipe: PipeReader) -> io::Result<tokio::net::unix::pipe::Receiver> {
    tokio::net::unix::pipe::Receiver::from_owned_fd(OwnedFd::from(pipe))
}

/// A client that speaks through the socket at `path`.
pub(crate) fn through_socket(
    builder: reqwest::ClientBuilder,
    path: &Path,
) -> reqwest::ClientBuilder {
    builder.unix_socket(path)
}

/// Bytes that are left, and in all, on the disk that `file` is on; `None` if that cannot be said.
pub(crate) fn room(file: &File) -> Option<(u64, u64)> {
    let about = rustix::fs::fstatvfs(file).ok()?;
    let left = about.f_bavail.saturating_mul(about.f_frsize);
    Some((left, about.f_blocks.saturating_mul(about.f_frsize)))
}

/// Where the first hole of `file` from `from` on begins; `None` if that cannot be said. Moves the position in the file.
pub(crate) fn hole(file: &File, from: u64) -> Option<u64> {
    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd"
    ))]
    return rustix::fs::seek(file, rustix::fs::SeekFrom::Hole(from)).ok();
    #[cfg(not(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd"
    )))]
    {
        let _ = (file, from);
        None
    }
}

#[cfg(feature = "cli")]
pub(crate) use program::*;

/// What only the program needs.
#[cfg(feature = "cli")]
mod program {
    use std::future::poll_fn;
    use std::io;
    use std::os::fd::AsFd;
    use std::task::Poll;

    use rustix::process::{Resource, Signal as Number, getrlimit};
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
    use tokio::signal::unix::{Signal, SignalKind, signal};

    use crate::platform::Asked;

    /// The columns of the terminal behind `stream`; `None` if it is not one.
    pub(crate) fn terminal_width(stream: &impl AsFd) -> Option<usize> {
        terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
    }

    /// Whether the program has root's rights over files.
    pub(crate) fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    /// How many threads the user may have; `None` for any number.
    pub(crate) fn most_threads() -> Option<u64> {
        getrlimit(Resource::Nproc).current
    }

    /// The terminal as it was, for when the program is ended at a prompt without echo.
    pub(crate) struct Echo(Option<Termios>);

    impl Echo {
        pub(crate) fn kept() -> Echo {
            Echo(tcgetattr(io::stdin()).ok())
        }
    }

    impl Drop for Echo {
        fn drop(&mut self) {
            if let Some(before) = &self.0 {
                // Where the terminal is gone, nobody misses its echo.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, before);
            }
        }
    }

    impl Asked {
        /// The number of the signal.
        pub(crate) fn number(self) -> i32 {
            self.signal().as_raw()
        }

        fn signal(self) -> Number {
            match self {
                Asked::Interrupt => Number::INT,
                Asked::Terminate => Number::TERM,
                Asked::Hangup => Number::HUP,
                Asked::Quit => Number::QUIT,
                Asked::User1 => Number::USR1,
                Asked::User2 => Number::USR2,
            }
        }
    }

    /// Hears what the program is asked for.
    pub(crate) struct Signals(Vec<(Asked, Signal)>);

    impl Signals {
        /// Listens for what ends the program, the end of its terminal among it; with `all`, for everything else that is in
        /// [`Asked`], which then does not end the program any more.
        pub(crate) fn listen(all: bool) -> io::Result<Signals> {
            let more: &[Asked] = match all {
                true => &[Asked::Hangup, Asked::Quit, Asked::User1, Asked::User2],
                // `nohup` has it ignored, which listening would end.
                false if ignores_hangup() => &[],
                false => &[Asked::Hangup],
            };
            let heard = [Asked::Interrupt, Asked::Terminate].iter().chain(more);
            let heard = heard.map(|asked| {
                let kind = SignalKind::from_raw(asked.number());
                Ok((*asked, signal(kind)?))
            });
            heard.collect::<io::Result<_>>().map(Signals)
        }

        /// What is listened for.
        pub(crate) fn heard(&self) -> impl Iterator<Item = Asked> {
            self.0.iter().map(|(asked, _)| *asked)
        }

        pub(crate) async fn next(&mut self) -> Asked {
            poll_fn(|cx| {
                let arrived = self.0.iter_mut().find_map(|(asked, signal)| {
                    let is_here = signal.poll_recv(cx).is_ready();
                    is_here.then_some(*asked)
                });
                arrived.map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
    }

    /// Whether the program was started with SIGHUP ignored. Where the system does not say, it is taken to be.
    fn ignores_hangup() -> bool {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        ignored.is_none_or(|mask| mask & 1 << (Number::HUP.as_raw() - 1) != 0)
    }

    /// Sends `asked` to the process `id`.
    #[cfg(feature = "serve")]
    pub(crate) fn ask(id: u32, asked: Asked) -> io::Result<()> {
        use rustix::process::{Pid, kill_process};
        let pid = i32::try_from(id).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| io::Error::other("it has ended"))?;
        Ok(kill_process(pid, asked.signal())?)
    }

    /// The signal that ended a process.
    #[cfg(feature = "serve")]
    pub(crate) fn ended_by(status: &std::process::ExitStatus) -> Option<i32> {
        std::os::unix::process::ExitStatusExt::signal(status)
    }

    /// A write beyond the limit on file sizes (`ulimit -f`) is an error that names the file, not the end of the program:
    /// with a handler for its signal in place, the write itself fails.
    pub(crate) fn take_file_size_limits_as_errors() {
        if let Err(e) = signal(SignalKind::from_raw(libc::SIGXFSZ)) {
            tracing::debug!("a file over the limit on sizes would end the program: {e:#}");
        }
    }
}

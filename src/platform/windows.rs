//! Windows. Files have no modes: who may read them is what their directory says, and a user's own are private.

use std::borrow::Cow;
use std::fs::{DirBuilder, File, Metadata, OpenOptions};
use std::io::{self, PipeReader, PipeWriter};
use std::os::windows::fs::{FileExt as _, MetadataExt};
use std::os::windows::io::{AsHandle, OwnedHandle};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempPath;

mod folder;

pub(crate) use folder::{Folder, describe};

/// Reads and writes at positions. The position of the file itself moves, unlike on other systems.
pub(crate) trait FileExt {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;

    fn read_exact_at(&self, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !buffer.is_empty() {
            match self.read_at(buffer, offset) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    buffer = &mut buffer[n..];
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    fn write_all_at(&self, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write_at(bytes, offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(n) => {
                    bytes = &bytes[n..];
                    offset += n as u64;
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl FileExt for File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self.seek_read(buffer, offset) {
            // ERROR_HANDLE_EOF: the offset is at the end or beyond.
            Err(e) if e.raw_os_error() == Some(38) => Ok(0),
            read => read,
        }
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.seek_write(bytes, offset)
    }
}

/// Whether both are of the same file, as far as times and size tell: the standard library does not give its number.
pub(crate) fn is_same(a: &Metadata, b: &Metadata) -> bool {
    (a.creation_time(), a.last_write_time(), a.file_size())
        == (b.creation_time(), b.last_write_time(), b.file_size())
}

/// When a file was made; the standard library gives no more, so that size and times have to tell files apart.
#[cfg(feature = "serve")]
pub(crate) fn marks(about: &Metadata) -> [u64; 4] {
    [about.creation_time(), 0, 0, 0]
}

/// How many names a file has; 0, as the system does not say.
pub(crate) fn names(_: &Metadata) -> u64 {
    0
}

/// Whether both files have the same owner.
pub(crate) fn has_same_owner(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// Whether no other user can have put anything into the directory `about`; that cannot be said.
pub(crate) fn is_mine_alone(_: &Metadata) -> bool {
    false
}

/// Whether the link `about` in `directory` may be a trap; making one takes a privilege here.
pub(crate) fn is_foreign_link(_: &Metadata, _: &Metadata) -> bool {
    false
}

/// Whether the file `about` can be run.
pub(crate) fn is_program(about: &Metadata) -> bool {
    about.is_file()
}

/// Whether everybody may read the file; the directory of a user is private.
pub(crate) fn is_open_to_all(_: &Metadata) -> bool {
    false
}

/// The user's number; users have none.
pub(crate) fn user() -> Option<u32> {
    None
}

/// The permission bits of a file: all but writing for others, as which files can be run is not known.
pub(crate) fn mode(_: &Metadata) -> u32 {
    0o755
}

/// A file has the permissions of its directory here.
pub(crate) fn keep_mode(_: &File, _: &Metadata) {}

/// As [`keep_mode`].
pub(crate) fn keep_owner(_: &File, _: &Metadata) {}

/// Lets its owner change what is in the directory `path`; `false` as that changes nothing.
pub(crate) fn make_writable(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// The folder `name` of this machine's configuration. It is not below the root of a drive, as `/etc` would be: there every
/// user may make folders.
pub(crate) fn machine_folder(name: &str) -> PathBuf {
    let data = std::env::var_os("ProgramData").filter(|data| Path::new(data).is_absolute());
    data.map_or_else(|| r"C:\ProgramData".into(), PathBuf::from)
        .join(name)
}

/// The folder `name` of what packages bring; there is no such place.
pub(crate) fn packaged_folder(_: &str) -> Option<PathBuf> {
    None
}

/// The name of a folder for the host `HOST[:PORT]`, without the colon that names cannot have, as Docker has it.
pub(crate) fn host_folder(host: &str) -> Cow<'_, str> {
    host.replace(':', "").into()
}

/// Makes the names in the directory `path` durable; the file system does that, and flushes files only.
pub(crate) fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}

/// How the address of a named pipe begins.
pub(crate) const SOCKET: &str = "npipe://";

/// Where a Docker Engine listens by default.
pub(crate) const ENGINE: &str = "npipe:////./pipe/docker_engine";

/// Where large temporary files go.
pub(crate) fn roomy_directory() -> PathBuf {
    std::env::temp_dir()
}

/// Opens pipes without waiting; files are never pipes here.
pub(crate) fn without_waiting(_: &mut OpenOptions) {}

/// Follows no link; making one takes a privilege here.
pub(crate) fn without_links(_: &mut OpenOptions) {}

/// Makes files for their owner alone: those of a user's directory are.
pub(crate) fn private_file(_: &mut OpenOptions) {}

/// Makes files that others may read; the directory decides.
#[cfg(all(feature = "cli", feature = "trust"))]
pub(crate) fn public_file(_: &mut OpenOptions) {}

/// Makes directories for their owner alone: those of a user's directory are.
pub(crate) fn private_directory(_: &mut DirBuilder) {}

/// Makes temporary files that others may read; the directory decides.
pub(crate) fn readable_by_all(_: &mut tempfile::Builder<'_, '_>) {}

/// Gives the file `from` the name `to`, in place of what has it.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    again_where_denied(|| std::fs::rename(from, to))
}

/// Gives a temporary file the name `to`, in place of what has it.
pub(crate) fn persist(temporary: TempPath, to: &Path) -> io::Result<()> {
    let mut left = Some(temporary);
    again_where_denied(|| match left.take() {
        None => Ok(()),
        Some(temporary) => temporary.persist(to).map_err(|e| {
            left = Some(e.path);
            e.error
        }),
    })
}

/// A name cannot be taken while another program has the file open that has it: such moments are waited for, up to two seconds.
fn again_where_denied(mut rename: impl FnMut() -> io::Result<()>) -> io::Result<()> {
    for _ in 0..100 {
        match rename() {
            Err(e) if e.kind() == io::ErrorKind::PermissionDenied => {
                std::thread::sleep(Duration::from_millis(20));
            }
            done => return done,
        }
    }
    rename()
}

/// Standard input as a file with a handle that closes alone.
pub(crate) fn stdin() -> io::Result<File> {
    Ok(File::from(io::stdin().as_handle().try_clone_to_owned()?))
}

/// Standard output as a file with a handle that closes alone.
pub(crate) fn stdout() -> io::Result<File> {
    Ok(File::from(io::stdout().as_handle().try_clone_to_owned()?))
}

/// The writing end of a pipe as a file.
pub(crate) fn pipe_file(pipe: PipeWriter) -> File {
    File::from(OwnedHandle::from(pipe))
}

/// The reading end of a pipe, to be waited for.
pub(crate) fn pipe_receiver(pipe: PipeReader) -> io::Result<tokio::fs::File> {
    Ok(tokio::fs::File::from_std(File::from(OwnedHandle::from(
        pipe,
    ))))
}

/// A client that speaks through the named pipe at `path`.
pub(crate) fn through_socket(
    builder: reqwest::ClientBuilder,
    path: &Path,
) -> reqwest::ClientBuilder {
    let path = path.to_string_lossy().replace('/', "\\");
    builder.windows_named_pipe(path)
}

/// Bytes that are left, and in all, on the disk that `file` is on; a full disk says so when it is written to.
pub(crate) fn room(_: &File) -> Option<(u64, u64)> {
    None
}

/// Where the first hole of `file` from `from` on begins; that is not looked for.
pub(crate) fn hole(_: &File, _: u64) -> Option<u64> {
    None
}

#[cfg(feature = "cli")]
pub(crate) use program::*;

/// What only the program needs.
#[cfg(feature = "cli")]
mod program {
    use std::io;
    use std::os::windows::io::AsHandle;
    use std::process::ExitStatus;

    use tokio::signal::windows::{CtrlBreak, CtrlC, ctrl_break, ctrl_c};

    use crate::platform::Asked;

    /// The columns of the terminal behind `stream`; `None` if it is not one.
    pub(crate) fn terminal_width(stream: &impl AsHandle) -> Option<usize> {
        terminal_size::terminal_size_of(stream).map(|(width, _)| usize::from(width.0))
    }

    /// Whether the program may give files to other users.
    pub(crate) fn is_root() -> bool {
        false
    }

    /// How many threads the user may have; `None` for any number.
    pub(crate) fn most_threads() -> Option<u64> {
        None
    }

    /// The terminal as it was; the prompt itself brings it back.
    pub(crate) struct Echo;

    impl Echo {
        pub(crate) fn kept() -> Echo {
            Echo
        }
    }

    impl Asked {
        /// The number that the signal has elsewhere, which makes the exit code.
        pub(crate) fn number(self) -> i32 {
            match self {
                Asked::Interrupt => 2,
                Asked::Terminate => 15,
                Asked::Hangup => 1,
                Asked::Quit => 3,
                Asked::User1 => 10,
                Asked::User2 => 12,
            }
        }
    }

    /// Hears what the program is asked for: Ctrl-C and Ctrl-Break.
    pub(crate) struct Signals {
        interrupt: CtrlC,
        terminate: CtrlBreak,
    }

    impl Signals {
        /// There are no other signals here.
        pub(crate) fn listen(_: bool) -> io::Result<Signals> {
            Ok(Signals {
                interrupt: ctrl_c()?,
                terminate: ctrl_break()?,
            })
        }

        /// What is listened for.
        pub(crate) fn heard(&self) -> impl Iterator<Item = Asked> {
            [Asked::Interrupt, Asked::Terminate].into_iter()
        }

        pub(crate) async fn next(&mut self) -> Asked {
            tokio::select! {
                _ = self.interrupt.recv() => Asked::Interrupt,
                _ = self.terminate.recv() => Asked::Terminate,
            }
        }
    }

    /// Sends `asked` to a process. The console sends what is typed to all of its processes already.
    #[cfg(feature = "serve")]
    pub(crate) fn ask(_: u32, _: Asked) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    /// The signal that ended a process; there are none.
    #[cfg(feature = "serve")]
    pub(crate) fn ended_by(_: &ExitStatus) -> Option<i32> {
        None
    }

    /// There is no limit on the sizes of files.
    pub(crate) fn take_file_size_limits_as_errors() {}
}

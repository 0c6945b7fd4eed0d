//! The bytes of a file, decompressed if it is an archive.
//!
//! In:      a file, a pipe or a terminal
//! Out:     its bytes; of an archive those that it holds, a piece at a time
//! Drops:   never; where an archive is cut off or damaged it ends, and says why
//!
//! What a file is says its beginning, not its name. Gzip and Zstandard are read as they come, several of them one behind the other
//! too. A zip is told from them and refused with the way out. A pipe is taken as it is.
//!
//! Bound: a Zstandard archive that wants a window of more than 128 MiB is refused by its reader.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;
use nix::poll::{PollFd, PollFlags, poll};

use super::super::sockets;

/// A wait for a pipe lasts no longer than this.
const WAIT_MS: u8 = 50;
/// Bytes read at a time from an archive.
const ARCHIVE_BYTES: usize = 64 * 1024;

const GZIP: &[u8] = &[0x1F, 0x8B];
const ZSTD: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
const ZIP: &[u8] = b"PK\x03\x04";

/// Where bytes come from.
pub struct Source {
    from: Kind,
    /// Bytes of the file as it lies on the disk that were read.
    read: Arc<AtomicU64>,
}

enum Kind {
    Pipe(File),
    Plain(File),
    Archive { of: &'static str, reader: Box<dyn Read + Send> },
}

/// What a read came to.
pub enum Piece {
    /// So many bytes.
    Bytes(usize),
    /// None within 50 ms, from a pipe.
    Nothing,
    /// None any more.
    End,
    /// The archive ends here although it should not.
    Damaged(String),
}

impl Source {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// When it cannot be opened, is a directory, or an archive of a kind that is not read.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = if path == Path::new("-") {
            File::from(io::stdin().as_fd().try_clone_to_owned()?)
        } else {
            File::open(path)?
        };
        let about = file.metadata()?;
        if about.is_dir() {
            return Err(io::Error::from_raw_os_error(nix::libc::EISDIR));
        }
        let read = Arc::new(AtomicU64::new(0));
        let from = if about.is_file() { of_file(file, &read)? } else { Kind::Pipe(file) };
        Ok(Self { from, read })
    }

    /// Whether it is a file, which can be read again.
    pub const fn is_file(&self) -> bool {
        !matches!(self.from, Kind::Pipe(_))
    }

    /// Bytes of the file as it lies on the disk that were read.
    pub fn read_bytes(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Fills a buffer, as far as that needs no wait.
    ///
    /// # Errors
    /// When the disk does.
    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<Piece> {
        let count = match &mut self.from {
            Kind::Pipe(file) => {
                let mut polled = [PollFd::new(file.as_fd(), PollFlags::POLLIN)];
                // What cannot be waited for can always be read.
                if poll(&mut polled, WAIT_MS) == Ok(0) {
                    return Ok(Piece::Nothing);
                }
                file.read(buffer)
            }
            Kind::Plain(file) => file.read(buffer),
            Kind::Archive { of, reader } => match reader.read(buffer) {
                // What the disk says has a number, what the archive's reader says has none.
                Err(error) if error.raw_os_error().is_none() => {
                    return Ok(Piece::Damaged(damage(of, &error)));
                }
                count => count,
            },
        };
        match count {
            Ok(0) => Ok(Piece::End),
            Ok(count) => {
                if let Kind::Plain(_) = self.from {
                    self.read.fetch_add(count as u64, Ordering::Relaxed);
                }
                Ok(Piece::Bytes(count))
            }
            Err(error) if sockets::is_nothing_now(&error) => Ok(Piece::Nothing),
            Err(error) => Err(error),
        }
    }
}

fn damage(of: &str, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        format!("the {of} archive is cut off")
    } else {
        format!("the {of} archive is damaged: {error}")
    }
}

/// What a file is, by its first bytes.
fn of_file(file: File, read: &Arc<AtomicU64>) -> io::Result<Kind> {
    let mut first = [0; 4];
    let count = nix::sys::uio::pread(&file, &mut first, 0)?;
    let first = &first[..count];
    if first.starts_with(ZIP) {
        let text =
            "a zip archive is not read; unzip it, or make it a .gz: unzip -p FILE | gzip > FILE.gz";
        return Err(io::Error::other(text));
    }
    let counted =
        |file| BufReader::with_capacity(ARCHIVE_BYTES, Counted { file, read: Arc::clone(read) });
    if first.starts_with(GZIP) {
        let reader = Box::new(MultiGzDecoder::new(counted(file)));
        return Ok(Kind::Archive { of: "gzip", reader });
    }
    if first.starts_with(ZSTD) {
        let reader = Box::new(zstd::stream::read::Decoder::with_buffer(counted(file))?);
        return Ok(Kind::Archive { of: "zstd", reader });
    }
    Ok(Kind::Plain(file))
}

/// A file whose bytes are counted as they are read.
struct Counted {
    file: File,
    read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

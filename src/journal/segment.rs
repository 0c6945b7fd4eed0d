//! One segment file: a header, then records up to the end.
//!
//! ```text
//! 0 "AISDJRNL" │ 8 version u32 │ 12 crc32c u32 │ 16 instance 16 │ 32 first_seq u64 │ 40 created_us i64 │ 48 again u8 │ 49 zeros │ 64 records …
//! ```
//!
//! The file is preallocated, so that a sync need not wait for the file system's own journal to note a new length, and cut to
//! its records when the next one is begun. What is not yet written reads as zeros.
//!
//! A header in which one bit has turned is read as it was: all records of a segment hang on it.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::{GENERATIONS_MAX, Place, first_of};
use crate::clock;
use crate::disk::{self, File, Mode};

/// Bytes of the header.
pub const HEADER_BYTES: u32 = 64;
/// The format that this program writes, and the only one it reads.
pub const VERSION: u32 = 1;
/// What segment files are called after their index.
pub const EXTENSION: &str = "journal";

const MAGIC: &[u8; 8] = b"AISDJRNL";

/// What a segment's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The data directory it belongs to.
    pub instance: [u8; 16],
    /// No record in it has a smaller number.
    pub first_seq: u64,
    /// When it was begun, microseconds since 1970.
    pub created_us: i64,
    /// It begins with records that were written before, to segments whose sync failed.
    pub is_again: bool,
}

/// Why a file is no segment of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOurs {
    /// It is shorter than a header.
    #[error("the file is shorter than a header")]
    Short,
    /// It does not begin as a segment does.
    #[error("the file does not begin as a journal segment does")]
    Magic,
    /// It was written in another format.
    #[error("format version {0}, this program reads only version {VERSION}")]
    Version(u32),
    /// Its header is damaged.
    #[error("the checksum of the header is wrong")]
    Damaged,
    /// It belongs to another data directory.
    #[error("the file belongs to another data directory")]
    Instance,
    /// Its numbers are of a generation that no journal reaches.
    #[error("its first number is {0}, and journals end before {end}", end = first_of(GENERATIONS_MAX))]
    Number(u64),
}

impl Header {
    fn encode(&self) -> [u8; HEADER_BYTES as usize] {
        let mut bytes = [0; HEADER_BYTES as usize];
        bytes[0..8].copy_from_slice(MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.instance);
        bytes[32..40].copy_from_slice(&self.first_seq.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.created_us.to_le_bytes());
        bytes[48] = u8::from(self.is_again);
        let crc = crc32c::crc32c(&bytes[16..]);
        bytes[12..16].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When the bytes are not the header of a segment in this format.
    pub fn decode(bytes: &[u8; HEADER_BYTES as usize]) -> Result<Self, NotOurs> {
        let (magic, rest) = bytes.split_first_chunk::<8>().ok_or(NotOurs::Short)?;
        let (version, rest) = rest.split_first_chunk::<4>().ok_or(NotOurs::Short)?;
        let (crc, rest) = rest.split_first_chunk::<4>().ok_or(NotOurs::Short)?;
        if magic != MAGIC {
            return Err(NotOurs::Magic);
        }
        if u32::from_le_bytes(*version) != VERSION {
            return Err(NotOurs::Version(u32::from_le_bytes(*version)));
        }
        if u32::from_le_bytes(*crc) != crc32c::crc32c(rest) {
            return Err(NotOurs::Damaged);
        }
        let (instance, rest) = rest.split_first_chunk::<16>().ok_or(NotOurs::Short)?;
        let (first_seq, rest) = rest.split_first_chunk::<8>().ok_or(NotOurs::Short)?;
        let (created_us, rest) = rest.split_first_chunk::<8>().ok_or(NotOurs::Short)?;
        let first_seq = u64::from_le_bytes(*first_seq);
        if first_seq >= first_of(GENERATIONS_MAX) {
            return Err(NotOurs::Number(first_seq));
        }
        let is_again = rest.first().is_some_and(|again| *again != 0);
        let created_us = i64::from_le_bytes(*created_us);
        Ok(Self { instance: *instance, first_seq, created_us, is_again })
    }

    /// Reads a header of this data directory, also one in which a bit has turned.
    ///
    /// # Errors
    /// When it is none.
    fn of_instance(
        bytes: &[u8; HEADER_BYTES as usize],
        instance: &[u8; 16],
    ) -> Result<Self, NotOurs> {
        let ours = |header: &Self| header.instance == *instance;
        match Self::decode(bytes) {
            Ok(header) if ours(&header) => Ok(header),
            Ok(_) => Err(NotOurs::Instance),
            Err(why @ (NotOurs::Magic | NotOurs::Damaged)) => {
                let healed = (0..bytes.len() * 8).filter_map(|bit| {
                    let mut turned = *bytes;
                    turned[bit / 8] ^= 1 << (bit % 8);
                    Self::decode(&turned).ok().filter(ours)
                });
                healed.take(1).next().ok_or(why)
            }
            Err(why) => Err(why),
        }
    }
}

/// A segment, as everybody who reads it knows it.
#[derive(Debug)]
pub struct Segment {
    /// Its place in the order of segments; never used twice.
    pub index: u32,
    /// Its file.
    pub path: PathBuf,
    /// What its header says.
    pub header: Header,
    /// When it was begun, or found at the start, on a clock that nobody sets.
    pub begun: Instant,
    /// Bytes of the file, as preallocated or as cut once that is on the disk.
    disk_bytes: AtomicU64,
}

/// The file name of the segment of this index.
#[must_use]
pub fn file_name(index: u32) -> String {
    format!("{index:010}.{EXTENSION}")
}

/// Segments have lower indexes than this: there is always one for the next.
pub const INDEX_END: u32 = u32::MAX;

/// The index in a file name, if it is one of a segment.
#[must_use]
pub fn index_of(path: &Path) -> Option<u32> {
    (path.extension()? == EXTENSION).then_some(())?;
    let stem = path.file_stem()?.to_str()?;
    (stem.len() == 10).then_some(())?;
    stem.parse().ok().filter(|index| *index < INDEX_END)
}

impl Segment {
    /// Begins a segment: the file is made, preallocated, and its header written. Nothing is synced.
    ///
    /// # Errors
    /// When there is no room, or the file cannot be made.
    pub fn create(dir: &Path, index: u32, header: Header, bytes: u64) -> io::Result<(Self, File)> {
        let path = dir.join(file_name(index));
        let file = File::open(&path, Mode::New)?;
        let prepared =
            file.preallocate(bytes).and_then(|()| file.write_all_at(&header.encode(), 0));
        if let Err(error) = prepared {
            // A file without a header would only be put into quarantine at the next start.
            let _ = disk::remove(&path);
            return Err(error);
        }
        Ok((
            Self { index, path, header, begun: clock::now(), disk_bytes: AtomicU64::new(bytes) },
            file,
        ))
    }

    /// Opens a segment of an earlier run for reading; says why when it is none of ours.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn open(path: &Path, index: u32, instance: &[u8; 16]) -> io::Result<Result<Self, NotOurs>> {
        let file = File::open(path, Mode::Read)?;
        let bytes = file.length()?;
        let mut raw = [0; HEADER_BYTES as usize];
        if bytes < u64::from(HEADER_BYTES) {
            return Ok(Err(NotOurs::Short));
        }
        file.read_exact_at(&mut raw, 0)?;
        Ok(Header::of_instance(&raw, instance).map(|header| {
            let (path, disk_bytes) = (path.to_owned(), AtomicU64::new(bytes));
            if header.encode() != raw {
                tracing::warn!(path = %path.display(), "a bit has turned in the header of a segment; it is read as it was");
            }
            Self { index, path, header, begun: clock::now(), disk_bytes }
        }))
    }

    /// Where its first record starts.
    #[must_use]
    pub const fn begin(&self) -> Place {
        Place { segment: self.index, offset: HEADER_BYTES }
    }

    /// Where its file ends.
    #[must_use]
    pub fn end(&self) -> Place {
        let offset = u32::try_from(self.disk_bytes()).unwrap_or(u32::MAX);
        Place { segment: self.index, offset }
    }

    /// Bytes of its file.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.disk_bytes.load(Ordering::Acquire)
    }

    /// Notes that the cut of the file behind its last record is on the disk: what was preallocated is given back.
    pub fn note_cut(&self, end: u32) {
        self.disk_bytes.store(u64::from(end), Ordering::Release);
    }
}

/// Below what the numbers in the segment at this place of the list are, `next_seq` being the next of all. What was written again may
/// also lie in any segment before, so the next that was not tells.
#[must_use]
pub fn numbers_end(segments: &[Arc<Segment>], at: usize, next_seq: u64) -> u64 {
    let mut later = segments[at + 1..].iter();
    later.find(|segment| !segment.header.is_again).map_or(next_seq, |it| it.header.first_seq)
}

/// What of a directory calls itself a segment.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those that are, oldest first.
    pub segments: Vec<Arc<Segment>>,
    /// Those that are none of this directory's, and why.
    pub foreign: Vec<(PathBuf, String)>,
}

/// Lists the segments of a directory; one that is deleted meanwhile is not in it.
///
/// # Errors
/// When the directory or one of its segments cannot be read.
pub fn list(dir: &Path, instance: &[u8; 16]) -> io::Result<Listing> {
    let mut listing = Listing::default();
    for path in disk::list(dir)? {
        if path.extension().is_none_or(|extension| extension != EXTENSION) {
            continue;
        }
        let Some(index) = index_of(&path) else {
            listing.foreign.push((path, "its name has no index".to_owned()));
            continue;
        };
        match Segment::open(&path, index, instance) {
            Ok(Ok(segment)) => listing.segments.push(Arc::new(segment)),
            Ok(Err(not_ours)) => listing.foreign.push((path, not_ours.to_string())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    listing.segments.sort_by_key(|segment| segment.index);
    Ok(listing)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { instance: [7; 16], first_seq: 1 << 40, created_us: 99, is_again: true };

    #[test]
    fn a_header_reads_as_it_was_written_and_no_damage_passes() {
        let bytes = HEADER.encode();
        assert_eq!(Header::decode(&bytes), Ok(HEADER));
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(Header::decode(&damaged).is_err(), "bit {bit}");
        }
    }

    /// One bit that turned in a header put the whole segment into quarantine, with thousands of intact records.
    #[test]
    fn a_header_in_which_a_bit_has_turned_is_read_as_it_was() {
        let bytes = HEADER.encode();
        for bit in 0..bytes.len() * 8 {
            let mut turned = bytes;
            turned[bit / 8] ^= 1 << (bit % 8);
            let is_version = (64..96).contains(&bit);
            let read = Header::of_instance(&turned, &HEADER.instance);
            assert_eq!(read.ok(), (!is_version).then_some(HEADER), "bit {bit}");
            assert!(Header::of_instance(&turned, &[8; 16]).is_err(), "bit {bit}");
            turned[50] ^= 0x81;
            turned[61] ^= 0x81;
            assert!(Header::of_instance(&turned, &HEADER.instance).is_err(), "bit {bit} and four");
        }
    }

    #[test]
    fn a_segment_of_another_directory_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let (segment, _file) = Segment::create(dir.path(), 3, HEADER, 1 << 20).unwrap();
        assert_eq!(index_of(&segment.path), Some(3));
        assert!(Segment::open(&segment.path, 3, &[7; 16]).unwrap().is_ok());
        assert_eq!(
            Segment::open(&segment.path, 3, &[8; 16]).unwrap().err(),
            Some(NotOurs::Instance)
        );
    }
}

//! A copy of what the store has committed, in the data directory, for a start while the store is away.
//!
//! It is written now and then and not synced: it may be older than the truth, or missing after a power cut, and is then a lower
//! bound still. It says where to look from, never what is stored.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::disk::{self, File, Mode};
use crate::partition::PARTITIONS;

const FILE_NAME: &str = "committed";

/// Writes the copy.
///
/// # Errors
/// When the file cannot be written.
pub fn save(root: &Path, committed: &[u64; PARTITIONS]) -> io::Result<()> {
    let mut bytes: Vec<u8> = committed.iter().flat_map(|seq| seq.to_le_bytes()).collect();
    bytes.extend(crc32c::crc32c(&bytes).to_le_bytes());
    let new = root.join(format!("{FILE_NAME}.new"));
    File::open(&new, Mode::Empty)?.write_all_at(&bytes, 0)?;
    disk::rename(&new, &path(root))
}

/// Reads the copy; zeros when there is none that is whole.
#[must_use]
pub fn load(root: &Path) -> [u64; PARTITIONS] {
    let mut committed = [0; PARTITIONS];
    let bytes = disk::read(&path(root)).unwrap_or_default();
    let Some((body, sum)) = bytes.split_last_chunk::<4>() else { return committed };
    if body.len() != PARTITIONS * 8 || crc32c::crc32c(body).to_le_bytes() != *sum {
        return committed;
    }
    for (seq, bytes) in committed.iter_mut().zip(body.chunks_exact(8)) {
        *seq = bytes.try_into().map_or(0, u64::from_le_bytes);
    }
    committed
}

fn path(root: &Path) -> PathBuf {
    root.join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_is_not_whole_counts_as_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(load(dir.path()), [0; PARTITIONS]);
        let committed = std::array::from_fn(|at| at as u64 * 1000 + 1);
        save(dir.path(), &committed).unwrap();
        assert_eq!(load(dir.path()), committed);
        let mut bytes = fs::read(path(dir.path())).unwrap();
        bytes[17] ^= 1;
        fs::write(path(dir.path()), &bytes).unwrap();
        assert_eq!(load(dir.path()), [0; PARTITIONS]);
        fs::write(path(dir.path()), &bytes[..100]).unwrap();
        assert_eq!(load(dir.path()), [0; PARTITIONS]);
    }
}

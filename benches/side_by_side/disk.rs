//! How long does the disk alone take, at the time of a run?

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::time::{Duration, Instant};

use crate::report::{Runs, ms};

/// Written over and synced at once: what a commit of some messages writes ahead.
const WRITE_BYTES: usize = 8 << 10;
/// A file of the server's write-ahead log.
const FILE_BYTES: usize = 16 << 20;
/// As often as there is a commit at 10 000 messages a second.
const EVERY: Duration = Duration::from_millis(1);

/// Milliseconds of one write and its sync: p50, p99, p99.9 and the longest of each run.
#[derive(Default)]
pub struct Syncs([Runs; 4]);

impl Syncs {
    /// Writes over a file that is there, for so long.
    pub fn measure(&mut self, during: Duration) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("over");
        std::fs::write(&path, vec![1; FILE_BYTES]).unwrap();
        let file = OpenOptions::new().write(true).open(path).unwrap();
        file.sync_all().unwrap();
        let (page, mut took, begun) = ([2; WRITE_BYTES], Vec::new(), Instant::now());
        for at in (0..FILE_BYTES as u64).step_by(WRITE_BYTES).cycle() {
            if begun.elapsed() >= during {
                break;
            }
            let began = Instant::now();
            file.write_all_at(&page, at).unwrap();
            file.sync_data().unwrap();
            took.push(began.elapsed());
            std::thread::sleep(EVERY.saturating_sub(began.elapsed()));
        }
        took.sort_unstable();
        for (runs, thousandths) in self.0.iter_mut().zip([500, 990, 999, 1000]) {
            let at = (took.len() * thousandths / 1000).min(took.len() - 1);
            runs.push(took[at].as_secs_f64() * 1e3);
        }
    }

    /// As a row beside those of runs.
    pub fn row(&self, name: &str) -> Vec<String> {
        let found = self.0.iter().map(|runs| runs.told(ms));
        let mut row: Vec<String> = std::iter::once(name.to_owned()).chain(found).collect();
        row.resize(9, "-".to_owned());
        row
    }
}

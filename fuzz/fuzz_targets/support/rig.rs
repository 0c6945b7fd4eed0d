//! A data directory in memory, and the journal in it driven by hand.

use std::cell::LazyCell;
use std::path::PathBuf;
use std::sync::Arc;

use aisd::clock::Clock;
use aisd::config::JournalConfig;
use aisd::journal::append::{Append, Appender};
use aisd::journal::directory::{Directory, journal_dir, quarantine_dir};
use aisd::journal::open::{open, replay_from};
use aisd::journal::read_back::ReadBack;
use aisd::journal::retention::Retention;
use aisd::journal::segment::file_name;
use aisd::journal::sync::SyncQueue;
use aisd::journal::tail::{Next, Tail};
use aisd::journal::{Place, Shared, first_of};
use aisd::observe::counts::Counts;
use aisd::partition::PARTITIONS;
use aisd::queue::bounded;
use aisd::record::{self, Batch, NewRecord, Payload, Walk};
use aisd::stage::{Stage, Turn, parking};

use super::Options;
use super::body::{self, Body};

/// Messages that are appended after opening.
const APPENDED: usize = 3;
/// Bytes of the segments that are begun then.
const SEGMENT_BYTES: u64 = 4096;

/// Where files cost nothing.
const MEMORY: &str = "/dev/shm";
/// What data directories are called, before the number of their process.
const NAME: &str = "aisd-fuzz-";

thread_local! {
    static ROOT: LazyCell<(PathBuf, [u8; 16])> = LazyCell::new(|| {
        remove_leftovers();
        let root = PathBuf::from(format!("{MEMORY}/{NAME}{}", std::process::id()));
        let directory = Directory::take(&root).expect("a new directory can be taken");
        (root, *directory.instance().as_bytes())
    });
}

/// Removes the data directories of processes that are gone: a fuzzer ends without a good-bye.
fn remove_leftovers() {
    for entry in std::fs::read_dir(MEMORY).expect("a file system in memory").flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(NAME));
        if process.is_some_and(|process| !PathBuf::from(format!("/proc/{process}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn root() -> PathBuf {
    ROOT.with(|root| root.0.clone())
}

/// Forgets what the last input left.
pub fn clear() {
    for dir in [quarantine_dir(&root()), journal_dir(&root())] {
        for entry in std::fs::read_dir(dir).expect("the directory is ours").flatten() {
            if entry.path().is_file() {
                std::fs::remove_file(entry.path()).expect("its files are ours");
            }
        }
    }
    // The next start is the second: the records are from the first.
    std::fs::write(root().join("generation"), "1\n").expect("the directory is ours");
}

/// Writes a segment file.
pub fn write_segment(nth: usize, body: &Body, options: &Options) {
    let index = options.index().wrapping_add(nth as u32);
    let path = journal_dir(&root()).join(file_name(index));
    let file = [&header(nth as u64, options)[..], &body.bytes].concat();
    std::fs::write(path, file).expect("the directory is ours");
}

fn header(nth: u64, options: &Options) -> Vec<u8> {
    let (first_seq, created_us) = match options.header() {
        1 => (options.first_seq().saturating_add(nth), options.created_us()),
        3 => return Vec::new(),
        _ if options.changes_records() => {
            (body::first_seq(options, nth), body::begun_us(options, nth))
        }
        _ => (0, body::FIRST_US),
    };
    let mut bytes = [0; 64];
    bytes[0..8].copy_from_slice(b"AISDJRNL");
    bytes[8..12].copy_from_slice(&1_u32.to_le_bytes());
    bytes[16..32].copy_from_slice(&ROOT.with(|root| root.1));
    bytes[32..40].copy_from_slice(&first_seq.to_le_bytes());
    bytes[40..48].copy_from_slice(&created_us.to_le_bytes());
    let crc = crc32c::crc32c(&bytes[16..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    if options.header() == 2 {
        bytes[options.header_bit() / 8] ^= 1 << (options.header_bit() % 8);
    }
    bytes.to_vec()
}

/// A journal that was just opened.
pub struct Rig {
    directory: Directory,
    shared: Arc<Shared>,
    counts: Arc<Counts>,
    first_seq: u64,
}

impl Rig {
    /// Opens what was written; there is none when its numbers leave none for this start.
    pub fn open(options: &Options) -> Option<Self> {
        let counts = Arc::new(Counts::default());
        let mut directory = Directory::take(&root()).expect("the directory is ours");
        let shared = match open(&mut directory, &counts) {
            Ok(shared) => shared,
            Err(_) if options.uses_up_generations() => return None,
            Err(error) => panic!("whatever is found, the journal opens: {error}"),
        };
        let first_seq = shared.next_seq();
        assert_eq!(first_seq, first_of(directory.generation()));
        Some(Self { directory, shared, counts, first_seq })
    }

    /// Whether any file was found to be none of ours.
    pub fn quarantined(&self) -> bool {
        self.counts.journal.quarantined.get() > 0
    }

    /// The number of the first record that this start would append.
    pub fn first_seq_of_this_start(&self) -> u64 {
        self.first_seq
    }

    /// Every record, as a shard gets them.
    pub fn read_tail(&self) -> Vec<Vec<u8>> {
        self.read_from(Place::default())
    }

    fn read_from(&self, from: Place) -> Vec<Vec<u8>> {
        let (_spot, waker) = parking();
        let (shared, counts) = (Arc::clone(&self.shared), Arc::clone(&self.counts));
        let mut tail = Tail::new(shared, bounded(1, &waker).1, from, counts, true);
        let mut records = Vec::new();
        loop {
            let before = tail.place();
            match tail.read().expect("segments can be read") {
                Next::Records(bytes) => records.extend(Walk::new(bytes).map(<[u8]>::to_vec)),
                Next::Again => {}
                Next::Nothing | Next::End => break,
            }
            assert!(tail.place() > before, "a step leads forward, not to {:?}", tail.place());
        }
        assert!(tail.place() >= self.shared.head());
        assert!(tail.next_seq() >= self.shared.next_seq());
        assert!(records.iter().all(|record| record::seq(record) < tail.next_seq()));
        records
    }

    /// Every record, as they are read back.
    pub fn read_back(&self) -> Vec<Vec<u8>> {
        let mut reader = ReadBack::new(Arc::clone(&self.shared));
        let (mut at, head) = (Place::default(), (self.shared.head(), self.shared.next_seq()));
        let (mut records, mut expected) = (Vec::new(), 0);
        while at < head.0 {
            let stretch = reader.read(at, head, expected).expect("segments can be read");
            assert!(stretch.end > at || stretch.is_again, "a step leads forward");
            for record in Walk::new(reader.bytes(&stretch)) {
                expected = expected.max(record::seq(record).saturating_add(1));
                records.push(record.to_vec());
            }
            at = stretch.end;
        }
        records
    }

    /// Deletes what nobody needs once everything below `next_seq` is committed, and reads the rest as a start would.
    pub fn sweep_and_replay(&self, next_seq: u64, options: &Options) -> Vec<Vec<u8>> {
        let window_us = options.window_us();
        for partition in 0..PARTITIONS {
            self.shared.set_committed(partition, next_seq);
        }
        let (shared, counts) = (Arc::clone(&self.shared), Arc::clone(&self.counts));
        Retention::new(shared, counts, window_us, (false, Clock::manual(body::FIRST_US)))
            .sweep_if_due();
        let from = replay_from(&self.shared, next_seq, window_us).expect("segments can be read");
        assert!(from <= self.shared.head());
        self.read_from(from)
    }

    /// Appends a few messages behind what was found, and reads them.
    pub fn check_appended(self) {
        let before = self.read_tail();
        let (_spot, waker) = parking();
        let (feed, inlet) = bounded(1, &waker);
        let _ = feed.offer(batch());
        let Self { directory, shared, counts, first_seq } = self;
        let bytes_max = shared.bytes() + 16 * SEGMENT_BYTES;
        let mut append = Append::new(Appender {
            directory,
            shared: Arc::clone(&shared),
            sync: Arc::new(SyncQueue::default()),
            sync_waker: waker,
            feeds: vec![inlet],
            shards: Vec::new(),
            config: JournalConfig { segment_bytes: SEGMENT_BYTES, bytes_max, ..Default::default() },
            counts: Arc::clone(&counts),
            clock: Clock::manual(body::FIRST_US),
        });
        while !matches!(append.turn().expect("the journal can be written"), Turn::Idle) {}
        drop(append);
        let directory = Directory::take(&root()).expect("the directory is free again");
        let rig = Self { directory, shared, counts, first_seq };
        let after = rig.read_tail();
        assert_eq!(after.len(), before.len() + APPENDED);
        assert_eq!(after[..before.len()], before);
        let seqs: Vec<u64> =
            after[before.len()..].iter().map(|record| record::seq(record)).collect();
        assert_eq!(seqs, (first_seq..).take(APPENDED).collect::<Vec<_>>());
    }
}

fn batch() -> Batch {
    let mut batch = Batch::default();
    for n in 0..APPENDED {
        let new = NewRecord {
            received_us: body::FIRST_US + n as i64,
            sent_us: None,
            partition: 1,
            feed: 0,
            channel: 0,
            fill: 0,
            own_ship: false,
            recorded: false,
            raw: body::LINE,
            payload: Payload::Within(14, 28),
        };
        batch.push(&new).expect("one line is a record");
    }
    batch
}

//! A journal that is full, and feeds of which one is noisy: each of the others has its turn.

use super::*;

/// Batches that a feed may have waiting.
const QUEUE: usize = 64;
/// A little more than the bytes of one feed in a turn, in records of the rig.
const NOISY_RECORDS_MAX: usize = 4000;

/// A noisy feed whose queue is always full, and two behind it that have a little.
struct Noise {
    rig: Rig,
    quiet: Vec<Outlet<Batch>>,
    _dir: tempfile::TempDir,
}

impl Noise {
    fn new(bytes_max: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (_spot, waker) = parking();
        let (quiet, inlets) = (0..2).map(|_| bounded(QUEUE, &waker)).unzip();
        let config = JournalConfig { bytes_max, ..config() };
        let rig = rig_with(dir.path(), config, QUEUE, inlets);
        Self { rig, quiet, _dir: dir }
    }

    fn fill(&self, quiet_batches: usize) {
        let noisy = self.rig.feed.as_ref().unwrap();
        while noisy.offer(batch(500, NOW)).is_ok() {}
        for feed in &self.quiet {
            for _ in 0..quiet_batches {
                assert!(feed.offer(batch(1, NOW + 1)).is_ok());
            }
        }
    }

    /// Records that went through since the last call: noisy ones and quiet ones.
    fn taken(&mut self) -> (usize, usize) {
        let (mut noisy, mut quiet) = (0, 0);
        while let Next::Records(bytes) = self.rig.tail.as_mut().unwrap().read().unwrap() {
            for record in Walk::new(bytes).map(Record::view) {
                noisy += usize::from(record.received_us == NOW);
                quiet += usize::from(record.received_us != NOW);
            }
        }
        (noisy, quiet)
    }
}

#[test]
fn in_one_turn_a_noisy_feed_has_its_share_and_the_others_all_that_they_have() {
    let mut noise = Noise::new(1 << 30);
    for _ in 0..20 {
        noise.fill(16);
        assert!(matches!(noise.rig.append.turn().unwrap(), Turn::Moved(33..)));
        let (noisy, quiet) = noise.taken();
        assert_eq!(quiet, 32);
        assert!((1000..NOISY_RECORDS_MAX).contains(&noisy), "{noisy}");
        noise.rig.sync_all();
    }
}

/// The batch that found no room was always followed by the first feed's: under a full journal the others had what it left them,
/// which was nothing.
#[test]
fn room_in_a_full_journal_goes_to_each_feed_in_turn() {
    let mut noise = Noise::new(1 << 20);
    noise.fill(0);
    noise.rig.append_all();
    assert_eq!(noise.rig.append.turn().unwrap(), Turn::Stalled);
    noise.taken();
    noise.fill(8);
    let (mut noisy, mut quiet) = (0, 0);
    for _ in 0..4 {
        // Room for one segment more.
        noise.rig.sync_all();
        noise.rig.shared.segments.write().remove(0);
        noise.rig.append_all();
        assert_eq!(noise.rig.append.turn().unwrap(), Turn::Stalled, "it is full again");
        let taken = noise.taken();
        (noisy, quiet) = (noisy + taken.0, quiet + taken.1);
        noise.fill(0);
    }
    assert_eq!(quiet, 16, "beside {noisy} of the noisy feed");
    assert!(noisy > 0);
}

/// One that filled up within one window never had room again: the window was told to be over by the next segment alone.
#[test]
fn at_its_bound_the_journal_takes_nothing_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut rig = rig(dir.path(), config(), 64);
    for _ in 0..16 {
        rig.offer(1000);
        rig.append_all();
        rig.sync_all();
    }
    assert_eq!(rig.append.turn().unwrap(), Turn::Stalled);
    assert!(rig.shared.bytes() <= config().bytes_max);
    assert!(rig.counts.journal.full_turns.get() > 0);
    let taken = rig.read_all().len();
    assert!(taken < 16_000);
    // The store has it all, and the window is long past.
    rig.sync_all();
    for partition in 0..64 {
        rig.shared.set_committed(partition, rig.shared.next_seq());
    }
    rig.clock.set_us(NOW + 3600 * SECOND_US);
    let began = std::time::Instant::now();
    while rig.shared.segments.read().len() > 1 {
        assert!(began.elapsed() < Duration::from_secs(10), "nothing is deleted");
        rig.sync.turn().unwrap();
    }
    while matches!(rig.append.turn().unwrap(), Turn::Moved(_)) {
        rig.sync_all();
    }
    assert_eq!(rig.append.turn().unwrap(), Turn::Idle);
    assert_eq!(taken + rig.read_all().len(), 16_000);
}

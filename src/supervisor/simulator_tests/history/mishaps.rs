//! What happens around a daemon while it lives.

use std::path::PathBuf;

use super::records;
use super::{Health, History, Life, Weather, root};
use crate::journal::segment::HEADER_BYTES;
use crate::journal::{committed, directory};
use crate::record;

impl History {
    pub(super) fn pass_time(&mut self) {
        let most = [20, 300, 3000, 20_000][self.random.index(4)];
        let ms = self.random.between(1, most);
        self.outside.time.pass_ms(ms);
    }

    pub(super) fn jump(&mut self) {
        self.tally.clock_jumps += 1;
        let hour = 3_600_000;
        let ms = [-hour, hour, -24 * hour, 700][self.random.index(4)];
        self.tell(|_| format!("clock set by {ms} ms"));
        self.outside.time.jump_ms(ms);
    }

    pub(super) fn copy_committed(&mut self) {
        let Some(life) = &self.life else { return };
        let _ = committed::save(root(), &life.journal.all_committed());
        self.bury();
    }

    pub(super) fn change_weather(&mut self) {
        let random = &mut self.random;
        let mut chance = |percent| random.chance(percent);
        let (short, full) = (chance(30), chance(12));
        let (write_fails, sync_fails, dies) = (chance(15), chance(20), chance(12));
        let health = match chance(50) {
            true => Health::default(),
            false => Health {
                away: if chance(30) { 80 } else { 0 },
                refuses: if chance(40) { 30 } else { 0 },
                loses_answer: if chance(40) { 30 } else { 0 },
                late: if chance(40) { 30 } else { 0 },
                dies: if chance(20) { 10 } else { 0 },
                slow_ms: if chance(30) { 2000 } else { 0 },
            },
        };
        self.outside.picture.lock().fails = if chance(40) { 40 } else { 0 };
        if chance(10) {
            self.outside.picture.lock().empty();
        }
        let dies_after = dies.then(|| self.random.below(30));
        let weather = Weather { short, full, write_fails, sync_fails, dies_after };
        self.tell(|_| format!("{weather:?} {health:?}"));
        self.disk.set_weather(weather);
        self.outside.database.lock().health = health;
    }

    /// The process is killed, or the power goes.
    pub(super) fn kill(&mut self) {
        self.disk.kill();
        self.tally.kills += 1;
        self.bury();
    }

    /// What is to be done when the process has died.
    pub(super) fn bury(&mut self) {
        let died = self.outside.database.lock().died;
        if !died && !self.disk.is_dead() {
            return;
        }
        if let Some(life) = self.life.take() {
            self.count(&life);
            drop(life);
        }
        self.lose_headers();
        let power = self.random.chance(50);
        self.tell(|_| format!("dead, power cut: {power}"));
        if power {
            self.disk.cut_power();
        }
        self.ledger.ended(power || self.disk.fired().forgotten > self.forgotten);
        self.disk.next_process();
        let mut database = self.outside.database.lock();
        (database.died, database.process) = (false, database.process + 1);
    }

    pub(in super::super) fn count(&mut self, life: &Life) {
        let (counts, tally) = (&life.counts, &mut self.tally);
        tally.forks += counts.shards.iter().map(|shard| shard.forks.get()).sum::<u64>();
        tally.read_back += counts.shards.iter().map(|shard| shard.read_back.get()).sum::<u64>();
        tally.repeats += counts.feeds.iter().map(|feed| feed.repeats.get()).sum::<u64>();
        tally.full_turns += counts.journal.full_turns.get();
        tally.segments_deleted += counts.journal.deleted.get();
        tally.quarantined += counts.journal.quarantined.get();
        tally.damaged += counts.journal.corrupt_records.get();
        tally.journal_failures += counts.journal.failures.get();
    }

    /// A bit of a segment turns.
    pub(super) fn flip(&mut self) {
        let segments = self.disk.files(&directory::journal_dir(root()));
        if segments.is_empty() {
            return;
        }
        let path: &PathBuf = &segments[self.random.index(segments.len())];
        let bytes = self.disk.contents(path).unwrap_or_default();
        if bytes.is_empty() {
            return;
        }
        // Headers are small: one bit in eight turns there.
        let header = HEADER_BYTES as usize;
        let within = if self.random.chance(12) { header.min(bytes.len()) } else { bytes.len() };
        let (byte, bit) = (self.random.index(within), self.random.below(8));
        for (at, record) in records(&bytes) {
            let end = at + record::aligned(record.len());
            if (at..end).contains(&byte) {
                self.ledger.damage(record::seq(record));
            }
        }
        if byte < header {
            self.tally.headers_turned += 1;
            self.turned.entry(path.clone()).or_default().push(byte);
        }
        self.tell(|_| format!("flip byte {byte} of {}", path.display()));
        self.disk.flip(path, byte, u32::try_from(bit).unwrap());
        self.tally.bits_flipped += 1;
    }

    /// A header in which one bit has turned is made up for, but not the version in it, nor two. The next start puts such a segment
    /// into quarantine with all that it holds by then.
    fn lose_headers(&mut self) {
        let version = 8..12;
        for (path, bytes) in &self.turned {
            if bytes.len() == 1 && !version.contains(&bytes[0]) {
                continue;
            }
            for (_, record) in records(&self.disk.contents(path).unwrap_or_default()) {
                self.ledger.damage(record::seq(record));
            }
        }
    }
}

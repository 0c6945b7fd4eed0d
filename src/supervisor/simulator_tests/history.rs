//! One history: a daemon that lives, dies and lives again while everything around it fails, until all is well and it drains.

mod mishaps;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use super::database::{Database, Flaw, Health};
use super::disk::{Fired, Lie, Simulated, Weather};
use super::ledger::Ledger;
use super::life::{self, FEEDS, Life, Outside, Setup};
use super::picture::Picture;
use super::random::Random;
use super::tally::Tally;
use super::time::Time;
use crate::config::{JournalConfig, ShardConfig, StoreConfig};
use crate::disk::testing::InPlace;
use crate::journal::directory;
use crate::journal::segment::HEADER_BYTES;
use crate::observe::accounting::Sums;
use crate::observe::latency::Latency;
use crate::queue::Poll;
use crate::record;
use crate::stage::{Broken, Stage, Turn};

const STEPS: u64 = 260;
/// Passes over all stages within which a daemon that nothing hinders has drained.
const PASSES_MAX: usize = 3000;
/// Passes within which it notices what became of its neighbours while it was idle.
const PASSES_TO_NOTICE: usize = 15;

/// What is broken on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub struct Broke {
    pub lie: Option<Lie>,
    pub flaw: Option<Flaw>,
    pub picture: bool,
}

/// A history under way.
pub struct History {
    pub(super) random: Random,
    pub(super) disk: Arc<Simulated>,
    pub(super) outside: Outside,
    pub(super) ledger: Ledger,
    pub(super) life: Option<Life>,
    pub(super) tally: Tally,
    pub(super) wrong: Vec<String>,
    setup: Setup,
    told: bool,
    forgotten: u64,
    /// Bits that turned in headers of segments.
    turned: BTreeMap<PathBuf, Vec<usize>>,
}

/// A stage.
#[derive(Clone, Copy, Debug)]
pub(super) enum Which {
    Append,
    Sync,
    Shard(usize),
    Writer(usize),
    Live,
}

/// Runs the history of a seed; what happened, or what is wrong.
///
/// # Errors
/// What did not hold.
pub fn run(
    seed: u64,
    broke: Broke,
    latency: &Arc<Mutex<Latency>>,
    told: bool,
) -> Result<Tally, String> {
    let mut random = Random::new(seed);
    let mut next = || Random::new(random.next());
    let disk = Arc::new(Simulated::new(next(), broke.lie));
    let time = Time::new();
    let database = Arc::new(Mutex::new(Database::new(next(), time.clone(), broke.flaw)));
    let picture = Arc::new(Mutex::new(Picture::new(next(), !broke.picture)));
    let _in_place = InPlace::of(Arc::clone(&disk) as _);
    let setup = setup(&mut random);
    let mut history = History {
        random,
        disk,
        outside: Outside { time, database, picture, latency: Arc::clone(latency) },
        ledger: Ledger::default(),
        life: None,
        tally: Tally::default(),
        wrong: Vec::new(),
        setup,
        told,
        forgotten: 0,
        turned: BTreeMap::new(),
    };
    history.tell(|history| format!("{:?}", history.setup));
    history.live();
    history.heal();
    history.drain();
    history.tell(History::segments);
    history.judge();
    match history.wrong.is_empty() {
        true => Ok(history.tally),
        false => Err(history.wrong.join("; ")),
    }
}

fn setup(random: &mut Random) -> Setup {
    let shards = random.index(3) + 1;
    let segment_bytes = [1024, 2048, 8192][random.index(3)];
    let keep_all = random.chance(10);
    Setup {
        shards,
        writers: random.index(shards.min(2)) + 1,
        queue: random.index(8) + 1,
        rows_waiting_max: random.index(40) + 1,
        journal: JournalConfig {
            segment_bytes,
            reserve_bytes: 0,
            bytes_max: segment_bytes * if keep_all { 10_000 } else { random.between(4, 30) },
            sync_interval_ms: random.below(2) * 50,
            keep_all,
        },
        shard: ShardConfig {
            vessels_max: 64,
            dedup_seconds: random.between(1, 10),
            dedup_bytes_max: 1 << 16,
            ..ShardConfig::default()
        },
        store: StoreConfig {
            batch_rows_max: random.index(40) + 1,
            linger_ms: random.below(2) * 20,
            ..StoreConfig::default()
        },
    }
}

pub(super) fn root() -> &'static Path {
    Path::new("/data")
}

impl History {
    pub(super) fn tell(&self, what: impl FnOnce(&Self) -> String) {
        if self.told {
            eprintln!("{}", what(self));
        }
    }

    /// What is in the journal.
    fn segments(&self) -> String {
        let mut text = format!("now {}", self.outside.time.wall.now_us());
        if let Some(life) = &self.life {
            let (committed, synced) = (life.journal.committed(), life.journal.synced_seq());
            let next = life.journal.next_seq();
            text += &format!(", committed {committed:x}, synced {synced:x}, next {next:x}\n");
        }
        for path in self.disk.files(&directory::journal_dir(root())) {
            let bytes = self.disk.contents(&path).unwrap_or_default();
            let first =
                bytes.get(32..40).map_or(0, |it| u64::from_le_bytes(it.try_into().unwrap()));
            let begun_us =
                bytes.get(40..48).map_or(0, |it| i64::from_le_bytes(it.try_into().unwrap()));
            let name = path.file_name().unwrap_or_default().display();
            text += &format!("{name} {} begun at {begun_us}, from {first:x}:", bytes.len());
            let numbers = records(&bytes).map(|(_, record)| format!(" {:x}", record::seq(record)));
            text.extend(numbers);
            text.push('\n');
        }
        text
    }

    /// All that goes wrong goes wrong here.
    fn live(&mut self) {
        for _ in 0..STEPS {
            if !self.wrong.is_empty() {
                return;
            }
            if self.life.is_none() {
                // What keeps it from starting passes now and then.
                if self.random.chance(30) {
                    self.change_weather();
                }
                self.start();
                continue;
            }
            match self.random.below(1000) {
                0..150 => self.offer(),
                150..330 => self.turn(Which::Append),
                330..470 => self.turn(Which::Sync),
                470..640 => self.some_shard(),
                640..790 => self.some_writer(),
                790..850 => self.turn(Which::Live),
                850..920 => self.pass_time(),
                920..940 => self.copy_committed(),
                940..985 => self.change_weather(),
                985..990 => self.outside.database.lock().thaw(),
                990..993 => self.flip(),
                993..995 => self.jump(),
                _ => self.kill(),
            }
            self.look();
        }
    }

    /// Nothing fails any more.
    fn heal(&mut self) {
        self.tell(|_| "heal".to_owned());
        self.disk.set_weather(Weather::default());
        self.outside.database.lock().health = Health::default();
        self.outside.database.lock().thaw();
        self.outside.picture.lock().fails = 0;
    }

    pub(super) fn start(&mut self) {
        self.disk.next_process();
        {
            let mut database = self.outside.database.lock();
            database.process += 1;
            database.died = false;
        }
        let before = self.disk.fired();
        let away = self.outside.database.lock().fired.away;
        self.forgotten = before.forgotten;
        self.tally.starts += 1;
        match life::start(root(), &self.setup, &self.outside) {
            Ok(life) => {
                self.tell(|_| format!("started at {:x}", life.journal.next_seq()));
                self.life = Some(life);
            }
            Err(error) => {
                let after = self.disk.fired();
                let faults = |it: &Fired| {
                    it.full + it.write_failed + it.sync_failed + it.died_in_call + it.interrupted
                };
                self.tell(|_| format!("start refused: {error}"));
                self.tally.starts_refused += 1;
                if faults(&before) == faults(&after) {
                    self.wrong.push(format!("a start failed: {error}"));
                }
            }
        }
        self.tally.starts_away += u64::from(self.outside.database.lock().fired.away > away);
        self.bury();
    }

    fn offer(&mut self) {
        let Some(life) = &self.life else { return };
        let feed = self.random.index(FEEDS);
        if life.feeds[feed].len() >= self.setup.queue {
            return;
        }
        let count = [1, 3, 12][self.random.index(3)];
        let now_us = self.outside.time.wall.now_us();
        let batch = self.ledger.batch(&mut self.random, now_us, feed, count);
        life.counts.feeds[feed].received.add(count as u64);
        assert!(life.feeds[feed].offer(batch).is_ok());
        self.tell(|_| format!("offer {count} to feed {feed}"));
    }

    fn some_shard(&mut self) {
        let shard = self.random.index(self.setup.shards);
        self.turn(Which::Shard(shard));
    }

    fn some_writer(&mut self) {
        let writer = self.random.index(self.setup.writers);
        self.turn(Which::Writer(writer));
    }

    /// One turn of one stage; it is gone when it has finished.
    pub(super) fn turn(&mut self, which: Which) {
        let Some(life) = &mut self.life else { return };
        let turned = match which {
            Which::Append => turn(&mut life.append),
            Which::Sync => turn(&mut life.sync),
            Which::Shard(at) => turn(&mut life.shards[at]),
            Which::Writer(at) => turn(&mut life.writers[at]),
            Which::Live => turn(&mut life.live),
        };
        while let Poll::Item(chunk) = life.chunks.poll() {
            self.ledger.appended(&chunk.bytes);
        }
        let died = self.disk.is_dead() || self.outside.database.lock().died;
        if !died {
            // What the process says of its syncs reaches nobody when it dies in the same moment.
            self.ledger.synced(life.journal.synced_seq());
        }
        match turned {
            Ok(turned) => self.tell(|_| format!("{which:?}: {turned:?}")),
            Err(broken) => {
                self.tell(|_| format!("{which:?}: {broken}"));
                if !died {
                    self.wrong.push(format!("{which:?} stopped: {broken}"));
                }
            }
        }
        self.bury();
    }

    /// What holds at every moment.
    pub(super) fn look(&mut self) {
        let Some(life) = &self.life else { return };
        for feed in &life.counts.feeds {
            let sums = Sums::read(feed);
            if sums.imbalance() > 0 {
                self.wrong.push(format!("more left than came: {sums:?}"));
            }
        }
        if life.journal.bytes() > self.setup.journal.bytes_max {
            self.wrong.push(format!("the journal has {} bytes", life.journal.bytes()));
        }
        self.wrong.append(&mut self.ledger.wrong);
        self.wrong.append(&mut self.outside.database.lock().wrong);
        self.wrong.append(&mut self.outside.picture.lock().wrong);
    }

    /// All input ends, and the daemon with it.
    fn drain(&mut self) {
        if !self.wrong.is_empty() {
            return;
        }
        if self.life.is_none() {
            self.start();
        }
        if !self.offer_last() {
            return;
        }
        (0..PASSES_TO_NOTICE).for_each(|_| self.pass());
        if let Some(life) = &mut self.life {
            life.feeds.clear();
        }
        for _ in 0..PASSES_MAX {
            self.pass();
            let Some(life) = &self.life else { return };
            let is_shown = life.counts.live.waiting.get() == 0;
            if is_shown && life.writers.iter().all(Option::is_none) {
                life.live_stopping.store(true, Ordering::Release);
            }
            if !self.wrong.is_empty() || life.live.is_none() {
                return;
            }
        }
        self.wrong.push("it does not drain".to_owned());
    }

    /// Every vessel says something when all is well; whether there was room for it.
    fn offer_last(&mut self) -> bool {
        for _ in 0..PASSES_MAX {
            let Some(life) = &self.life else { return false };
            // What was received before the clock was set, and is appended behind these, would count as newer.
            if life.feeds.iter().all(|feed| feed.is_empty()) {
                let now_us = self.outside.time.wall.now_us();
                let batch = self.ledger.last_batch(now_us, 0);
                life.counts.feeds[0].received.add(u64::from(batch.count()));
                return life.feeds[0].offer(batch).is_ok();
            }
            self.pass();
        }
        self.wrong.push("the journal takes nothing any more".to_owned());
        false
    }

    fn pass(&mut self) {
        self.turn(Which::Append);
        self.turn(Which::Sync);
        (0..self.setup.shards).for_each(|shard| self.turn(Which::Shard(shard)));
        (0..self.setup.writers).for_each(|writer| self.turn(Which::Writer(writer)));
        self.turn(Which::Live);
        self.outside.time.pass_ms(100);
        self.look();
    }
}

fn turn<S: Stage>(stage: &mut Option<S>) -> Result<Option<Turn>, Broken> {
    let Some(working) = stage else { return Ok(None) };
    let turned = working.turn()?;
    if turned == Turn::Finished {
        working.stop();
        *stage = None;
    }
    Ok(Some(turned))
}

/// The intact records of a segment, with their places.
fn records(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let places = (HEADER_BYTES as usize..bytes.len()).step_by(record::ALIGNMENT);
    let at = |at: usize| {
        let length = record::length(&bytes[at..]).ok()?;
        Some((at, &bytes[at..at + length])).filter(|(_, record)| record::intact(record))
    };
    places.filter_map(at)
}

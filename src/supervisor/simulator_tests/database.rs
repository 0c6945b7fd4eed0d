//! A store in memory that commits or does not, answers or does not, and may commit a thing late.
//!
//! As the real one it has a fence: whoever connects raises the epoch, and a commit of an older one changes nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::random::Random;
use super::time::Time;
use crate::partition::PARTITIONS;
use crate::rows::{FileMark, Rows};
use crate::store::{Committed, Offsets, Store, StoreError};

/// What the store gets wrong, for the proof that it would be noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Rows are committed, and their offsets only after that.
    OffsetsApart,
    /// A commit of an earlier connection is not refused.
    NoFence,
}

/// How the store is, in parts of a hundred.
#[derive(Clone, Copy, Debug, Default)]
pub struct Health {
    /// It cannot be connected to, or asked.
    pub away: u64,
    /// A commit fails and does nothing.
    pub refuses: u64,
    /// A commit works, and its answer is lost.
    pub loses_answer: u64,
    /// A commit fails, and works later if nobody has connected again.
    pub late: u64,
    /// The process dies while it commits.
    pub dies: u64,
    /// Milliseconds that a commit takes at most.
    pub slow_ms: u64,
}

/// How often each fault fired.
#[derive(Clone, Debug, Default)]
pub struct StoreFired {
    pub away: u64,
    pub refused: u64,
    pub answers_lost: u64,
    pub late: u64,
    pub late_came_through: u64,
    pub late_fenced: u64,
    pub died: u64,
    pub slow: u64,
    /// Rows sent behind a commit that was under way.
    pub ahead: u64,
    /// Such, and the commit came to nothing or did not tell.
    pub ahead_in_vain: u64,
    /// More gathered while rows were looked at.
    pub at_rows: u64,
}

/// A row, as far as it is looked at: whose, and the longitude by which positions are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    pub mmsi: u32,
    pub lon: Option<i32>,
    pub time_us: i64,
    pub times: u32,
}

#[derive(Debug)]
struct Transaction {
    epoch: u64,
    owned: Vec<usize>,
    from: Offsets,
    to: Offsets,
    rows: Vec<(u64, Row)>,
}

/// The store.
#[derive(Debug)]
pub struct Database {
    random: Random,
    time: Time,
    pub health: Health,
    pub fired: StoreFired,
    pub rows: BTreeMap<u64, Row>,
    pub offsets: Offsets,
    pub wrong: Vec<String>,
    epochs: [u64; PARTITIONS],
    late: Vec<Transaction>,
    flaw: Option<Flaw>,
    /// Which process may speak; those before it are dead.
    pub process: u64,
    /// Set when the process died inside a commit.
    pub died: bool,
}

impl Database {
    pub fn new(random: Random, time: Time, flaw: Option<Flaw>) -> Self {
        Self {
            random,
            time,
            health: Health::default(),
            fired: StoreFired::default(),
            rows: BTreeMap::new(),
            offsets: [0; PARTITIONS],
            wrong: Vec::new(),
            epochs: [0; PARTITIONS],
            late: Vec::new(),
            flaw,
            process: 0,
            died: false,
        }
    }

    /// Commits that were stuck go on, those that still may.
    pub fn thaw(&mut self) {
        for transaction in std::mem::take(&mut self.late) {
            if self.apply(&transaction) {
                self.fired.late_came_through += 1;
            } else {
                self.fired.late_fenced += 1;
            }
        }
    }

    fn is_ours(&self, transaction: &Transaction) -> bool {
        transaction.owned.iter().all(|at| {
            self.epochs[*at] == transaction.epoch && self.offsets[*at] == transaction.from[*at]
        })
    }

    /// Whether the transaction was let through.
    fn apply(&mut self, transaction: &Transaction) -> bool {
        if !self.is_ours(transaction) && self.flaw != Some(Flaw::NoFence) {
            return false;
        }
        self.insert(transaction);
        for at in &transaction.owned {
            if transaction.to[*at] < self.offsets[*at] {
                self.wrong.push(format!("the offset of partition {at} went back"));
            }
            self.offsets[*at] = transaction.to[*at];
        }
        true
    }

    fn insert(&mut self, transaction: &Transaction) {
        for (seq, row) in &transaction.rows {
            self.rows.entry(*seq).and_modify(|it| it.times += 1).or_insert(*row);
        }
    }

    fn commit(&mut self, transaction: Transaction) -> Result<(), StoreError> {
        let Health { refuses, loses_answer, late, dies, slow_ms, .. } = self.health;
        if slow_ms > 0 {
            self.fired.slow += 1;
            self.time.pass_ms(self.random.below(slow_ms + 1));
        }
        let failed = |text: &str| Err(StoreError::Transient(text.to_owned()));
        let fate = self.random.below(100);
        if fate < refuses {
            self.fired.refused += 1;
            if self.flaw == Some(Flaw::OffsetsApart) {
                self.insert(&transaction);
            }
            return failed("refused");
        }
        if fate < refuses + late {
            self.fired.late += 1;
            self.late.push(transaction);
            return failed("no answer in time");
        }
        if fate < refuses + late + dies {
            self.fired.died += 1;
            self.died = true;
            if self.random.chance(50) {
                self.apply(&transaction);
            }
            return failed("dead");
        }
        if !self.apply(&transaction) {
            return Err(StoreError::Fenced("another owner".to_owned()));
        }
        if fate < refuses + late + dies + loses_answer {
            self.fired.answers_lost += 1;
            return failed("no answer in time");
        }
        Ok(())
    }
}

/// One writer's connection.
pub struct Session {
    database: Arc<Mutex<Database>>,
    process: u64,
    owned: Vec<usize>,
    epoch: u64,
    from: Offsets,
    /// Whether it takes rows behind a commit that is under way.
    takes_ahead: bool,
    /// What the commit under way will be answered, and whether rows were sent behind it.
    under_way: Option<(Result<(), StoreError>, bool)>,
}

impl Session {
    pub fn new(database: &Arc<Mutex<Database>>, owned: Vec<usize>) -> Self {
        let process = database.lock().process;
        let database = Arc::clone(database);
        let (epoch, from) = (0, [0; PARTITIONS]);
        Self { database, process, owned, epoch, from, takes_ahead: false, under_way: None }
    }
}

impl Store for Session {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn connect(&mut self) -> Result<Offsets, StoreError> {
        let mut database = self.database.lock();
        let away = database.health.away;
        if database.died || database.process != self.process || database.random.chance(away) {
            database.fired.away += 1;
            return Err(StoreError::Transient("connection refused".to_owned()));
        }
        // The lock of the row waits for a commit that is still under way, or that one is refused later.
        if database.random.chance(50) {
            database.thaw();
        }
        let epoch = database.epochs.iter().max().unwrap() + 1;
        self.owned.iter().for_each(|at| database.epochs[*at] = epoch);
        (self.epoch, self.from) = (epoch, database.offsets);
        (self.takes_ahead, self.under_way) = (database.random.chance(50), None);
        Ok(database.offsets)
    }

    fn name_sources(&mut self, _names: &[String]) -> Result<(), StoreError> {
        Ok(())
    }

    fn carry(&mut self, files: &[FileMark]) {
        assert!(files.is_empty(), "nothing here comes of a file");
    }

    fn rows_ahead(&self) -> Option<usize> {
        self.takes_ahead.then_some(1)
    }

    fn send(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<(), StoreError> {
        let mut database = self.database.lock();
        let (_, ahead) = self.under_way.as_mut().expect("a commit is under way");
        *ahead = true;
        database.fired.ahead += 1;
        let refuses = database.health.refuses;
        if database.died || database.process != self.process || database.random.chance(refuses) {
            database.fired.ahead_in_vain += 1;
            return Err(StoreError::Transient("broken pipe".to_owned()));
        }
        Ok(())
    }

    fn is_at_rows(&mut self) -> bool {
        let mut database = self.database.lock();
        let is_at_rows = self.under_way.is_some() && database.random.chance(50);
        database.fired.at_rows += u64::from(is_at_rows);
        is_at_rows
    }

    fn commit(&mut self, rows: &[Rows], offsets: &Offsets) -> Result<(), StoreError> {
        assert!(self.under_way.is_none(), "the commit before is not finished");
        let mut database = self.database.lock();
        if database.died || database.process != self.process {
            return Err(StoreError::Transient("dead".to_owned()));
        }
        let transaction = Transaction {
            epoch: self.epoch,
            owned: self.owned.clone(),
            from: self.from,
            to: *offsets,
            rows: rows.iter().flat_map(of).collect(),
        };
        let answer = database.commit(transaction);
        self.from = *offsets;
        if answer.is_ok() || self.takes_ahead {
            self.under_way = Some((answer, false));
            return Ok(());
        }
        answer
    }

    fn finish(&mut self, _rows: &[Rows], _offsets: &Offsets) -> Result<Committed, StoreError> {
        let (answer, ahead) = self.under_way.take().expect("a commit is under way");
        if answer.is_err() && ahead {
            self.database.lock().fired.ahead_in_vain += 1;
        }
        answer.map(|()| Committed::default())
    }
}

/// The rows of a batch, with their numbers.
fn of(rows: &Rows) -> Vec<(u64, Row)> {
    let positions =
        rows.positions.iter().map(|row| (row.origin, row.position.place.map(|place| place.lon)));
    let statics = rows.statics.iter().filter(|row| !row.beside_position);
    let others = statics.map(|row| row.origin).chain(rows.messages.iter().map(|row| row.origin));
    let all = positions.chain(others.map(|origin| (origin, None)));
    let row = |mmsi, lon, time_us| Row { mmsi, lon, time_us, times: 1 };
    all.map(|(origin, lon)| (origin.seq, row(origin.mmsi, lon, origin.time_us))).collect()
}

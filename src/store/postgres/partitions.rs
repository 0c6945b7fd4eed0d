//! Keeps the day partitions of `positions` and `messages`: made ahead, made for late days, dropped when they expire.
//!
//! In:      days that writers ask for, the clock
//! Out:     partitions, and [`Days`] that say which there are
//! Drops:   days that are older than `store.retention_days`, rows of the default partitions included
//! Metrics: `ais_store_partitions*`, `ais_store_partition_failures_total`
//!
//! Partitions are made for yesterday, today and `store.days_ahead` days more, at the start and whenever one is missing at a
//! look, once a minute and at midnight; for any other day when a writer asks, at most `store.days_late_max` in one run. A row
//! whose day has none goes to the default partition by itself, so nothing here can fail a commit, and all failures are tried
//! again.
//!
//! The blocking calls are those to the server over `store.direct_url`, each with a deadline: five seconds, a minute for those
//! that nobody can wait behind.
//!
//! Rows are never changed, so there is nothing to vacuum but to freeze them, once. The server would do that again and again while a day
//! fills, and beside 100 000 reports a second that took commits 70 ms and more; so inserts ask for no vacuum until their day
//! is over. It needs Postgres 13.

pub mod days;
mod table;
mod tables;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::link::Dialer;
use crate::config::StoreConfig;
use crate::observe::counts::Counts;
use crate::stage::{Broken, Stage, Turn};
use crate::store::StoreError;
use days::Days;
use table::Table;
use tables::{Made, Partition, Tables};

/// How often it is looked what is missing and what has expired.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// How often it is looked whether a writer has made the tables.
const TABLES_EVERY: Duration = Duration::from_millis(200);
/// First and longest wait after a failure, unless a writer asks before.
const RETRY_AFTER: Duration = Duration::from_secs(1);
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);
/// A connection that is not used for this long is closed.
const IDLE: Duration = Duration::from_secs(5);

/// How long the calls of one turn may take together: one that nobody can wait behind, a few short ones, a connect.
pub const CALL_MAX: Duration = Duration::from_secs(120);

/// What is to be done next; later entries wait for earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Job {
    Make(Table, i32),
    Drop(Partition),
    Clean(Table, i32),
    Summarise(Table, i32),
    LetVacuum(Partition),
}

/// What the stage is given at its birth.
pub struct Parts {
    /// Connects as the owner of the tables.
    pub dialer: Dialer,
    /// What is told to the writers.
    pub days: Arc<Days>,
    /// Retention and bounds.
    pub config: StoreConfig,
    /// Hours that a report may be dated ahead of its receipt.
    pub ahead_hours_max: u64,
    /// Everything that is counted.
    pub counts: Arc<Counts>,
    /// Set when nobody will write any more.
    pub stopping: Arc<AtomicBool>,
}

/// The stage.
pub struct Partitions {
    parts: Parts,
    tables: Option<(Tables, Instant)>,
    look_at: Instant,
    looked_on: Option<i32>,
    jobs: Vec<Job>,
    late: usize,
    /// The first day that is kept, as of the last cleaning of the default partitions.
    cleaned: Option<i32>,
    retry: Option<(Instant, Duration)>,
    trouble: Option<String>,
}

impl Partitions {
    /// Not connected yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts,
            tables: None,
            look_at: Instant::now(),
            looked_on: None,
            jobs: Vec::new(),
            late: 0,
            cleaned: None,
            retry: None,
            trouble: None,
        }
    }
}

impl Stage for Partitions {
    fn name(&self) -> &'static str {
        "partitions"
    }

    fn turn(&mut self) -> Result<Turn, Broken> {
        if self.parts.stopping.load(Ordering::Acquire) {
            return Ok(Turn::Finished);
        }
        let rests = self.retry.is_some_and(|(at, _)| Instant::now() < at);
        if rests && !self.parts.days.take_urge() {
            return Ok(Turn::Idle);
        }
        let done = match self.asked() {
            Some(day) => self.make_asked(day).map(|()| true),
            None => self.work(),
        };
        Ok(match done {
            Ok(true) => {
                self.well();
                Turn::Moved(1)
            }
            Ok(false) => {
                self.tables.take_if(|(_, used)| used.elapsed() > IDLE);
                Turn::Idle
            }
            Err(error) => {
                self.failed(&error);
                Turn::Idle
            }
        })
    }

    fn stop(&mut self) {
        self.tables = None;
        self.parts.days.away();
    }
}

impl Partitions {
    /// A day that a writer waits for; none before a look, which may know it.
    fn asked(&self) -> Option<i32> {
        if self.is_due() || self.looked_on.is_none() { None } else { self.parts.days.next_asked() }
    }

    fn is_due(&self) -> bool {
        let is_another_day = self.looked_on.is_some_and(|day| day != self.parts.days.today());
        Instant::now() >= self.look_at || is_another_day
    }

    /// A look, or the next job; says whether there was anything.
    fn work(&mut self) -> Result<bool, StoreError> {
        if self.is_due() {
            return self.look();
        }
        let Some(job) = self.jobs.pop() else { return Ok(false) };
        self.do_job(job).map(|()| true)
    }

    fn connected(&mut self) -> Result<&mut Tables, StoreError> {
        let usable = self.tables.take().filter(|(tables, _)| !tables.link.is_broken());
        let tables = if let Some((tables, _)) = usable {
            tables
        } else {
            let Parts { dialer, config, .. } = &self.parts;
            let deadline = Instant::now() + Duration::from_secs(config.connect_seconds);
            Tables { link: dialer.dial(deadline)?, shown: dialer.address.shown() }
        };
        Ok(&mut self.tables.insert((tables, Instant::now())).0)
    }

    /// Learns what there is, and lists what is to be done; says whether there are tables at all.
    fn look(&mut self) -> Result<bool, StoreError> {
        let Some((found, servers_today)) = self.connected()?.list()? else {
            self.look_at = Instant::now() + TABLES_EVERY;
            return Ok(false);
        };
        let of = |table: Table| found.iter().filter(move |partition| partition.table == table);
        let days = of(Table::Positions).map(|partition| partition.days.clone());
        self.parts.days.listed(days.collect(), servers_today);
        self.look_at = Instant::now() + LOOK_EVERY;
        let today = self.parts.days.today();
        self.looked_on = Some(today);
        // The first to be done is the last.
        self.jobs = Vec::new();
        for table in Table::ALL {
            self.jobs.extend([today - 1, today].map(|day| Job::Summarise(table, day)));
        }
        let is_over =
            |it: &&Partition| it.is_vacuum_put_off && it.days.end <= today && it.is_ours();
        self.jobs.extend(found.iter().filter(is_over).cloned().map(Job::LetVacuum));
        if let Some(kept) = self.parts.days.expires_before() {
            let expired = found.iter().filter(|it| it.days.end <= kept && it.is_ours());
            self.jobs.extend(expired.rev().cloned().map(Job::Drop));
            if self.cleaned != Some(kept) {
                self.cleaned = Some(kept);
                self.jobs.extend(Table::ALL.map(|table| Job::Clean(table, kept)));
            }
        }
        for day in self.ahead(today).rev() {
            let has = |table: &Table| of(*table).any(|partition| partition.days.contains(&day));
            let missing = Table::ALL.into_iter().filter(|table| !has(table));
            self.jobs.extend(missing.map(|table| Job::Make(table, day)));
        }
        self.count(of(Table::Positions).count());
        Ok(true)
    }

    /// Days that have partitions without anybody asking.
    fn ahead(&self, today: i32) -> std::ops::RangeInclusive<i32> {
        let ahead = i32::try_from(self.parts.config.days_ahead).unwrap_or(365);
        today.saturating_sub(1)..=today.saturating_add(ahead)
    }

    fn do_job(&mut self, job: Job) -> Result<(), StoreError> {
        match job {
            Job::Make(table, day) => {
                let made = self.make(table, day)?;
                if table == Table::Positions {
                    self.parts.days.settled(day, made);
                    self.count_one_more(made);
                }
            }
            Job::Drop(partition) => {
                self.connected()?.drop(&partition)?;
                tracing::info!("dropped {}, which is older than is kept", partition.name);
                self.parts.counts.store.partitions_dropped.add(1);
            }
            Job::Clean(table, before) => {
                if self.connected()?.clean_default(table, before)? {
                    self.jobs.push(Job::Clean(table, before));
                }
            }
            Job::Summarise(table, day) => self.connected()?.summarise(table, day)?,
            Job::LetVacuum(partition) => self.connected()?.let_vacuum(&partition)?,
        }
        Ok(())
    }

    /// Makes the partitions of a day that a writer waits for, unless there were too many of such days already.
    fn make_asked(&mut self, day: i32) -> Result<(), StoreError> {
        let is_late = !self.ahead(self.parts.days.today()).contains(&day);
        let too_many = is_late && self.late >= self.parts.config.days_late_max;
        let made = if too_many {
            Ok(false)
        } else {
            let made = self.make(Table::Positions, day);
            made.and_then(|made| self.make(Table::Messages, day).map(|_| made))
        };
        let has_its_own = *made.as_ref().unwrap_or(&false);
        self.parts.days.settled(day, has_its_own);
        self.count_one_more(has_its_own);
        if is_late && has_its_own {
            self.late += 1;
            self.parts.counts.store.partitions_late.add(1);
        }
        made.map(drop)
    }

    fn make(&mut self, table: Table, day: i32) -> Result<bool, StoreError> {
        let hours = self.parts.ahead_hours_max.saturating_add(23);
        let ahead_days = i32::try_from(hours / 24).unwrap_or(i32::MAX);
        let no_rows_yet = day > self.parts.days.today().saturating_add(ahead_days);
        let made = self.connected()?.make(table, day, no_rows_yet)?;
        match made {
            Made::Yes => {}
            Made::DefaultHasRows => {
                tracing::info!(
                    "{} stays in the default partition, which has rows of it",
                    table.of(day)
                );
            }
            Made::DefaultTooLarge => tracing::warn!(
                "{} shares the default partition, which is too large to look through while writers wait",
                table.of(day)
            ),
        }
        Ok(made == Made::Yes)
    }

    fn count(&self, partitions: usize) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.parts.counts.store.partitions.set(number(partitions));
        self.parts.counts.store.partitions_missing.set(number(self.parts.days.shared()));
    }

    fn count_one_more(&self, has_its_own: bool) {
        let counts = &self.parts.counts.store;
        counts.partitions.add(i64::from(has_its_own));
        counts.partitions_missing.set(i64::try_from(self.parts.days.shared()).unwrap_or(i64::MAX));
    }

    fn well(&mut self) {
        self.retry = None;
        if self.trouble.take().is_some() {
            tracing::info!("partitions can be made again");
        }
    }

    /// Told when it is something new; tried again later, and nobody waits meanwhile.
    fn failed(&mut self, error: &StoreError) {
        self.parts.counts.store.partition_failures.add(1);
        let text = error.to_string();
        if self.trouble.as_ref() != Some(&text) {
            tracing::warn!("{text}; rows of days without a partition go to the default one");
            self.trouble = Some(text);
        }
        let wait = self.retry.map_or(RETRY_AFTER, |(_, wait)| (wait * 2).min(RETRY_AFTER_MAX));
        self.retry = Some((Instant::now() + wait, wait));
        self.look_at = Instant::now();
        self.parts.days.away();
    }
}

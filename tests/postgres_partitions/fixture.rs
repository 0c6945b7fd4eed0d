//! A server with tables, and the stage that keeps their partitions, driven by hand.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use aisd::clock::Clock;
use aisd::config::{Index, StoreConfig};
use aisd::observe::counts::{Counts, StoreCounts};
use aisd::stage::{Stage, Turn, parking};
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::Dialer;
use aisd::store::postgres::migrate::{Build, migrate};
use aisd::store::postgres::partitions::days::{Days, day_of};
use aisd::store::postgres::partitions::{Partitions, Parts};

use crate::support::migration::wanted;
use crate::support::servers::Postgres;

pub const DAY_US: i64 = 86_400_000_000;
/// Longer than anything takes here.
pub const LONG: Duration = Duration::from_secs(20);

/// A server, and what its stages are told.
pub struct Fixture {
    pub server: Postgres,
    pub clock: Clock,
    pub counts: Arc<Counts>,
    pub stopping: Arc<AtomicBool>,
}

impl Fixture {
    pub fn new() -> Self {
        let fixture = Self::without_tables();
        fixture.migrate();
        fixture
    }

    pub fn migrate(&self) {
        let dialer = self.dialer(&self.server.url());
        migrate(&dialer, wanted(Index::Track, Build::Later), &mut |_| {}).unwrap();
    }

    pub fn without_tables() -> Self {
        let server = Postgres::start();
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_micros();
        Self {
            server,
            clock: Clock::manual(i64::try_from(now).unwrap()),
            counts: Arc::default(),
            stopping: Arc::default(),
        }
    }

    fn dialer(&self, url: &str) -> Dialer {
        let watchdog = Watchdog::start(Arc::clone(&self.counts)).unwrap();
        Dialer { address: Address::parse(url).unwrap(), watchdog }
    }

    pub fn stage(&self, change: impl FnOnce(&mut StoreConfig)) -> (Partitions, Arc<Days>) {
        self.stage_as(&self.server.url(), change)
    }

    pub fn stage_as(
        &self,
        url: &str,
        change: impl FnOnce(&mut StoreConfig),
    ) -> (Partitions, Arc<Days>) {
        let mut config = StoreConfig::default();
        change(&mut config);
        let days = Days::new(config.retention_days, self.clock.clone(), parking().1);
        let parts = Parts {
            dialer: self.dialer(url),
            days: Arc::clone(&days),
            config,
            ahead_hours_max: 24,
            counts: Arc::clone(&self.counts),
            stopping: Arc::clone(&self.stopping),
        };
        (Partitions::new(parts), days)
    }

    pub fn store(&self) -> &StoreCounts {
        &self.counts.store
    }

    pub fn today(&self) -> i32 {
        day_of(self.clock.now_us())
    }

    pub fn as_owner(&self, sql: &str) {
        self.server.execute(&format!("SET ROLE aisd; {sql}"));
    }

    /// A row of each table, so many days from today.
    pub fn insert(&self, days: i32) {
        self.server.execute(&rows(days));
    }

    /// Partitions of positions but the default one.
    pub fn partitions(&self) -> u64 {
        self.server.count(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'positions'::regclass
             AND inhrelid <> 'positions_default'::regclass",
        )
    }

    /// Rows that the default partitions hold.
    pub fn in_default(&self) -> u64 {
        self.server.count(
            "SELECT (SELECT count(*) FROM positions_default) + (SELECT count(*) FROM messages_default)",
        )
    }
}

/// Statements that store a row of each table, so many days from today.
pub fn rows(days: i32) -> String {
    format!(
        "INSERT INTO positions (seq, ts, received_at, mmsi, msg_type, instance, source, flags)
         VALUES (1, now() + {days} * interval '1 day', now(), 1, 1, 1, 1, 0);
         INSERT INTO messages (seq, ts, received_at, mmsi, msg_type, instance, source, json)
         VALUES (1, now() + {days} * interval '1 day', now(), 1, 1, 1, 1, '{{}}')"
    )
}

/// Turns until there is nothing left to do.
pub fn settle(stage: &mut Partitions) {
    while let Turn::Moved(_) = stage.turn().unwrap() {}
}

/// Turns while somebody asks for days.
pub fn ask(stage: &mut Partitions, days: &Days, asked: &[i32]) {
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| days.ask_for(asked, LONG));
        while !writer.is_finished() {
            stage.turn().unwrap();
        }
    });
}

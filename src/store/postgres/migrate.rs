//! Brings the tables of a Postgres to the version that this program knows.
//!
//! Migrations are numbered files, each applied in a transaction of its own that also notes its checksum in
//! `aisd_migrations`, under an advisory lock: several daemons may start at once. Tables that are newer than the program, or made
//! by other files, are refused. The index by vessel and the view for PostGIS follow the configuration and the server, so
//! they are looked at each time and have no number.
//!
//! Where everything is there already, nothing but SELECT is asked for. So a daemon may come as a role that owns nothing,
//! once somebody with more rights has run `aisd migrate`: `config/postgres/` has the roles and what each needs. It makes no
//! partitions then, and all rows go to the default ones, unless `store.direct_url` names the owner.

mod index;

use std::time::{Duration, Instant};

use postgres::Client;
use postgres::error::SqlState;
use postgres::types::Type;
use xxhash_rust::xxh3::xxh3_128;

use super::link::{Dialer, Link};
use crate::config::Index;
use crate::store::StoreError;

/// One step of the tables.
struct Migration {
    version: i32,
    name: &'static str,
    sql: &'static str,
}

/// Every step. Only add to it: what was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration { version: 1, name: "tables", sql: include_str!("0001_tables.sql") },
    Migration { version: 2, name: "views", sql: include_str!("0002_views.sql") },
    Migration { version: 3, name: "files", sql: include_str!("0003_files.sql") },
    Migration { version: 4, name: "fence", sql: include_str!("0004_fence.sql") },
];

/// How long each change may take, but the building of an index on what is there.
const STEP: Duration = Duration::from_secs(60);
/// Before whatever changes something: one at a time ("aisd" as a number is the key), and waits for locks of others end a
/// little before the step does, with an answer.
const ALONE: &str = "SET LOCAL client_min_messages = warning; SET LOCAL lock_timeout = '50s'; SELECT pg_advisory_xact_lock(1634300772);";

/// By way of `pg_class`: a session looks up what others have made when it locks a table, not when it has waited for an advisory
/// lock.
const KNOWN: &str =
    "SELECT EXISTS (SELECT 1 FROM pg_class WHERE oid = to_regclass('aisd_migrations'))";
const APPLIED: &str = "SELECT version, checksum FROM aisd_migrations ORDER BY version";
const NOTE: &str = "INSERT INTO aisd_migrations (version, name, checksum) VALUES ($1, $2, $3)";
const NOTES: &str = "
CREATE TABLE IF NOT EXISTS aisd_migrations (
  version    integer PRIMARY KEY,
  name       text NOT NULL,
  checksum   text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now()
)";

/// What to do about an index on positions that are there already, which takes as long as they are many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Build {
    /// Build it, partition by partition, beside whoever writes.
    Now,
    /// Leave it to `aisd migrate`; new partitions have it in any case.
    Later,
}

/// What is wanted of it.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The index of positions.
    pub index: Index,
    /// What to do about those that are there already.
    pub build: Build,
    /// How long connecting may take, and each look: a daemon starts soon, also when the server stands still.
    pub answer_within: Duration,
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Migrated {
    /// The version of the tables now.
    pub version: i32,
    /// The steps that were taken, each as number and name.
    pub applied: Vec<String>,
    /// What else was made or dropped.
    pub changed: Vec<String>,
    /// What is not as configured, and why.
    pub warnings: Vec<String>,
}

/// Migrates. `say` hears of each thing that takes long before it begins.
///
/// # Errors
/// When the server does not answer or refuses, or has tables that are not ours.
pub fn migrate(
    dialer: &Dialer,
    wanted: Wanted,
    say: &mut dyn FnMut(&str),
) -> Result<Migrated, StoreError> {
    let mut session = Session::open(dialer, wanted.answer_within)?;
    let mut done = Migrated::default();
    loop {
        let applied = session.applied()?;
        let Some(next) = session.first_missing(&applied)? else { break };
        if session.apply(next)? {
            done.applied.push(format!("{} {}", next.version, next.name));
        }
    }
    done.version = latest();
    index::follow(&mut session, wanted, &mut done, say)?;
    session.add_geometry(&mut done)?;
    Ok(done)
}

/// How far tables are.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// The last step that was taken; 0 for none.
    pub version: i32,
    /// The steps that were not, each as number and name.
    pub missing: Vec<String>,
}

/// Looks how far the tables are, and changes nothing.
///
/// # Errors
/// When the server does not answer or refuses, or has tables that are not ours.
pub fn look(dialer: &Dialer, answer_within: Duration) -> Result<Found, StoreError> {
    let mut session = Session::open(dialer, answer_within)?;
    let applied = session.applied()?;
    session.first_missing(&applied)?;
    let version = applied.iter().map(|(version, _)| *version).max().unwrap_or(0);
    let missing =
        MIGRATIONS.iter().filter(|step| applied.iter().all(|(it, _)| *it != step.version));
    let missing = missing.map(|step| format!("{} {}", step.version, step.name)).collect();
    Ok(Found { version, missing })
}

fn latest() -> i32 {
    MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0)
}

impl Migration {
    fn checksum(&self) -> String {
        format!("{:032x}", xxh3_128(self.sql.as_bytes()))
    }
}

/// A connection that migrates.
struct Session {
    link: Link,
    shown: String,
    answer_within: Duration,
}

impl Session {
    fn open(dialer: &Dialer, answer_within: Duration) -> Result<Self, StoreError> {
        let link = dialer.dial(Instant::now() + answer_within)?;
        Ok(Self { link, shown: dialer.address.shown(), answer_within })
    }

    /// Asks for something that is there or not.
    fn look<T>(
        &mut self,
        doing: &str,
        call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        self.within(self.answer_within, doing, call)
    }

    /// Changes something, which may have to wait for others.
    fn step<T>(
        &mut self,
        doing: &str,
        call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        self.within(STEP, doing, call)
    }

    fn within<T>(
        &mut self,
        time: Duration,
        doing: &str,
        call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
    ) -> Result<T, StoreError> {
        let doing = format!("{doing} of {}", self.shown);
        self.link.by(Instant::now() + time, &doing, call)
    }

    /// Runs statements, all or none; says whether we may.
    fn allowed(&mut self, doing: &str, sql: &str) -> Result<bool, StoreError> {
        let sql = format!("{ALONE} {sql}");
        self.step(doing, |client| match client.batch_execute(&sql) {
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => Ok(false),
            other => other.map(|()| true),
        })
    }

    /// Version and checksum of every step that was taken.
    fn applied(&mut self) -> Result<Vec<(i32, String)>, StoreError> {
        self.look("read the migrations", |client| {
            if !client.query_typed_one(KNOWN, &[])?.get::<_, bool>(0) {
                return Ok(Vec::new());
            }
            let rows = client.query_typed(APPLIED, &[])?;
            Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
        })
    }

    /// The first step that was not taken, if those that were are ours.
    fn first_missing(
        &self,
        applied: &[(i32, String)],
    ) -> Result<Option<&'static Migration>, StoreError> {
        for (version, checksum) in applied {
            let known = MIGRATIONS.iter().find(|migration| migration.version == *version);
            let Some(known) = known else { return Err(self.newer(*version)) };
            if known.checksum() != *checksum {
                return Err(self.changed(known, checksum));
            }
        }
        let was_taken = |version| applied.iter().any(|(other, _)| *other == version);
        Ok(MIGRATIONS.iter().find(|migration| !was_taken(migration.version)))
    }

    fn newer(&self, version: i32) -> StoreError {
        StoreError::Setup(format!(
            "{} has tables of version {version}, this program knows version {}; run the aisd that made them, \
             or restore the backup from before",
            self.shown,
            latest()
        ))
    }

    fn changed(&self, known: &Migration, checksum: &str) -> StoreError {
        StoreError::Setup(format!(
            "{}: migration {} ({}) was made with checksum {checksum}, this program (version {}) has {}; run the \
             aisd that made it",
            self.shown,
            known.version,
            known.name,
            latest(),
            known.checksum()
        ))
    }

    /// Takes a step, unless somebody else has meanwhile.
    fn apply(&mut self, next: &'static Migration) -> Result<bool, StoreError> {
        let doing = format!("migrate the tables to version {} ({})", next.version, next.name);
        self.step(&doing, |client| client.batch_execute(&format!("BEGIN; {ALONE}")))?;
        let applied = self.applied()?;
        if applied.iter().any(|(version, _)| *version == next.version) {
            self.step(&doing, |client| client.batch_execute("ROLLBACK"))?;
            return Ok(false);
        }
        self.step(&doing, |client| {
            client.batch_execute(NOTES)?;
            client.batch_execute(next.sql)?;
            let checksum = next.checksum();
            client.query_typed(
                NOTE,
                &[(&next.version, Type::INT4), (&next.name, Type::TEXT), (&checksum, Type::TEXT)],
            )?;
            client.batch_execute("COMMIT")
        })?;
        Ok(true)
    }

    /// Adds the view for PostGIS, if the server has that.
    fn add_geometry(&mut self, done: &mut Migrated) -> Result<(), StoreError> {
        let wanted = "SELECT to_regclass('positions_geo') IS NULL
            AND EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'postgis')";
        let ask = |client: &mut Client| Ok(client.query_typed_one(wanted, &[])?.get(0));
        if !self.look("look for PostGIS", ask)? {
            return Ok(());
        }
        if self.allowed("add the view positions_geo", include_str!("positions_geo.sql"))? {
            done.changed.push("the view positions_geo was added".to_owned());
        } else {
            let text = "PostGIS is there but the role may not add the view positions_geo";
            done.warnings.push(format!("{text}; aisd migrate as the owner does"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_without_a_gap() {
        for (n, migration) in (1..).zip(MIGRATIONS) {
            assert_eq!(migration.version, n, "{}", migration.name);
        }
    }
}

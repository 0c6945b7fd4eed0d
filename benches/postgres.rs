//! What does the writer's own client gain over the `postgres` crate, for ten rows a commit and for 32 768?
//!
//! Both do the same on the same tables in turn, over one connection: the offsets moved under the fence, rows copied, COMMIT. The
//! crate prepares its statements, too. `AISD_BENCH_URL=postgres://… cargo bench --bench postgres`; the database gets the
//! daemon's tables, and what is stored stays.

#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss
)]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use aisd::clock::Clock;
use aisd::config::{DeadLetterConfig, StoreConfig};
use aisd::observe::counts::Counts;
use aisd::partition::PARTITIONS;
use aisd::resilience::dead_letters::DeadLetters;
use aisd::rows::{PositionRow, Rows};
use aisd::store::Store;
use aisd::store::postgres::address::Address;
use aisd::store::postgres::deadline::Watchdog;
use aisd::store::postgres::link::Dialer;
use aisd::store::postgres::partitions::days::Days;
use aisd::store::postgres::wire::Target;
use aisd::store::postgres::{Parts, Postgres};
use parking_lot::Mutex;

#[path = "steps/rows.rs"]
mod rows;

const COPY: &str = "COPY positions (seq, ts, received_at, lat, lon, mmsi, sog, cog, heading, rot, altitude, \
    nav_status, msg_type, instance, source, flags) FROM STDIN (FORMAT binary)";
const MOVE: &str = "UPDATE aisd_offsets SET next_seq = $3 WHERE instance = $1 AND writer = 7 AND epoch = 0 \
    AND next_seq = $2";
const ROUNDS: usize = 5;

fn main() {
    let Ok(url) = std::env::var("AISD_BENCH_URL") else {
        eprintln!("AISD_BENCH_URL names no Postgres; nothing is measured");
        return;
    };
    let dir = tempfile::tempdir_in(".").unwrap();
    let mut ours = ours(&url, dir.path());
    let mut theirs = Theirs::new(&url);
    for (rows, commits) in [(10, 2000), (32_768, 20)] {
        let mut figures: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        for round in 0..ROUNDS {
            figures[0].push(ours.run(rows, commits, round));
            figures[1].push(theirs.run(rows, commits, round));
        }
        let [ours, theirs] = figures.map(|mut figures| {
            figures.sort_by(f64::total_cmp);
            figures[ROUNDS / 2]
        });
        println!(
            "{rows} rows a commit: {:.0} us a commit and {:.0} rows/s, the crate {:.0} us and {:.0} rows/s, ratio {:.2}",
            ours * 1e6,
            rows as f64 / ours,
            theirs * 1e6,
            rows as f64 / theirs,
            theirs / ours
        );
    }
}

struct Ours {
    store: Postgres,
    next: u64,
}

fn ours(url: &str, dir: &std::path::Path) -> Ours {
    let counts = Arc::new(Counts::default());
    let address = Address::parse(url).unwrap();
    let watchdog = Watchdog::start(Arc::clone(&counts)).unwrap();
    let mut store = Postgres::new(Parts {
        target: Target::of(&address, false).unwrap(),
        shown: address.shown(),
        direct: Dialer { address, watchdog },
        migrated: Arc::new(AtomicBool::new(false)),
        instance: uuid::Uuid::new_v4(),
        owner: uuid::Uuid::new_v4(),
        writer: 0,
        partitions: (0..64).collect(),
        config: StoreConfig::default(),
        days: Days::new(0, Clock::System, aisd::stage::parking().1),
        counts: Arc::clone(&counts),
        letters: Arc::new(Mutex::new(
            DeadLetters::open(dir, &DeadLetterConfig::default(), &counts).unwrap(),
        )),
        retry_percent: 10,
        clock: Clock::System,
        taken: Arc::default(),
    });
    store.connect().unwrap();
    Ours { store, next: 1 }
}

impl Ours {
    /// Seconds a commit.
    fn run(&mut self, rows: usize, commits: usize, round: usize) -> f64 {
        let mut batch = [Rows::default()];
        let began = Instant::now();
        for commit in 0..commits {
            batch[0].positions.clear();
            batch[0].positions.extend((0..rows).map(|n| row(n + (commit + round) * rows)));
            self.next += rows as u64;
            let offsets = [self.next; PARTITIONS];
            self.store.commit(&batch, &offsets).unwrap();
            self.store.finish(&batch, &offsets).unwrap();
        }
        began.elapsed().as_secs_f64() / commits as f64
    }
}

struct Theirs {
    client: postgres::Client,
    copy: postgres::Statement,
    offsets: postgres::Statement,
    instance: i16,
    next: i64,
}

impl Theirs {
    fn new(url: &str) -> Self {
        let mut client = postgres::Client::connect(url, postgres::NoTls).unwrap();
        let add = "INSERT INTO aisd_instances (instance) VALUES (gen_random_uuid()) RETURNING id";
        let instance: i16 = client.query_one(add, &[]).unwrap().get(0);
        let add = "INSERT INTO aisd_offsets (instance, writer, epoch, owner, next_seq) \
            VALUES ($1, 7, 0, gen_random_uuid(), array_fill(1::bigint, ARRAY[64]))";
        client.execute(add, &[&instance]).unwrap();
        let (copy, offsets) = (client.prepare(COPY).unwrap(), client.prepare(MOVE).unwrap());
        Self { client, copy, offsets, instance, next: 1 }
    }

    fn run(&mut self, rows: usize, commits: usize, round: usize) -> f64 {
        let mut bytes = Vec::new();
        let began = Instant::now();
        for commit in 0..commits {
            let mut batch: Vec<PositionRow> =
                (0..rows).map(|n| row(n + (commit + round) * rows)).collect();
            batch.sort_unstable_by_key(|row| (row.origin.mmsi, row.origin.time_us));
            encode(&batch, self.instance, &mut bytes);
            let (was, upto) = (vec![self.next; 64], vec![self.next + rows as i64; 64]);
            self.client.batch_execute("BEGIN").unwrap();
            let moved = self.client.execute(&self.offsets, &[&self.instance, &was, &upto]).unwrap();
            assert_eq!(moved, 1);
            let mut copy = self.client.copy_in(&self.copy).unwrap();
            for piece in bytes.chunks(256 * 1024) {
                copy.write_all(piece).unwrap();
            }
            assert_eq!(copy.finish().unwrap(), rows as u64);
            self.client.batch_execute("COMMIT").unwrap();
            self.next += rows as i64;
        }
        began.elapsed().as_secs_f64() / commits as f64
    }
}

/// The same columns as the daemon's.
fn encode(batch: &[PositionRow], instance: i16, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0");
    for PositionRow { origin, position, flags } in batch {
        out.extend(16_i16.to_be_bytes());
        let place = position.place.unwrap();
        put(out, &(origin.seq as i64).to_be_bytes());
        put(out, &(origin.time_us - 946_684_800_000_000).to_be_bytes());
        put(out, &(origin.received_us - 946_684_800_000_000).to_be_bytes());
        put(out, &place.lat_degrees().to_be_bytes());
        put(out, &place.lon_degrees().to_be_bytes());
        put(out, &(origin.mmsi as i32).to_be_bytes());
        put(out, &(f32::from(position.sog.unwrap()) / 10.0).to_be_bytes());
        put(out, &(f32::from(position.cog.unwrap()) / 10.0).to_be_bytes());
        put(out, &(position.heading.unwrap() as i16).to_be_bytes());
        put(out, &i16::from(position.rot.unwrap()).to_be_bytes());
        out.extend((-1_i32).to_be_bytes());
        put(out, &i16::from(position.nav_status.unwrap()).to_be_bytes());
        put(out, &i16::from(position.msg_type).to_be_bytes());
        put(out, &instance.to_be_bytes());
        put(out, &i16::from(origin.feed).to_be_bytes());
        put(out, &(*flags as i16).to_be_bytes());
    }
    out.extend((-1_i16).to_be_bytes());
}

fn put(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as i32).to_be_bytes());
    out.extend_from_slice(bytes);
}

/// A row of now: its day has a partition.
fn row(n: usize) -> PositionRow {
    let mut row = rows::row(n as u64);
    let later_us = jiff::Timestamp::now().as_microsecond() - row.origin.received_us;
    row.origin.received_us += later_us;
    row.origin.time_us += later_us;
    row
}

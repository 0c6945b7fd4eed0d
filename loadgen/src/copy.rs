//! What a bare client reaches: the rows of the same fleet, copied into `positions` as fast as the `postgres` crate allows; or the very
//! rows that a daemon stored in another database.
//!
//! In:  how many rows or which, over how many connections, in batches of how many
//! Out: one JSON object on standard output: rows a second, and the time that each commit took
//!
//! Rows are what the daemon stores of the same messages: same columns, same values, ordered by time. They lie in memory
//! in the server's own format before the clock starts, 132 bytes each. Then every connection goes round: BEGIN, COPY of
//! the next batch, COMMIT; or, to see what COPY is worth, one `INSERT` for each row ([`insert`]). The tables are the daemon's: what it was told about indexes holds here as well. The rows stay,
//! under an instance of their own.

mod again;
mod insert;
mod measure;
mod raw;
mod rows;
mod statics;

use crate::civil::now_us;
use crate::environment;
use crate::secret::{self, Secret};
use crate::stored::Outcome;
use crate::stored::postgres::{Address, text};
use clap::Args;
use measure::Measured;
use postgres::Client;
use serde_json::{Value, json};
use std::io::{self, Write};

const INSTANCE: &str =
    "INSERT INTO aisd_instances (instance) VALUES (gen_random_uuid()) RETURNING id, instance::text";
const OFFSETS: &str = "INSERT INTO aisd_offsets (instance, writer, epoch, owner, next_seq) \
     SELECT $1, writer::smallint, 0, gen_random_uuid(), array_fill(0::bigint, ARRAY[64]) \
     FROM generate_series(0, $2 - 1) AS writer";
const SETTINGS: &str = "SELECT current_setting('server_version'), current_setting('synchronous_commit'), \
     current_setting('fsync'), current_setting('wal_level')";
const INDEXES: &str =
    "SELECT indexdef FROM pg_indexes WHERE tablename = 'positions' ORDER BY indexname";
/// Rows whose day has no partition of its own go there.
const IN_DEFAULT: &str = "SELECT count(*) FROM positions_default WHERE instance = $1";

/// What to copy.
#[derive(Args, Clone, Debug)]
pub struct Arguments {
    /// The database, which has the daemon's tables: postgres://USER@HOST:PORT/DATABASE; without it the address in
    /// DATABASE_URL, which nobody else can read
    #[arg(long, value_name = "URL")]
    pub url: Option<Secret>,
    /// Copies all of `positions` and `messages` of this database, instead of rows of a fleet: what a daemon stored there, once more
    #[arg(long, value_name = "URL", conflicts_with_all = ["rows", "vessels", "seed"])]
    pub from: Option<Secret>,
    /// Sorts the positions of each batch by ship and time, as the daemon does under index = "track"
    #[arg(long, requires = "from")]
    pub sorted: bool,
    /// Also merges what ships say of themselves into `vessels`, as often as they said it there
    #[arg(long, requires = "from")]
    pub statics: bool,
    /// Rows in all
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    pub rows: u64,
    /// Connections that copy at the same time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub connections: u16,
    /// Rows of one commit
    #[arg(long, value_name = "ROWS", default_value_t = 8192, value_parser = clap::value_parser!(u32).range(1..=1_048_576))]
    pub batch: u32,
    /// Also move the offsets of the connection with each commit
    #[arg(long)]
    pub offsets: bool,
    /// Inserts rows one by one, each with a statement of its own, instead of copying them
    #[arg(long, conflicts_with_all = ["from", "offsets"])]
    pub insert: bool,
    /// Ships in the fleet
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    pub vessels: u32,
    /// The same seed gives the same fleet
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Copies, and tells what came of it.
///
/// # Errors
/// A text that says what was out of reach or failed.
pub fn run(arguments: &Arguments) -> Outcome<()> {
    let url = secret::or_from(arguments.url.clone(), "--url", "DATABASE_URL")?;
    let address = Address::parse(url.reveal(), None);
    let address = address.map_err(|error| format!("address of the database: {error}"))?;
    let told =
        copy(arguments, &address, now_us()).map_err(|error| format!("{address}: {error}"))?;
    let written = writeln!(io::stdout().lock(), "{told:#}");
    written.map_err(|error| format!("standard output: {error}"))
}

/// Copies rows that are dated from `start_us` on; what is told of it.
fn copy(arguments: &Arguments, address: &Address, start_us: u64) -> Outcome<Value> {
    let mut client = address.connect()?;
    let instance = new_instance(&mut client, arguments.connections)?;
    let batches = match &arguments.from {
        None => rows::prepare(arguments, instance.number, start_us),
        Some(url) => {
            let from = Address::parse(url.reveal(), None)
                .map_err(|error| format!("address to copy from: {error}"))?;
            again::prepare(&from, arguments, instance.number)?
        }
    };
    let measured = measure::measure(arguments, address, instance.number, &batches)?;
    if arguments.from.is_none() && measured.rows != arguments.rows {
        let (rows, copied) = (arguments.rows, measured.rows);
        return Err(format!("{copied} of {rows} rows were copied"));
    }
    let server = server(&mut client)?;
    let in_default: i64 = client
        .query_one(IN_DEFAULT, &[&instance.number])
        .and_then(|row| row.try_get(0))
        .map_err(text)?;
    Ok(told(arguments, &instance, &measured, server, in_default))
}

fn told(
    arguments: &Arguments,
    instance: &Instance,
    measured: &Measured,
    server: Value,
    in_default: i64,
) -> Value {
    let seconds = measured.took.as_secs_f64();
    let commit_ms = |quantile| measured.commit_us.value_at_quantile(quantile) as f64 / 1000.0;
    json!({
        "rows": measured.rows,
        "seconds": seconds,
        "rows_per_second": measured.rows as f64 / seconds,
        "connections": arguments.connections,
        "batch_rows": arguments.batch,
        "commits": measured.commit_us.len(),
        "commit_ms": { "p50": commit_ms(0.5), "p99": commit_ms(0.99), "max": commit_ms(1.0) },
        "bytes": measured.bytes,
        "offsets": arguments.offsets,
        "one_by_one": arguments.insert,
        "as_stored": arguments.from.is_some(),
        "sorted": arguments.sorted,
        "statics": arguments.statics,
        "vessels": arguments.vessels,
        "seed": arguments.seed,
        "instance": instance.uuid,
        "rows_in_default_partition": in_default,
        "server": server,
        "environment": environment::block(),
    })
}

/// Whose rows they are.
struct Instance {
    number: i16,
    uuid: String,
}

fn new_instance(client: &mut Client, writers: u16) -> Outcome<Instance> {
    let row = client.query_one(INSTANCE, &[]).map_err(|error| {
        format!(
            "{}; the daemon's tables must be there: run aisd once, or aisd migrate",
            text(error)
        )
    })?;
    let instance = Instance { number: row.get(0), uuid: row.get(1) };
    client.execute(OFFSETS, &[&instance.number, &i32::from(writers)]).map_err(text)?;
    Ok(instance)
}

fn server(client: &mut Client) -> Outcome<Value> {
    let row = client.query_one(SETTINGS, &[]).map_err(text)?;
    let setting = |column: usize| row.get::<_, String>(column);
    let indexes = client.query(INDEXES, &[]).map_err(text)?;
    let indexes: Vec<String> = indexes.iter().map(|row| row.get(0)).collect();
    Ok(json!({
        "version": setting(0),
        "synchronous_commit": setting(1),
        "fsync": setting(2),
        "wal_level": setting(3),
        "indexes": indexes,
    }))
}

#[cfg(test)]
mod tests;

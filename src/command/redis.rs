//! `aisd redis rebuild`: shows in Redis what is stored, beside a running daemon or without one.
//!
//! It writes through the same guarded script as the daemon, so it never takes the picture back, however late it is; it publishes
//! nothing. Reports dated ahead of their receipt, those of sources that were stuck, and what `live_filter` does not want are left out, as the
//! daemon leaves them out.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::duration::duration;
use super::{FileArgs, write_out};
use crate::clock::Clock;
use crate::config::Config;
use crate::config::load::{Flags, load};
use crate::exit::{self, Failure};
use crate::filter::{Filter, Traits};
use crate::journal::directory::read_instance;
use crate::journal::feeds::FeedNames;
use crate::live::writer::Writer;
use crate::observe::counts::Counts;
use crate::picture::{Change, VesselView, What};
use crate::store::postgres::address::Address;
use crate::store::postgres::deadline::Watchdog;
use crate::store::postgres::link::Dialer;
use crate::store::postgres::reader::PostgresReader;
use crate::store::reader::SqliteReader;
use crate::store::{StoreReader, sqlite};

/// Vessels read and written at once.
const PAGE: usize = 1000;
/// Messages that tell static data: reports in fields of no type, and those of the standard.
const STATIC_TYPES: [u8; 5] = [0, 5, 19, 21, 24];

/// What can be asked about Redis.
#[derive(Debug, Subcommand)]
pub enum RedisCommand {
    /// Show the newest stored report of every vessel, where nothing newer is shown
    Rebuild(RebuildArgs),
}

/// From where to where.
#[derive(Args, Debug)]
pub struct RebuildArgs {
    #[command(flatten)]
    file: FileArgs,
    /// The data directory of the daemon that stores
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Leave out vessels that were not heard of for this long, such as 90s, 30m, 2h or 1d; redis.ttl_seconds unless told
    #[arg(long, value_name = "TIME", value_parser = duration)]
    since: Option<Duration>,
}

/// Does what is asked.
///
/// # Errors
/// What is wrong with the configuration, or why the store or Redis would not.
pub fn redis(command: RedisCommand, out: &mut dyn Write) -> Result<u8, Failure> {
    match command {
        RedisCommand::Rebuild(args) => rebuild(&args, out),
    }
}

/// What became of the vessels.
#[derive(Debug, Default)]
struct Rebuilt {
    read: u64,
    written: u64,
    refused: u64,
}

fn rebuild(args: &RebuildArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let flags = Flags { data_dir: args.data_dir.clone(), ..args.file.flags() };
    let config = load(&flags)?.config;
    if config.redis.url.is_empty() {
        let text = "redis.url is empty, so there is no live picture; REDIS_URL in the environment names a server";
        return Err(Failure::new(exit::CONFIG, text));
    }
    let since = args.since.unwrap_or(Duration::from_secs(config.redis.ttl_seconds));
    let names = FeedNames::read(&config.data_dir).map_err(|error| {
        let dir = config.data_dir.display();
        Failure::new(exit::NO_INPUT, format!("read the names of feeds in {dir}: {error}"))
    })?;
    let filter = Filter::new(&config.live_filter, names.all());
    let mut reader = reader(&config)?;
    let writer = Writer::new(config.redis, names.all().to_vec());
    let mut writer = writer.map_err(|text| Failure::new(exit::CONFIG, text))?.quiet();
    let done = copy(reader.as_mut(), &mut writer, &filter, since)?;
    let Rebuilt { read, written, refused } = done;
    let text = format!(
        "{}: of {read} vessels stored in the last {} s {written} are shown now, {refused} were there with a newer position, \
         {} are not: silent for longer than vessels stay, not wanted by live_filter, or without a place in the original layout\n",
        writer.shown(),
        since.as_secs(),
        read - written - refused
    );
    write_out(out, &text)
}

fn copy(
    reader: &mut dyn StoreReader,
    writer: &mut Writer,
    filter: &Filter,
    since: Duration,
) -> Result<Rebuilt, Failure> {
    let failed = |text: String| Failure::new(exit::IO, text);
    let ago_us = i64::try_from(since.as_micros()).unwrap_or(i64::MAX);
    let since_us = Clock::System.now_us().saturating_sub(ago_us).max(0);
    let (mut done, mut after) = (Rebuilt::default(), 0);
    loop {
        let page = reader.newest(since_us, after, PAGE);
        let page = page.map_err(|error| failed(format!("read the store: {error}")))?;
        let Some(last) = page.last() else { return Ok(done) };
        after = last.mmsi;
        done.read += u64::try_from(page.len()).unwrap_or(u64::MAX);
        let changes: Vec<Change> =
            page.into_iter().filter_map(|view| wanted(filter, view)).collect();
        let written = writer.write(&changes, Clock::System.now_us());
        let outcome = written.map_err(|trouble| failed(trouble.text))?;
        done.written += outcome.written;
        done.refused += outcome.refused;
    }
}

/// What the filter lets through of a vessel. Who said what it is called is not read, so that goes with its position.
fn wanted(filter: &Filter, view: VesselView) -> Option<Change> {
    let last = view.last?;
    let wants = |msg_type, place| {
        filter.judge(&Traits { msg_type, mmsi: view.mmsi, feed: last.feed, place }).is_none()
    };
    let statics = STATIC_TYPES.into_iter().any(|msg_type| wants(msg_type, None));
    let is_wanted = wants(last.position.msg_type, last.position.place);
    is_wanted.then_some(Change { view, what: What { position: true, statics } })
}

/// Who reads the configured store.
fn reader(config: &Config) -> Result<Box<dyn StoreReader>, Failure> {
    let store = &config.store;
    if store.url.is_empty() {
        let path = config.data_dir.join(sqlite::FILE_NAME);
        let opened = SqliteReader::open(&path, Duration::from_secs(store.query_seconds));
        return match opened {
            Ok(reader) => Ok(Box::new(reader)),
            Err(error) => {
                let text = format!("open {}: {error}", path.display());
                Err(Failure::new(exit::NO_INPUT, text))
            }
        };
    }
    let address = Address::parse(store.url.reveal()).map_err(|error| {
        Failure::new(exit::CONFIG, format!("store.url is {}: {error}", store.url))
    })?;
    let watchdog = Watchdog::start(Arc::new(Counts::default()))
        .map_err(|error| Failure::new(exit::SOFTWARE, format!("start a thread: {error}")))?;
    // Without the data directory all feeds are those of another instance.
    let instance = read_instance(&config.data_dir).unwrap_or_default();
    let dialer = Dialer { address, watchdog };
    Ok(Box::new(PostgresReader::new(dialer, instance, store, Clock::System)))
}

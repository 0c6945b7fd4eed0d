//! What the HTTP face answers from.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::build::Common;
use super::run_file;
use crate::config::Config;
use crate::exit::{self, Failure};
use crate::http::token::Keys;
use crate::http::{Admin, Face, Tokens};
use crate::observe::counts::StageCounts;
use crate::observe::metrics::Sources;
use crate::observe::process::ProcessWatch;
use crate::observe::status::Status;
use crate::shard::fleet::ShardedFleet;
use crate::store::StoreReader;
use crate::store::postgres::reader::PostgresReader;
use crate::store::reader::SqliteReader;
use crate::store::sqlite;

/// What reads the store for those who ask.
fn reader(config: &Config, common: &Common) -> Result<Box<dyn StoreReader>, Failure> {
    if let Some(server) = &common.server {
        let (dialer, clock) = (server.dialer.clone(), common.clock.clone());
        let reader = PostgresReader::new(dialer, common.instance, &config.store, clock);
        return Ok(Box::new(reader));
    }
    let within = Duration::from_secs(config.store.query_seconds);
    let reader = SqliteReader::open(&config.data_dir.join(sqlite::FILE_NAME), within)
        .map_err(|error| Failure::new(exit::IO, format!("open the store for reading: {error}")))?;
    Ok(Box::new(reader))
}

/// Who may change something over HTTP, and what.
fn admin(config: &Config, common: &Common) -> Result<Admin, Failure> {
    let local = run_file::write_key(&config.data_dir).map_err(|error| {
        let path = run_file::key_path(&config.data_dir);
        Failure::new(exit::IO, format!("write {}: {error}", path.display()))
    })?;
    let keys = Keys::new(config.http.jwt_secret.reveal(), &local);
    let letters = common.server.as_ref().map(|server| Arc::clone(&server.letters));
    Ok(Admin::new(keys, letters, &config.data_dir, common.clock.clone()))
}

/// What the HTTP face answers from.
pub(super) fn face(
    config: &Config,
    common: &Common,
    status: &Arc<Status>,
    stages: &[Arc<StageCounts>],
) -> Result<Arc<Face>, Failure> {
    let reader = reader(config, common)?;
    Ok(Arc::new(Face {
        sources: Sources {
            counts: Arc::clone(&common.counts),
            latency: Arc::clone(&common.latency),
            stages: stages.to_vec(),
            status: Arc::clone(status),
            clock: common.clock.clone(),
            process: ProcessWatch::default(),
        },
        fleet: Arc::new(ShardedFleet::new(common.vessels.clone())),
        reader: Mutex::new(reader),
        admin: admin(config, common)?,
        tokens: Tokens::of(&config.feeds),
    }))
}

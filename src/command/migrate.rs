//! `aisd migrate`: brings the tables of a Postgres up to this program, and says what it did.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use super::{FileArgs, write_out};
use crate::config::load::load;
use crate::exit::{self, Failure};
use crate::observe::counts::Counts;
use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::deadline::Watchdog;
use crate::store::postgres::link::Dialer;
use crate::store::postgres::migrate::{Build, Migrated, Wanted, migrate as bring_up};

/// Migrates over `store.direct_url`, or else `store.url`.
///
/// # Errors
/// What is wrong with the configuration, or why the server would not.
pub fn migrate(args: &FileArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let store = load(&args.flags())?.config.store;
    let (key, url) = match (store.direct_url.is_empty(), store.url.is_empty()) {
        (false, _) => ("store.direct_url", &store.direct_url),
        (true, false) => ("store.url", &store.url),
        (true, true) => {
            let text = "store.url is empty, so there is no Postgres to migrate; DATABASE_URL in the environment \
                        names one (the embedded store makes its tables by itself)";
            return Err(Failure::new(exit::CONFIG, text));
        }
    };
    let address = Address::parse(url.reveal())
        .map_err(|error| Failure::new(exit::CONFIG, format!("{key} is {url}: {error}")))?;
    let shown = address.shown();
    let watchdog = Watchdog::start(Arc::new(Counts::default()))
        .map_err(|error| Failure::new(exit::SOFTWARE, format!("start a thread: {error}")))?;
    let dialer = Dialer { address, watchdog };
    let wanted = Wanted {
        index: store.index,
        build: Build::Now,
        answer_within: Duration::from_secs(store.connect_seconds),
    };
    let done = bring_up(&dialer, wanted, &mut |text| {
        // Whoever has gone meanwhile is heard of at the end.
        let _ = write_out(out, &format!("{text}\n"));
    });
    write_out(out, &tell(&shown, &done.map_err(failure)?))
}

fn failure(error: StoreError) -> Failure {
    let code = match error {
        StoreError::Setup(_) => exit::CONFIG,
        StoreError::Transient(_) | StoreError::Fenced(_) => exit::IO,
    };
    Failure::new(code, error.to_string())
}

fn tell(shown: &str, done: &Migrated) -> String {
    let applied = done.applied.iter().map(|step| format!("took step {step}\n"));
    let changed = done.changed.iter().map(|text| format!("{text}\n"));
    let warnings = done.warnings.iter().map(|text| format!("warning: {text}\n"));
    let end = format!("{shown} has tables of version {}\n", done.version);
    applied.chain(changed).chain(warnings).chain([end]).collect()
}

//! What Postgres must grant: that one may come in, the tables of this version or the right to make them, and rights on each.

use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres::Client;

use super::super::checklist::outcome::{Check, Mark};
use crate::clock::Clock;
use crate::config::{Secret, StoreConfig};
use crate::observe::counts::Counts;
use crate::store::StoreError;
use crate::store::postgres::address::Address;
use crate::store::postgres::deadline::Watchdog;
use crate::store::postgres::link::{Dialer, Link};
use crate::store::postgres::migrate;

/// The oldest version that is tried with every change.
const TRIED: i32 = 15;
/// Clocks that differ by more are worth a look.
const CLOCKS_MS_MAX: i64 = 1000;

const SERVER: &str = "SELECT current_setting('server_version_num')::int4, pg_is_in_recovery(),
    current_setting('default_transaction_read_only') = 'on', (extract(epoch FROM clock_timestamp()) * 1000)::int8,
    current_setting('max_connections')::int4 - (SELECT count(*) FROM pg_stat_activity)::int4";

/// Tables of the writer, with what it does to each; those that are not there yet are left out.
const WRITER: &str = "SELECT t.name || ' ' || p.what FROM (VALUES
      ('positions', 'INSERT'), ('messages', 'INSERT'), ('aisd_instances', 'INSERT'), ('aisd_dlq_done', 'INSERT'),
      ('sources', 'INSERT, UPDATE'), ('vessels', 'INSERT, UPDATE'), ('aisd_offsets', 'INSERT, UPDATE'),
      ('aisd_files', 'INSERT, UPDATE')) AS t (name, whats),
    LATERAL unnest(string_to_array(t.whats || ', SELECT', ', ')) AS p (what)
    WHERE to_regclass(t.name) IS NOT NULL AND NOT has_table_privilege(to_regclass(t.name), p.what)";

/// Whether the tables can be made, or are one's own.
const OWNER: &str = "SELECT CASE WHEN to_regclass('positions') IS NULL
      THEN has_schema_privilege(current_schema(), 'CREATE')
      ELSE (SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass('positions')) END,
    current_user::text";

/// Looks through both URLs, or through the one that there is.
pub fn look(config: &StoreConfig) -> Vec<Check> {
    let within = Duration::from_secs(config.connect_seconds);
    let mut checks = Vec::new();
    let direct = if config.direct_url.is_empty() { &config.url } else { &config.direct_url };
    match connect("store.url", &config.url, within) {
        Ok((_, shown, mut link)) => {
            checks.extend(server(&shown, &mut link, config, within));
            checks.push(writer(&mut link, within));
        }
        Err(text) => checks.push(Check::new("postgres", Mark::Rollback, text)),
    }
    match connect("store.direct_url", direct, within) {
        Ok((dialer, shown, mut link)) => {
            checks.push(tables(&dialer, &shown, within));
            checks.push(owner(&mut link, within));
        }
        Err(text) if direct != &config.url => {
            checks.push(Check::new("postgres, directly", Mark::Rollback, text));
        }
        // Already told.
        Err(_) => {}
    }
    checks
}

fn connect(key: &str, url: &Secret, within: Duration) -> Result<(Dialer, String, Link), String> {
    let address = Address::parse(url.reveal()).map_err(|why| format!("{key} is {url}: {why}"))?;
    let shown = address.shown();
    let watchdog = Watchdog::start(Arc::new(Counts::default()));
    let watchdog = watchdog.map_err(|error| format!("start a thread: {error}"))?;
    let dialer = Dialer { address, watchdog };
    let link = dialer.dial(Instant::now() + within).map_err(|error| error.to_string())?;
    Ok((dialer, shown, link))
}

fn ask<T>(
    link: &mut Link,
    within: Duration,
    call: impl FnOnce(&mut Client) -> Result<T, postgres::Error>,
) -> Result<T, StoreError> {
    link.by(Instant::now() + within, "ask postgres", call)
}

fn server(shown: &str, link: &mut Link, config: &StoreConfig, within: Duration) -> Vec<Check> {
    let asked = ask(link, within, |client| {
        let row = client.query_typed_one(SERVER, &[])?;
        let (version, recovering, read_only): (i32, bool, bool) =
            (row.get(0), row.get(1), row.get(2));
        let (clock_ms, free): (i64, i32) = (row.get(3), row.get(4));
        Ok((version / 10_000, recovering || read_only, clock_ms, free))
    });
    let now_ms = Clock::System.now_us() / 1000;
    let (version, is_read_only, clock_ms, free) = match asked {
        Ok(asked) => asked,
        Err(error) => return vec![Check::new("postgres", Mark::Rollback, error.to_string())],
    };
    let mut checks = Vec::new();
    let says = format!("{shown} answers, version {version}");
    checks.push(if is_read_only {
        let text =
            format!("{says}, but takes no writes: a standby, or default_transaction_read_only");
        Check::new("postgres", Mark::Rollback, text)
    } else if version < TRIED {
        Check::new("postgres", Mark::Note, format!("{says}; {TRIED} is the oldest that is tried"))
    } else {
        Check::new("postgres", Mark::Pass, says)
    });
    let apart_ms = clock_ms - now_ms;
    if apart_ms.abs() > CLOCKS_MS_MAX {
        let text =
            format!("that of the server is {apart_ms:+} ms from here; are both synchronised?");
        checks.push(Check::new("clocks", Mark::Note, text));
    }
    let wanted = i32::try_from(config.writers).unwrap_or(i32::MAX).saturating_add(4);
    let (mark, more) = if free < wanted {
        (Mark::Consider, ", too few: raise max_connections, or put a pooler before it")
    } else {
        (Mark::Pass, "")
    };
    let text = format!("{free} free, {wanted} are used at most{more}");
    checks.push(Check::new("connections of postgres", mark, text));
    checks
}

/// How far the tables are.
fn tables(dialer: &Dialer, shown: &str, within: Duration) -> Check {
    const NAME: &str = "tables";
    match migrate::look(dialer, within) {
        Ok(found) if found.missing.is_empty() => {
            Check::new(NAME, Mark::Pass, format!("{shown} has tables of version {}", found.version))
        }
        Ok(found) => {
            let steps = found.missing.join(", ");
            let text = format!(
                "steps to take: {steps}; the daemon takes them at its start, or `aisd migrate` before"
            );
            Check::new(NAME, Mark::Note, text)
        }
        Err(error) => Check::new(NAME, Mark::Rollback, error.to_string()),
    }
}

fn writer(link: &mut Link, within: Duration) -> Check {
    const NAME: &str = "rights to store";
    let missing = ask(link, within, |client| {
        let rows = client.query_typed(WRITER, &[])?;
        Ok(rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>())
    });
    match missing {
        Ok(missing) if missing.is_empty() => {
            Check::new(NAME, Mark::Pass, "on every table that is there")
        }
        Ok(missing) => {
            let text =
                format!("lacks {}; config/postgres/writer.sql grants them", missing.join(", "));
            Check::new(NAME, Mark::Rollback, text)
        }
        Err(error) => Check::new(NAME, Mark::Rollback, error.to_string()),
    }
}

fn owner(link: &mut Link, within: Duration) -> Check {
    const NAME: &str = "rights to make tables and days";
    let asked = ask(link, within, |client| {
        let row = client.query_typed_one(OWNER, &[])?;
        Ok((row.get::<_, Option<bool>>(0), row.get::<_, String>(1)))
    });
    match asked {
        Ok((Some(true), who)) => Check::new(NAME, Mark::Pass, who),
        Ok((_, who)) => {
            let text = format!(
                "{who} does not own the tables, and makes no days: give DIRECT_DATABASE_URL the owner"
            );
            Check::new(NAME, Mark::Consider, text)
        }
        Err(error) => Check::new(NAME, Mark::Rollback, error.to_string()),
    }
}

//! The index by vessel and time, as configured.
//!
//! Where few positions are there it is simply made. Where many are, the parent gets it for its own sake, so that every
//! new partition has it, and each partition that is there is indexed beside whoever writes, then attached.

use std::time::{Duration, Instant};

use super::{Build, Migrated, Session, Wanted};
use crate::config::Index;
use crate::store::StoreError;

/// Up to this size positions are indexed at once, while writers wait: some tenths of a second.
const SMALL_BYTES: i64 = 64 << 20;
/// How long the index of one partition may take: a day of 10 000 reports a second takes a quarter of an hour.
const BUILD_MAX: Duration = Duration::from_secs(6 * 3600);

const STATE: &str = "
SELECT (SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('positions_mmsi_ts')),
       (SELECT coalesce(sum(pg_relation_size(inhrelid)), 0)::int8 FROM pg_inherits
        WHERE inhparent = to_regclass('positions'))";

/// Partitions whose index is not part of the parent's, the newest first: the name that ours would have, and whether one that
/// was not finished has it.
const MISSING: &str = "
SELECT c.relname::text, c.relname || '_mmsi_ts',
       coalesce((SELECT NOT indisvalid FROM pg_index WHERE indexrelid = to_regclass(quote_ident(c.relname || '_mmsi_ts'))), false)
FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid
WHERE h.inhparent = to_regclass('positions') AND c.relkind = 'r' AND NOT EXISTS (
  SELECT 1 FROM pg_inherits part JOIN pg_index ON indexrelid = part.inhrelid
  WHERE part.inhparent = to_regclass('positions_mmsi_ts') AND indrelid = c.oid)
ORDER BY c.relname DESC";

/// Makes or drops it.
pub fn follow(
    session: &mut Session,
    Wanted { index, build, .. }: Wanted,
    done: &mut Migrated,
    say: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let (is_valid, bytes) = session.look("look at the indexes", |client| {
        let row = client.query_typed_one(STATE, &[])?;
        Ok((row.get::<_, Option<bool>>(0), row.get::<_, i64>(1)))
    })?;
    let change = match (index, is_valid) {
        (Index::Append, None) | (Index::Track, Some(true)) => return Ok(()),
        (Index::Append, Some(_)) => "DROP INDEX IF EXISTS positions_mmsi_ts",
        (Index::Track, None) if bytes <= SMALL_BYTES => {
            "CREATE INDEX IF NOT EXISTS positions_mmsi_ts ON positions (mmsi, ts)"
        }
        (Index::Track, _) => {
            "CREATE INDEX IF NOT EXISTS positions_mmsi_ts ON ONLY positions (mmsi, ts)"
        }
    };
    let what = match index {
        Index::Track => "the index positions_mmsi_ts was added",
        Index::Append => "the index positions_mmsi_ts was dropped",
    };
    if !session.allowed("change the indexes", change)? {
        let text =
            "the index by vessel is not as store.index wants it, and the role may not change it";
        done.warnings.push(format!("{text}; aisd migrate as the owner does"));
        return Ok(());
    }
    if is_valid != Some(false) || index == Index::Append {
        done.changed.push(what.to_owned());
    }
    match index {
        Index::Append => Ok(()),
        Index::Track if bytes <= SMALL_BYTES => fill(session, Build::Now, done, say),
        Index::Track => fill(session, build, done, say),
    }
}

/// Indexes the partitions that are not part of it yet.
fn fill(
    session: &mut Session,
    build: Build,
    done: &mut Migrated,
    say: &mut dyn FnMut(&str),
) -> Result<(), StoreError> {
    let missing = session.look("look at the partitions", |client| {
        let rows = client.query_typed(MISSING, &[])?;
        let named = rows.iter().map(|row| (row.get(0), row.get(1), row.get(2)));
        Ok(named.collect::<Vec<(String, String, bool)>>())
    })?;
    if build == Build::Later && !missing.is_empty() {
        let text = format!("{} partitions have no index by vessel yet", missing.len());
        done.warnings.push(format!("{text}; aisd migrate builds it beside the daemon"));
        return Ok(());
    }
    for (partition, index, is_half_done) in missing {
        say(&format!("building the index by vessel of {partition}"));
        build_one(session, &partition, &index, is_half_done)?;
        done.changed.push(format!("the index by vessel of {partition} was built"));
    }
    Ok(())
}

fn build_one(
    session: &mut Session,
    partition: &str,
    index: &str,
    is_half_done: bool,
) -> Result<(), StoreError> {
    use postgres_protocol::escape::escape_identifier as quoted;
    let (partition, index) = (quoted(partition), quoted(index));
    let doing = format!("build the index by vessel of {partition} of {}", session.shown);
    let deadline = Instant::now() + BUILD_MAX;
    session.link.by(deadline, &doing, |client| {
        // A statement of its own each: CONCURRENTLY refuses to be part of a transaction.
        if is_half_done {
            client.batch_execute(&format!("DROP INDEX IF EXISTS {index}"))?;
        }
        let create =
            format!("CREATE INDEX CONCURRENTLY IF NOT EXISTS {index} ON {partition} (mmsi, ts)");
        client.batch_execute(&create)?;
        client.batch_execute(&format!("ALTER INDEX positions_mmsi_ts ATTACH PARTITION {index}"))
    })
}

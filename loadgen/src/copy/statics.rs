//! What ships say of themselves, merged into `vessels` beside the rows that are copied, as the daemon merges it.
//!
//! In:  `vessels` of the database that is copied from: what each ship said, and how often
//! Out: for each batch its share of the ships, as the daemon's own function takes them
//!
//! The store keeps no single static report, so each batch has as many ships as there were reports for it: the next ones, round and round.

use super::raw::Raw;
use crate::stored::Outcome;
use crate::stored::postgres::text;
use postgres::Client;

/// The columns of the function, the instance left out, and how the server is asked for them.
const COLUMNS: [(&str, &str); 19] = [
    ("int4[]", "mmsi"),
    ("text[]", "name"),
    ("text[]", "callsign"),
    ("int4[]", "imo"),
    ("int2[]", "ship_type"),
    ("int2[]", "to_bow"),
    ("int2[]", "to_stern"),
    ("int2[]", "to_port"),
    ("int2[]", "to_starboard"),
    ("float4[]", "draught"),
    ("text[]", "destination"),
    ("text[]", "eta"),
    ("int2[]", "epfd"),
    ("text[]", "vendor"),
    ("int4[]", "mothership"),
    ("int2[]", "source"),
    ("int8[]", "(extract(epoch FROM updated_at) * 1000000)::int8 + $3"),
    ("int8[]", "updated_seq + $3"),
    ("int8[]", "1::int8"),
];
const REPORTS: &str = "SELECT count(*), coalesce(sum(static_reports), 0)::int8 FROM vessels";

/// Ships of one batch, each column an array in the server's own format; none where there are no ships.
#[derive(Default)]
pub struct Statics {
    columns: Vec<Vec<u8>>,
    /// How many they are.
    pub ships: u64,
}

impl Statics {
    /// Merges them by [`statement`].
    ///
    /// # Errors
    /// What the server says.
    pub fn merge(
        &self,
        client: &mut Client,
        statement: &postgres::Statement,
        instance: i16,
    ) -> Outcome<()> {
        let columns: Vec<Raw<'_>> = self.columns.iter().map(|it| Raw(Some(it))).collect();
        let columns = columns.iter().map(|it| it as _);
        let parameters: Vec<_> = std::iter::once(&instance as _).chain(columns).collect();
        client.query(statement, &parameters).map(drop).map_err(text)
    }
}

/// The statement that merges the ships of one batch.
pub fn statement() -> String {
    let arrays: Vec<String> =
        (2..).zip(COLUMNS).map(|(n, (kind, _))| format!("${n}::{kind}")).collect();
    format!("SELECT aisd_merge_vessels($1, {})", arrays.join(", "))
}

/// The ships of so many batches.
///
/// # Errors
/// When they cannot be read.
pub fn prepare(client: &mut Client, batches: usize) -> Outcome<Vec<Statics>> {
    let row = client.query_one(REPORTS, &[]).map_err(text)?;
    let (all, reports): (i64, i64) = (row.get(0), row.get(1));
    let batches = i64::try_from(batches).unwrap_or(i64::MAX);
    let share = |at: i64| at * reports / batches;
    let columns: Vec<String> =
        COLUMNS.iter().map(|(kind, of)| format!("array_agg({of} ORDER BY mmsi)::{kind}")).collect();
    let sql = format!(
        "SELECT {} FROM (SELECT *, row_number() OVER (ORDER BY hashint4(mmsi), mmsi) - 1 AS number FROM vessels) AS ship \
         WHERE (number - $1 + $4) % $4 < $2",
        columns.join(", ")
    );
    let sql = client.prepare(&sql).map_err(text)?;
    let of_batch = |at: i64| {
        let (first, ships) = (share(at), (share(at + 1) - share(at)).min(all));
        if ships == 0 {
            return Ok(Statics::default());
        }
        let row = client.query_one(&sql, &[&(first % all), &ships, &at, &all]).map_err(text)?;
        let column = |at| row.get::<_, Raw<'_>>(at).0.unwrap_or_default().to_vec();
        let columns = (0..COLUMNS.len()).map(column).collect();
        Ok(Statics { columns, ships: ships.unsigned_abs() })
    };
    (0..batches).map(of_batch).collect()
}

//! The tables of a private Postgres, made before a daemon comes.

use postgres::{Client, NoTls};

use super::servers::Postgres;

const TABLES: [&str; 2] = [
    include_str!("../../src/store/postgres/0001_tables.sql"),
    include_str!("../../src/store/postgres/0002_write.sql"),
];
/// Partitions of today and tomorrow.
const DAYS: &str = "
DO $$
DECLARE
  kind text;
  day date;
BEGIN
  SET LOCAL timezone = 'UTC';
  FOREACH kind IN ARRAY ARRAY['positions', 'messages'] LOOP
    FOR ahead IN 0..1 LOOP
      day := current_date + ahead;
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        kind || to_char(day, '_YYYYMMDD'), kind, day::timestamptz, (day + 1)::timestamptz);
    END LOOP;
  END LOOP;
END
$$";
const TRACK: &str = "CREATE INDEX positions_mmsi_ts ON positions (mmsi, ts)";

/// Makes the tables as the daemon's role, with the index that tracks are read by or without.
pub fn prepare(server: &Postgres, track: bool) {
    let mut client = Client::connect(&server.socket_url(), NoTls).unwrap();
    let index = track.then_some(TRACK);
    for sql in TABLES.into_iter().chain([DAYS]).chain(index) {
        client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

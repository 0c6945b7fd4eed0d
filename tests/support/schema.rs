//! The tables of a Postgres store, made before a daemon comes: as its role, with partitions for today and tomorrow.

use aisd::config::Index;
use postgres::{Client, NoTls};

use super::servers::Postgres;

const STEPS: [&str; 2] = [
    include_str!("../../src/store/postgres/0001_tables.sql"),
    include_str!("../../src/store/postgres/0002_write.sql"),
];
const TRACK: &str = "CREATE INDEX positions_mmsi_ts ON positions (mmsi, ts)";
const DAYS: &str = "DO $$
DECLARE name text; day date;
BEGIN
  FOREACH name IN ARRAY ARRAY['positions', 'messages'] LOOP
    FOREACH day IN ARRAY ARRAY[(now() AT TIME ZONE 'UTC')::date, (now() AT TIME ZONE 'UTC')::date + 1] LOOP
      EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
        name || to_char(day, '_YYYYMMDD'), name, day || ' 00:00Z', day + 1 || ' 00:00Z');
    END LOOP;
  END LOOP;
END $$";

/// Makes the tables.
pub fn prepare(server: &Postgres, index: Index) {
    let mut client = Client::connect(&server.socket_url(), NoTls).unwrap();
    let track = (index == Index::Track).then_some(TRACK);
    for sql in STEPS.into_iter().chain(track).chain([DAYS]) {
        client.batch_execute(sql).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

#[test]
fn todays_positions_have_a_partition_of_their_own() {
    let server = Postgres::start();
    prepare(&server, Index::Track);
    server.execute("INSERT INTO positions VALUES (1, now(), now(), 0, 0, 1, NULL, NULL, NULL, NULL, NULL, NULL, 1, 1, 1, 0)");
    assert_eq!(server.count("SELECT count(*) FROM positions"), 1);
    assert_eq!(server.count("SELECT count(*) FROM positions_default"), 0);
}

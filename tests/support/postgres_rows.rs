//! Looks into a Postgres that daemons store in, as the superuser.

use postgres::Client;

use super::numbered::NUMBER_SQL;
use super::process::wait_until;
use super::servers::Postgres;

/// Sessions of the daemon's role.
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'aisd'";

/// The rows of one instance.
pub struct PostgresRows(Client);

impl PostgresRows {
    /// When no session of a daemon is left that could still store something.
    pub fn after_all(server: &Postgres) -> Self {
        wait_until("no session of a daemon", || server.count(SESSIONS) == 0);
        Self(server.connect())
    }

    fn column<T: for<'a> postgres::types::FromSql<'a>>(&mut self, sql: &str) -> Vec<T> {
        let rows = self.0.query(sql, &[]).unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        rows.into_iter().map(|row| row.get(0)).collect()
    }

    /// By partition, the first number that is not yet decided; zeros when there is no offset yet.
    pub fn offsets(&mut self) -> [u64; 64] {
        let instances = self.column::<i64>("SELECT count(DISTINCT instance) FROM aisd_offsets");
        assert!(instances[0] <= 1, "rows of {} instances", instances[0]);
        let mut offsets = [0; 64];
        for next_seq in self.column::<Vec<i64>>("SELECT next_seq FROM aisd_offsets") {
            for (offset, next) in offsets.iter_mut().zip(next_seq) {
                *offset = next.cast_unsigned().max(*offset);
            }
        }
        offsets
    }

    /// The numbers in the journal of all rows, sorted; one that is there twice is told twice.
    pub fn seqs(&mut self) -> Vec<u64> {
        let sql = "SELECT seq FROM positions UNION ALL SELECT seq FROM messages ORDER BY 1";
        self.column::<i64>(sql).into_iter().map(i64::cast_unsigned).collect()
    }

    /// Numbered sentences that are stored, sorted; one that is stored twice is there twice.
    pub fn numbers(&mut self) -> Vec<u32> {
        let sql = format!("SELECT {NUMBER_SQL} FROM positions ORDER BY 1");
        self.column::<i32>(&sql).into_iter().map(i32::cast_unsigned).collect()
    }
}

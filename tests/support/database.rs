//! Looks into the embedded store, read-only.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::numbered::NUMBER_SQL;

/// A connection that cannot write.
pub struct Database(Connection);

impl Database {
    pub fn open(data: &Path) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(data.join("aisd.db"), flags).unwrap();
        connection.busy_timeout(Duration::from_secs(10)).unwrap();
        Self(connection)
    }

    /// The one number that a query answers.
    pub fn number(&self, sql: &str) -> u64 {
        let number: Option<i64> = self.0.query_row(sql, [], |row| row.get(0)).unwrap();
        number.unwrap_or(0).cast_unsigned()
    }

    /// The small numbers that a query answers.
    pub fn column_of(&self, sql: &str) -> Vec<u32> {
        self.column(sql).into_iter().map(|n| u32::try_from(n).unwrap()).collect()
    }

    fn column(&self, sql: &str) -> Vec<i64> {
        let mut select = self.0.prepare(sql).unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    /// By partition, the first number that is not yet decided.
    pub fn offsets(&self) -> [u64; 64] {
        let mut select = self.0.prepare("SELECT partition, next_seq FROM offsets").unwrap();
        let mut rows = select.query([]).unwrap();
        let mut offsets = [0; 64];
        while let Some(row) = rows.next().unwrap() {
            let (partition, next_seq): (u8, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
            offsets[usize::from(partition)] = next_seq.cast_unsigned();
        }
        offsets
    }

    /// The numbers in the journal of all rows from one on, sorted.
    pub fn seqs_from(&self, seq: u64) -> Vec<u64> {
        let sql = format!(
            "SELECT seq FROM positions WHERE seq >= {seq} \
             UNION ALL SELECT seq FROM messages WHERE seq >= {seq} ORDER BY 1"
        );
        self.column(&sql).into_iter().map(i64::cast_unsigned).collect()
    }

    /// Numbered sentences that are stored, sorted; one that is stored twice is there twice.
    pub fn numbers(&self) -> Vec<u32> {
        let sql = format!("SELECT {NUMBER_SQL} FROM positions ORDER BY 1");
        self.column(&sql).into_iter().map(|n| u32::try_from(n).unwrap()).collect()
    }

    /// Messages that have a row: a type 19 is both a position and static data, and counts once.
    pub fn messages(&self) -> u64 {
        let positions = "SELECT count(*) FROM positions WHERE msg_type <> 19";
        let statics = "SELECT sum(static_reports) FROM vessels";
        self.number(positions) + self.number(statics) + self.number("SELECT count(*) FROM messages")
    }

    /// Refuses rows that are there twice, in any table.
    pub fn assert_nothing_is_twice(&self) {
        for table in ["positions", "messages"] {
            let twice = format!("SELECT count(*) - count(DISTINCT seq) FROM {table}");
            assert_eq!(self.number(&twice), 0, "rows of {table} with the number of another");
        }
        let tracked = "SELECT count(*) FROM vessel_positions";
        assert_eq!(self.number(tracked), self.number("SELECT count(*) FROM positions"));
        let in_runs = self.number("SELECT sum(rows) FROM runs");
        assert_eq!(in_runs, self.number("SELECT count(*) FROM positions"));
    }
}

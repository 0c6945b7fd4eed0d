//! Compares the rows with the journal, record by record, in the memory of one segment: 40 million of each are 8 GB.

use std::collections::HashMap;
use std::path::Path;

use postgres::{Client, Portal, Transaction};

use super::Gap;
use crate::support::journal::{read_segment, segments};
use crate::support::numbered::{NUMBER_SQL, number};
use crate::support::process::wait_until;
use crate::support::servers::Postgres;

/// The same payload within this time of its last receipt is a repeat, and no row.
const WINDOW_MS: i64 = 10_000;
/// From so many numbers on, those heard long ago are forgotten.
const HEARD_MAX: usize = 1_000_000;
/// Rows fetched at once.
const ROWS: i32 = 100_000;
const SESSIONS: &str = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'aisd'";

/// What was found.
#[derive(Debug, Default)]
pub struct Verdict {
    pub accepted: u64,
    pub rows: u64,
    pub lost: u64,
    pub twice: u64,
    pub made_up: u64,
    /// Some of those: sequence number, and what is wrong with it.
    some: Vec<(u64, &'static str)>,
    /// Which numbers were accepted, a bit each.
    numbers: Vec<u64>,
}

/// Sentences that the journal does not know.
pub struct Missing {
    pub in_gaps: u64,
    pub tcp: u64,
    pub udp: u64,
}

impl Verdict {
    fn wrong(&mut self, seq: u64, what: &'static str) {
        if self.some.len() < 20 {
            self.some.push((seq, what));
        }
    }

    fn lost(&mut self, seq: u64) {
        self.lost += 1;
        self.wrong(seq, "lost");
    }

    /// A row that nothing stands for, or that is there again.
    fn extra(&mut self, seq: u64, before: u64) {
        let (count, what) =
            if seq == before { (&mut self.twice, "twice") } else { (&mut self.made_up, "made up") };
        *count += 1;
        self.wrong(seq, what);
    }

    fn note(&mut self, number: u32) {
        let word = number as usize / 64;
        if word >= self.numbers.len() {
            self.numbers.resize(word * 2 + 1, 0);
        }
        self.numbers[word] |= 1 << (number % 64);
    }

    /// Those of the sentences sent over TCP (even) and UDP (odd) that were not accepted: while the daemon ended, and else.
    pub fn not_accepted(&self, sent: (u32, u32), gaps: &[Gap]) -> Missing {
        let has = |number: u32| {
            let word = self.numbers.get(number as usize / 64);
            word.is_some_and(|word| word >> (number % 64) & 1 == 1)
        };
        let mut missing = Missing { in_gaps: 0, tcp: 0, udp: 0 };
        for index in (0..sent.0).filter(|index| !has(index * 2)) {
            let in_gap = gaps.iter().any(|gap| gap.tcp.contains(&index));
            *(if in_gap { &mut missing.in_gaps } else { &mut missing.tcp }) += 1;
        }
        for index in (0..sent.1).filter(|index| !has(index * 2 + 1)) {
            let in_gap = gaps.iter().any(|gap| gap.udp.contains(&index));
            *(if in_gap { &mut missing.in_gaps } else { &mut missing.udp }) += 1;
        }
        missing
    }
}

/// All rows, by their number in the journal, fetched piece by piece.
struct Rows<'a> {
    transaction: Transaction<'a>,
    portal: Portal,
    fetched: std::vec::IntoIter<(u64, u32)>,
}

impl<'a> Rows<'a> {
    fn of(client: &'a mut Client) -> Self {
        let mut transaction = client.transaction().unwrap();
        transaction.batch_execute("SET LOCAL work_mem = '256MB'").unwrap();
        let sql = format!("SELECT seq, {NUMBER_SQL} FROM positions ORDER BY 1");
        let portal = transaction.bind(&sql, &[]).unwrap();
        Self { transaction, portal, fetched: Vec::new().into_iter() }
    }
}

impl Iterator for Rows<'_> {
    type Item = (u64, u32);

    fn next(&mut self) -> Option<(u64, u32)> {
        if self.fetched.len() == 0 {
            let rows = self.transaction.query_portal(&self.portal, ROWS).unwrap();
            let rows = rows.iter().map(|row| {
                (row.get::<_, i64>(0).cast_unsigned(), row.get::<_, i32>(1).cast_unsigned())
            });
            self.fetched = rows.collect::<Vec<_>>().into_iter();
        }
        self.fetched.next()
    }
}

/// Compares what daemons that are gone have left; everything is decided.
pub fn compare(data: &Path, server: &Postgres) -> Verdict {
    wait_until("no session of a daemon", || server.count(SESSIONS) == 0);
    let mut client = server.connect();
    let mut rows = Rows::of(&mut client);
    let mut verdict = Verdict::default();
    let mut heard = HashMap::new();
    let (mut last, mut row, mut row_before) = (0, rows.next(), 0);
    for segment in segments(data) {
        for entry in read_segment(&segment) {
            // After a failed sync records are written again under their numbers.
            if entry.seq <= last {
                continue;
            }
            last = entry.seq;
            let (ms, number) = (entry.received_us / 1000, number(&entry.payload));
            verdict.accepted += 1;
            verdict.note(number);
            let before = heard.insert(number, ms);
            if before.is_some_and(|before: i64| (ms - before).abs() <= WINDOW_MS) {
                continue;
            }
            while let Some((seq, _)) = row.filter(|(seq, _)| *seq < entry.seq) {
                verdict.extra(seq, row_before);
                (row_before, row) = (seq, rows.next());
            }
            if row == Some((entry.seq, number)) {
                verdict.rows += 1;
                (row_before, row) = (entry.seq, rows.next());
            } else {
                verdict.lost(entry.seq);
            }
            if heard.len() > HEARD_MAX {
                heard.retain(|_, heard| (ms - *heard).abs() <= 2 * WINDOW_MS);
            }
        }
    }
    while let Some((seq, _)) = row {
        verdict.extra(seq, row_before);
        (row_before, row) = (seq, rows.next());
    }
    verdict
}

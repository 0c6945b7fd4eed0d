//! What must hold when everything has healed and the daemon has drained.

use std::collections::{BTreeMap, BTreeSet};

use super::history::History;
use super::ledger::{Entry, Kind};
use crate::observe::accounting::Sums;

impl History {
    /// Looks at what is stored, counted and shown.
    pub(super) fn judge(&mut self) {
        if !self.wrong.is_empty() {
            return;
        }
        let Some(life) = self.life.take() else {
            self.wrong.push("it died although nothing fails".to_owned());
            return;
        };
        let damaged = self.ledger.entries.iter().filter(|it| it.is_damaged).count() as u64;
        for (at, feed) in life.counts.feeds.iter().enumerate() {
            let sums = Sums::read(feed);
            // What is read back damaged in the run that counted it is counted with the journal.
            if sums.in_flight() > damaged {
                self.wrong.push(format!("feed {at} does not come out: {sums:?}"));
            }
        }
        self.count(&life);
        drop(life);
        self.judge_rows();
        self.judge_messages();
        self.judge_offsets();
        self.judge_picture();
        self.tell_all();
    }

    /// Each row is there once, and is the message of its number.
    fn judge_rows(&mut self) {
        let database = self.outside.database.lock();
        for (seq, row) in &database.rows {
            // A process may die when it has written records and told nobody of their numbers.
            let number = self.ledger.by_seq.get(seq).copied().or(self.ledger.untold(row.lon));
            let Some(entry) = number.map(|it| &self.ledger.entries[it]) else {
                self.wrong.push(format!("row {seq:x} comes from nowhere"));
                continue;
            };
            if row.times != 1 {
                self.wrong.push(format!("row {seq:x} is there {} times", row.times));
            }
            if row.mmsi != entry.mmsi || row.lon != Some(entry.lon) || entry.kind == Kind::Garbage {
                self.wrong.push(format!("row {seq:x} is {row:?}, and was {entry:?}"));
            }
        }
    }

    /// Each message that is owed is stored, or another with the same payload is.
    fn judge_messages(&mut self) {
        let database = self.outside.database.lock();
        let stored: BTreeSet<i32> = database.rows.values().filter_map(|row| row.lon).collect();
        for (number, entry) in self.ledger.entries.iter().enumerate() {
            let is_owed = entry.is_owed || entry.is_acknowledged;
            let has_row = stored.contains(&entry.lon);
            if is_owed && !entry.is_damaged && entry.kind != Kind::Garbage && !has_row {
                self.wrong.push(format!("message {number} is lost: {entry:x?}"));
            }
        }
    }

    /// Everything is decided.
    fn judge_offsets(&mut self) {
        let database = self.outside.database.lock();
        let least = database.offsets.iter().min().copied().unwrap_or(0);
        let last = self.ledger.by_seq.last_key_value().map_or(0, |(seq, _)| *seq);
        if least <= last {
            self.wrong.push(format!("offset {least:x} is not behind the last message {last:x}"));
        }
    }

    /// The picture shows a message of each vessel, and none that is older than what came when all was well.
    fn judge_picture(&mut self) {
        let picture = self.outside.picture.lock();
        let mut newest: BTreeMap<u32, (i64, u64)> = BTreeMap::new();
        for entry in self.ledger.entries.iter().rev().take(self.ledger.vessels()) {
            newest.insert(entry.mmsi, (entry.received_us, entry.seq.unwrap_or(0)));
        }
        for (mmsi, newest) in newest {
            let shown = picture.shown.get(&mmsi).copied().unwrap_or_default();
            let is_it = |it: &Entry| it.mmsi == mmsi && it.received_us == shown.0;
            let is_real = match self.ledger.by_seq.get(&shown.1) {
                Some(number) => is_it(&self.ledger.entries[*number]),
                // Written by a process that died before it told the number.
                None => self.ledger.entries.iter().any(|it| it.seq.is_none() && is_it(it)),
            };
            if shown < newest || !is_real {
                self.wrong.push(format!("vessel {mmsi} is shown as {shown:x?}, not {newest:x?}"));
            }
        }
    }

    fn tell_all(&mut self) {
        let tally = &mut self.tally;
        tally.disk = self.disk.fired();
        let database = self.outside.database.lock();
        tally.store = database.fired.clone();
        tally.rows = database.rows.len() as u64;
        let picture = self.outside.picture.lock();
        tally.live_failed = picture.failed;
        tally.live_refused = picture.refused;
        tally.live_emptied = picture.emptied;
        tally.messages = self.ledger.entries.len() as u64;
        let acknowledged = self.ledger.entries.iter().filter(|entry| entry.is_acknowledged);
        tally.acknowledged = acknowledged.count() as u64;
    }
}

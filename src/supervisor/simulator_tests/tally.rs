//! What happened in histories, so that it can be shown that it did.

use super::database::StoreFired;
use super::disk::Fired;

/// What happened.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub disk: Fired,
    pub store: StoreFired,
    pub live_failed: u64,
    pub live_refused: u64,
    pub live_emptied: u64,
    pub starts: u64,
    pub starts_refused: u64,
    pub starts_away: u64,
    pub kills: u64,
    pub bits_flipped: u64,
    pub headers_turned: u64,
    pub clock_jumps: u64,
    pub messages: u64,
    pub acknowledged: u64,
    pub rows: u64,
    pub repeats: u64,
    pub forks: u64,
    pub read_back: u64,
    pub journal_failures: u64,
    pub full_turns: u64,
    pub segments_deleted: u64,
    pub quarantined: u64,
    pub damaged: u64,
}

impl Tally {
    /// Each by its name.
    fn each(&mut self) -> Vec<(&'static str, &mut u64)> {
        let (disk, store) = (&mut self.disk, &mut self.store);
        vec![
            ("a short write", &mut disk.short),
            ("an interrupted write", &mut disk.interrupted),
            ("a full disk", &mut disk.full),
            ("a failed write", &mut disk.write_failed),
            ("a failed sync", &mut disk.sync_failed),
            ("forgotten pages", &mut disk.forgotten),
            ("death inside a call", &mut disk.died_in_call),
            ("a power cut", &mut disk.power_cuts),
            ("a lost write", &mut disk.writes_lost),
            ("a torn write", &mut disk.writes_torn),
            ("a lost name", &mut disk.names_lost),
            ("a store that is away", &mut store.away),
            ("a refused commit", &mut store.refused),
            ("a lost answer", &mut store.answers_lost),
            ("a late commit", &mut store.late),
            ("a late commit that came through", &mut store.late_came_through),
            ("a late commit that was fenced", &mut store.late_fenced),
            ("death inside a commit", &mut store.died),
            ("a slow commit", &mut store.slow),
            ("rows sent behind a commit", &mut store.ahead),
            ("rows sent behind a commit in vain", &mut store.ahead_in_vain),
            ("rows gathered while others were looked at", &mut store.at_rows),
            ("a failed call of the picture", &mut self.live_failed),
            ("an older position for the picture", &mut self.live_refused),
            ("an emptied picture", &mut self.live_emptied),
            ("a start", &mut self.starts),
            ("a start that a fault refused", &mut self.starts_refused),
            ("a start without the store", &mut self.starts_away),
            ("a kill", &mut self.kills),
            ("a turned bit", &mut self.bits_flipped),
            ("a turned bit in a header", &mut self.headers_turned),
            ("a jump of the clock", &mut self.clock_jumps),
            ("a message", &mut self.messages),
            ("an acknowledged message", &mut self.acknowledged),
            ("a row", &mut self.rows),
            ("a repeat", &mut self.repeats),
            ("a shard that went ahead", &mut self.forks),
            ("a record read back", &mut self.read_back),
            ("a failure that the journal counted", &mut self.journal_failures),
            ("a full journal", &mut self.full_turns),
            ("a deleted segment", &mut self.segments_deleted),
            ("a segment in quarantine", &mut self.quarantined),
            ("a damaged record", &mut self.damaged),
        ]
    }

    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        for ((_, sum), (_, more)) in self.each().into_iter().zip(other.each()) {
            *sum += *more;
        }
    }

    /// What happened, and how often.
    pub fn faults(&self) -> Vec<(&'static str, u64)> {
        self.clone().each().into_iter().map(|(name, times)| (name, *times)).collect()
    }
}

//! The table `vessels`: how many static reports each ship's row was made of, and what they said.

use super::{Verdict, mmsi};
use crate::fleet::particulars::Particulars;
use crate::ledger::{Ledger, Said};
use crate::stored::{Outcome, StoredRows, Vessel};
use std::collections::HashMap;

/// Compares the rows of all ships with what was sent. A lost type 19 shows here and as a position; it is lost once.
///
/// # Errors
/// When the table cannot be read.
pub fn compare(
    store: &mut dyn StoredRows,
    before: &HashMap<u32, u64>,
    ledger: &Ledger,
    lost_positions: &[u32],
    fleet: impl Iterator<Item = Particulars>,
) -> Outcome<Verdict> {
    let mut known = HashMap::<u32, u64>::new();
    for mmsi in lost_positions {
        *known.entry(*mmsi).or_default() += 1;
    }
    let (after, wrong) = read(store, ledger, fleet)?;
    let mut verdict = Verdict::default();
    let mut missing = 0;
    for (mmsi, said) in &ledger.statics {
        let count = |map: &HashMap<u32, u64>| map.get(mmsi).copied().unwrap_or(0);
        let found = count(&after).saturating_sub(count(before));
        let short = said.reports.saturating_sub(found);
        missing += short;
        verdict.lost += short.saturating_sub(count(&known));
        verdict.duplicates += found.saturating_sub(said.reports);
    }
    for (mmsi, count) in &after {
        if !ledger.statics.contains_key(mmsi) {
            verdict.unexpected += count.saturating_sub(before.get(mmsi).copied().unwrap_or(0));
        }
    }
    let sent: u64 = [5, 24].iter().map(|msg_type| ledger.by_type[*msg_type]).sum();
    verdict.stored = sent.saturating_sub(verdict.lost);
    // With nothing of a ship there, its particulars cannot be right and need not be counted again.
    if missing == 0 {
        verdict.wrong = wrong;
    }
    Ok(verdict)
}

/// How many static reports each ship's row was made of, and how many rows do not say what their ship said.
fn read(
    store: &mut dyn StoredRows,
    ledger: &Ledger,
    fleet: impl Iterator<Item = Particulars>,
) -> Outcome<(HashMap<u32, u64>, u64)> {
    let ships = fleet.map(|ship| (ship.mmsi, ship));
    let ships: HashMap<u32, Particulars> =
        ships.filter(|(mmsi, _)| ledger.statics.contains_key(mmsi)).collect();
    let (mut counts, mut wrong) = (HashMap::new(), 0);
    store.vessels(&mut |row| {
        let mmsi = mmsi(row.mmsi);
        counts.insert(mmsi, row.static_reports);
        if let Some((said, ship)) = ledger.statics.get(&mmsi).zip(ships.get(&mmsi)) {
            wrong += u64::from(!is_right(row, *said, ship));
        }
    })?;
    Ok((counts, wrong))
}

fn is_right(row: &Vessel<'_>, said: Said, ship: &Particulars) -> bool {
    let name = !said.name || row.name == Some(&ship.name);
    let callsign = !said.callsign || row.callsign == Some(&ship.callsign);
    let imo = !said.voyage || row.imo == Some(i64::from(ship.imo));
    name && callsign && imo
}

//! The table `vessels`: how many static reports each ship's row was made of, and what they said.

use super::baseline::static_reports;
use super::{Verdict, has};
use crate::fleet::particulars::Particulars;
use crate::ledger::{Ledger, Said};
use rusqlite::Connection;
use std::collections::HashMap;

/// Compares the rows of all ships with what was sent. A lost type 19 shows here and as a position; it is lost once.
///
/// # Errors
/// When the table cannot be read.
pub fn compare(
    db: &Connection,
    before: &HashMap<u32, u64>,
    ledger: &Ledger,
    lost_positions: &[u32],
    fleet: impl Iterator<Item = Particulars>,
) -> rusqlite::Result<Verdict> {
    let mut known = HashMap::<u32, u64>::new();
    for mmsi in lost_positions {
        *known.entry(*mmsi).or_default() += 1;
    }
    let after = static_reports(db)?;
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
        verdict.wrong = wrong(db, &ledger.statics, fleet)?;
    }
    Ok(verdict)
}

/// Ships whose row does not say what they said.
fn wrong(
    db: &Connection,
    statics: &HashMap<u32, Said>,
    fleet: impl Iterator<Item = Particulars>,
) -> rusqlite::Result<u64> {
    if !has(db, "vessels", &["mmsi", "name", "callsign", "imo"])? {
        return Ok(0);
    }
    let mut query = db.prepare("SELECT name, callsign, imo FROM vessels WHERE mmsi = ?1")?;
    let mut wrong = 0;
    for ship in fleet {
        let Some(said) = statics.get(&ship.mmsi) else { continue };
        let mut rows = query.query([ship.mmsi])?;
        let Some(row) = rows.next()? else { continue };
        let text = |column| row.get::<_, Option<String>>(column);
        let name = !said.name || text(0)?.is_some_and(|name| name == ship.name);
        let callsign = !said.callsign || text(1)?.is_some_and(|sign| sign == ship.callsign);
        let imo = !said.voyage || row.get::<_, Option<u32>>(2)? == Some(ship.imo);
        wrong += u64::from(!(name && callsign && imo));
    }
    Ok(wrong)
}

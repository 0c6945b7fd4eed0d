//! The table `vessels`: how many static reports each ship's row was made of, and what they said.
//!
//! How many is the daemon's own count. What they said does not depend on it: everything that a ship says the same each time
//! must be there, and when all went one way its time of arrival, which numbers the reports, must be that of the last one.

use super::{Verdict, mmsi};
use crate::encode::static_data;
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
    let (after, wrong) = read(store, before, ledger, fleet)?;
    let mut verdict = Verdict { wrong, ..Verdict::default() };
    let perhaps = |mmsi: &u32| cut_off(ledger, *mmsi).map_or(0, |said| said.reports);
    for (mmsi, said) in &ledger.statics {
        let count = |map: &HashMap<u32, u64>| map.get(mmsi).copied().unwrap_or(0);
        let found = count(&after).saturating_sub(count(before));
        let short = said.reports.saturating_sub(found);
        verdict.lost += short.saturating_sub(count(&known));
        verdict.duplicates += found.saturating_sub(said.reports + perhaps(mmsi));
    }
    for (mmsi, count) in &after {
        if !ledger.statics.contains_key(mmsi) {
            let earlier = before.get(mmsi).copied().unwrap_or(0);
            verdict.unexpected += count.saturating_sub(earlier + perhaps(mmsi));
        }
    }
    let sent: u64 = [5, 24].iter().map(|msg_type| ledger.by_type[*msg_type]).sum();
    verdict.stored = sent.saturating_sub(verdict.lost);
    Ok(verdict)
}

/// How many static reports each ship's row was made of, and how many rows do not say what their ship said.
fn read(
    store: &mut dyn StoredRows,
    before: &HashMap<u32, u64>,
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
            let earlier = before.get(&mmsi).copied().unwrap_or(0);
            let is_whole = row.static_reports.saturating_sub(earlier) >= said.reports;
            let is_last = is_whole && ledger.in_order && cut_off(ledger, mmsi).is_none();
            let last = said.voyage.filter(|_| is_last);
            let arrives = last.is_none_or(|voyage| row.eta == Some(&eta(voyage)));
            wrong += u64::from(!arrives || !is_right(row, *said, ship, is_whole));
        }
    })?;
    Ok((counts, wrong))
}

/// What a ship was saying when the way broke, which may be there or not.
fn cut_off(ledger: &Ledger, mmsi: u32) -> Option<&Said> {
    ledger.cut_off.as_ref()?.statics.get(&mmsi)
}

/// Whether a row says what its ship said; while reports of it are missing, what it does not say may be among them.
fn is_right(row: &Vessel<'_>, said: Said, ship: &Particulars, is_whole: bool) -> bool {
    let fits = |is_told: bool, is_absent: bool, is_equal: bool| {
        !is_told || is_equal || (is_absent && !is_whole)
    };
    let is = |is_told, found: Option<i64>, expected: i64| {
        fits(is_told, found.is_none(), found == Some(expected))
    };
    let reads = |is_told, found: Option<&str>, expected: &str| {
        fits(is_told, found.is_none(), found == Some(expected))
    };
    let is_voyage = said.voyage.is_some();
    let draught = f64::from(ship.draught);
    let lies = row.draught.is_some_and(|metres| (metres * 10.0 - draught).abs() < 0.01);
    let mut metres = row.dimensions.into_iter().zip(ship.dimensions);
    reads(said.name, row.name, &ship.name)
        && reads(said.callsign, row.callsign, &ship.callsign)
        && reads(is_voyage, row.destination, &ship.destination)
        && is(is_voyage, row.imo, ship.imo.into())
        && fits(is_voyage, row.draught.is_none(), lies)
        && is(said.kind, row.ship_type, ship.ship_type.into())
        && metres.all(|(found, metres)| is(said.kind, found, metres.into()))
}

/// The time of arrival that the report of a voyage with this number tells.
fn eta(voyage: u32) -> String {
    let [month, day, hour, minute] = static_data::arrival(voyage);
    format!("{month:02}-{day:02}T{hour:02}:{minute:02}Z")
}

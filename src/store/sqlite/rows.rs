//! Rows into statements.

use rusqlite::{Result, Transaction, params};

use crate::rows::{PositionRow, Rows, StaticRow};
use crate::store::schema;

/// Adds all positions, in the order of their numbers.
pub fn insert_positions(transaction: &Transaction<'_>, positions: &[&PositionRow]) -> Result<()> {
    let mut insert = transaction.prepare_cached(schema::INSERT_POSITION)?;
    for PositionRow { origin, position, flags } in positions {
        insert.execute(params![
            origin.seq.cast_signed(),
            origin.time_us,
            origin.mmsi,
            position.place.map(crate::report::Place::lat_degrees),
            position.place.map(crate::report::Place::lon_degrees),
            tenths(position.sog),
            tenths(position.cog),
            position.heading,
            position.rot,
            position.nav_status,
            position.altitude,
            position.msg_type,
            origin.feed,
            origin.received_us,
            flags,
        ])?;
    }
    Ok(())
}

/// Merges all static reports, sorted by MMSI, so that neighbours on a page are touched together.
pub fn upsert_vessels(transaction: &Transaction<'_>, rows: &[Rows]) -> Result<()> {
    let mut statics: Vec<&StaticRow> = rows.iter().flat_map(|rows| &rows.statics).collect();
    if statics.is_empty() {
        return Ok(());
    }
    statics.sort_by_key(|row| (row.origin.mmsi, row.origin.seq));
    let mut upsert = transaction.prepare_cached(schema::UPSERT_VESSEL)?;
    for StaticRow { origin, data, .. } in statics {
        let [bow, stern, port, starboard] = data.dimensions.map_or([None; 4], |it| it.map(Some));
        upsert.execute(params![
            origin.mmsi,
            data.name.as_ref().map(|text| text.as_str()),
            data.callsign.as_ref().map(|text| text.as_str()),
            data.imo,
            data.ship_type,
            bow,
            stern,
            port,
            starboard,
            data.draught.map(|it| f64::from(it) / 10.0),
            data.destination.as_ref().map(|text| text.as_str()),
            data.eta_text(),
            data.epfd,
            data.vendor.as_ref().map(|text| text.as_str()),
            data.mothership,
            origin.feed,
            origin.time_us,
            origin.seq.cast_signed(),
        ])?;
    }
    Ok(())
}

/// Adds all other messages.
pub fn insert_messages(transaction: &Transaction<'_>, rows: &[Rows]) -> Result<()> {
    let mut insert = transaction.prepare_cached(schema::INSERT_MESSAGE)?;
    for rows in rows {
        for row in &rows.messages {
            insert.execute(params![
                row.origin.seq.cast_signed(),
                row.origin.time_us,
                row.origin.mmsi,
                row.msg_type,
                row.origin.feed,
                row.origin.received_us,
                std::str::from_utf8(rows.json_of(row)).unwrap_or("{}"),
            ])?;
        }
    }
    Ok(())
}

fn tenths(value: Option<u16>) -> Option<f64> {
    value.map(|it| f64::from(it) / 10.0)
}

//! Static reports of a batch as one upsert, in the order of the MMSI, so that two writers cannot wait for each other.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::wire::{Wire, WireError};
use crate::report::StaticData;
use crate::rows::{Rows, StaticRow};

pub(super) const MERGE_VESSELS: &str = "SELECT aisd_merge_vessels($1::json, $2::int2)";

/// Static reports of one vessel, merged.
struct Merged {
    data: StaticData,
    time_us: i64,
    seq: u64,
    feed: u8,
    reports: u64,
}

impl Merged {
    const fn new(row: &StaticRow) -> Self {
        let StaticRow { origin, data, .. } = row;
        Self {
            data: *data,
            time_us: origin.time_us,
            seq: origin.seq,
            feed: origin.feed,
            reports: 1,
        }
    }

    /// Takes over one more, which comes later in the journal.
    fn add(&mut self, row: &StaticRow) {
        self.reports += 1;
        if row.origin.time_us < self.time_us {
            self.data = self.data.or(&row.data);
            return;
        }
        let data = row.data.or(&self.data);
        *self = Self { data, reports: self.reports, ..Self::new(row) };
    }
}

/// Adds the upsert of a batch, if it has any static report.
pub fn add(wire: &mut Wire, instance: &str, rows: &[Rows]) -> Result<(), WireError> {
    let mut statics: Vec<&StaticRow> = rows.iter().flat_map(|rows| &rows.statics).collect();
    statics.sort_by_key(|row| row.origin.seq);
    add_statics(wire, instance, &statics)
}

/// Adds the upsert of these, in the order of the journal.
pub fn add_statics(
    wire: &mut Wire,
    instance: &str,
    statics: &[&StaticRow],
) -> Result<(), WireError> {
    let mut vessels: BTreeMap<u32, Merged> = BTreeMap::new();
    for row in statics {
        vessels
            .entry(row.origin.mmsi)
            .and_modify(|merged| merged.add(row))
            .or_insert_with(|| Merged::new(row));
    }
    if vessels.is_empty() {
        return Ok(());
    }
    let records: Vec<Value> = vessels.iter().map(|(mmsi, merged)| record(*mmsi, merged)).collect();
    wire.add(MERGE_VESSELS, &[&Value::from(records).to_string(), instance])
}

fn record(mmsi: u32, merged: &Merged) -> Value {
    let Merged { data, time_us, seq, feed, reports } = merged;
    let [bow, stern, port, starboard] = data.dimensions.map_or([None; 4], |it| it.map(Some));
    json!({
        "mmsi": mmsi,
        "name": data.name.as_ref().map(|text| text.as_str()),
        "callsign": data.callsign.as_ref().map(|text| text.as_str()),
        "imo": data.imo,
        "ship_type": data.ship_type,
        "to_bow": bow,
        "to_stern": stern,
        "to_port": port,
        "to_starboard": starboard,
        "draught": data.draught.map(|it| f64::from(it) / 10.0),
        "destination": data.destination.as_ref().map(|text| text.as_str()),
        "eta": data.eta_text(),
        "epfd": data.epfd,
        "vendor": data.vendor.as_ref().map(|text| text.as_str()),
        "mothership": data.mothership,
        "source": feed,
        "updated_us": time_us,
        "updated_seq": seq,
        "static_reports": reports,
    })
}

//! Static reports of a batch as one upsert, in the order of the MMSI, so that two writers cannot wait for each other.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use super::wire::{Wire, WireError};
use super::{array, text_array};
use crate::report::{StaticData, Text};
use crate::rows::{Rows, StaticRow};

const MERGE_VESSELS: &str = "SELECT aisd_merge_vessels($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, \
    $16, $17, $18, $19, $20)";

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
    let columns = columns(&vessels);
    let parameters = std::iter::once(instance).chain(columns.iter().map(String::as_str));
    wire.add(MERGE_VESSELS, &parameters.collect::<Vec<_>>())
}

/// The vessels as the function takes them: an array for each column.
fn columns(vessels: &BTreeMap<u32, Merged>) -> [String; 19] {
    let side = |n: usize| array(vessels.values().map(|it| Or(it.data.dimensions.map(|it| it[n]))));
    [
        array(vessels.keys()),
        text_array(vessels.values().map(|it| it.data.name.as_ref().map(Text::as_str))),
        text_array(vessels.values().map(|it| it.data.callsign.as_ref().map(Text::as_str))),
        array(vessels.values().map(|it| Or(it.data.imo))),
        array(vessels.values().map(|it| Or(it.data.ship_type))),
        side(0),
        side(1),
        side(2),
        side(3),
        array(vessels.values().map(|it| Or(it.data.draught.map(|it| f64::from(it) / 10.0)))),
        text_array(vessels.values().map(|it| it.data.destination.as_ref().map(Text::as_str))),
        text_array(vessels.values().map(|it| it.data.eta_text())),
        array(vessels.values().map(|it| Or(it.data.epfd))),
        text_array(vessels.values().map(|it| it.data.vendor.as_ref().map(Text::as_str))),
        array(vessels.values().map(|it| Or(it.data.mothership))),
        array(vessels.values().map(|it| it.feed)),
        array(vessels.values().map(|it| it.time_us)),
        array(vessels.values().map(|it| it.seq)),
        array(vessels.values().map(|it| it.reports)),
    ]
}

/// A value, or what an array holds where there is none.
struct Or<T>(Option<T>);

impl<T: Display> Display for Or<T> {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(to),
            None => to.write_str("NULL"),
        }
    }
}

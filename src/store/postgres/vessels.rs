//! Static reports of a batch as one upsert, in the order of the MMSI, so that two writers cannot wait for each other.

use std::collections::BTreeMap;

use postgres::types::{ToSql, Type};

use super::wire::{Parameter, Wire, WireError};
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
    let columns = columns.iter().map(|(of, column)| Parameter::Binary(&**column, of.clone()));
    wire.add_with(MERGE_VESSELS, std::iter::once(Parameter::Text(instance)).chain(columns))
}

/// One value of each vessel.
type Column<'a> = (Type, Box<dyn ToSql + Sync + 'a>);

/// The vessels as the function takes them: an array for each column.
fn columns(vessels: &BTreeMap<u32, Merged>) -> [Column<'_>; 19] {
    let mmsis: Vec<i32> = vessels.keys().map(|mmsi| mmsi.cast_signed()).collect();
    let side = |n: usize| {
        let metres = move |it: &Merged| i16::try_from(it.data.dimensions?[n]).ok();
        column(vessels, Type::INT2_ARRAY, metres)
    };
    [
        (Type::INT4_ARRAY, Box::new(mmsis)),
        column(vessels, Type::TEXT_ARRAY, |it| it.data.name.as_ref().map(Text::as_str)),
        column(vessels, Type::TEXT_ARRAY, |it| it.data.callsign.as_ref().map(Text::as_str)),
        column(vessels, Type::INT4_ARRAY, |it| it.data.imo.map(u32::cast_signed)),
        column(vessels, Type::INT2_ARRAY, |it| it.data.ship_type.map(i16::from)),
        side(0),
        side(1),
        side(2),
        side(3),
        column(vessels, Type::FLOAT4_ARRAY, |it| it.data.draught.map(|it| f32::from(it) / 10.0)),
        column(vessels, Type::TEXT_ARRAY, |it| it.data.destination.as_ref().map(Text::as_str)),
        column(vessels, Type::TEXT_ARRAY, |it| it.data.eta_text()),
        column(vessels, Type::INT2_ARRAY, |it| it.data.epfd.map(i16::from)),
        column(vessels, Type::TEXT_ARRAY, |it| it.data.vendor.as_ref().map(Text::as_str)),
        column(vessels, Type::INT4_ARRAY, |it| it.data.mothership.map(u32::cast_signed)),
        column(vessels, Type::INT2_ARRAY, |it| i16::from(it.feed)),
        column(vessels, Type::INT8_ARRAY, |it| it.time_us),
        column(vessels, Type::INT8_ARRAY, |it| it.seq.cast_signed()),
        column(vessels, Type::INT8_ARRAY, |it| it.reports.cast_signed()),
    ]
}

fn column<'a, T: ToSql + Sync + 'a>(
    vessels: &'a BTreeMap<u32, Merged>,
    of: Type,
    value: impl Fn(&'a Merged) -> T,
) -> Column<'a> {
    (of, Box::new(vessels.values().map(value).collect::<Vec<T>>()))
}

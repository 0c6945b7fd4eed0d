//! Rows of CSV, as the archives of two countries publish them, to reports.
//!
//! In:      lines of a file: its header, then a row each
//! Out:     reports that were told in fields, as from JSON
//! Drops:   nothing silently: a row that cannot be a report is refused with its reason
//!
//! **NOAA's `MarineCadastre`**: `MMSI,BaseDateTime,LAT,LON,…` until 2024, and `mmsi,base_date_time,longitude,latitude,…` since. **The Danish
//! Maritime Authority**: `# Timestamp,Type of mobile,MMSI,…`, with the day before the month, and with words for types and statuses. A table
//! is known by its header, which must name MMSI, place and time; columns may stand in any order, and those nobody knows are passed over.
//! All times are UTC.
//!
//! Rows of base stations and aids to navigation are refused, as `sentence_missing`: they are no vessels, and of other messages only the
//! sentence is taken. Values are judged as those of JSON are ([`super::json`]).

mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use csv_core::{ReadRecordResult, Reader};
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::json::{self, Dialect, Entry, Field, Fields, Scalar};
use crate::nmea::line::LineEvent;
use crate::reject::Reject;

/// Columns of a table at most.
const COLUMNS_MAX: usize = 64;

/// What the lines of a file are.
pub enum Format {
    /// No line has come yet.
    Unknown,
    /// Sentences.
    Lines,
    /// Rows of a table.
    Table(Box<Table>),
}

impl Format {
    /// Looks at the first line, if this is one; says whether it is a table's header, and so all taken.
    pub fn takes_header(&mut self, event: LineEvent<'_>) -> bool {
        if !matches!(self, Self::Unknown) {
            return false;
        }
        let line = if let LineEvent::Line(line) = event { line } else { &[] };
        *self = Table::of_header(line).map_or(Self::Lines, |table| Self::Table(Box::new(table)));
        matches!(self, Self::Table(_))
    }
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    /// What JSON has a field for.
    Field(Field),
    /// Class A, a base station, …
    Mobile,
    /// What a ship carries, in words.
    Cargo,
    /// Degrees in a minute.
    RateOfTurn,
    /// Type of position-fixing device, in words.
    Epfd,
    /// Estimated time of arrival.
    Eta,
    /// Metres.
    Length,
    /// Metres.
    Width,
}

/// Every column with its names, in small letters and digits.
const NAMES: &[(&str, Column)] = &[
    ("mmsi", Column::Field(Field::Mmsi)),
    ("basedatetime", Column::Field(Field::Time)),
    ("timestamp", Column::Field(Field::Time)),
    ("lat", Column::Field(Field::Lat)),
    ("latitude", Column::Field(Field::Lat)),
    ("lon", Column::Field(Field::Lon)),
    ("longitude", Column::Field(Field::Lon)),
    ("sog", Column::Field(Field::Speed)),
    ("cog", Column::Field(Field::Course)),
    ("heading", Column::Field(Field::Heading)),
    ("status", Column::Field(Field::Status)),
    ("navigationalstatus", Column::Field(Field::Status)),
    ("imo", Column::Field(Field::Imo)),
    ("callsign", Column::Field(Field::Callsign)),
    ("vesselname", Column::Field(Field::Name)),
    ("name", Column::Field(Field::Name)),
    ("vesseltype", Column::Field(Field::ShipType)),
    ("shiptype", Column::Field(Field::ShipType)),
    ("draft", Column::Field(Field::Draught)),
    ("draught", Column::Field(Field::Draught)),
    ("destination", Column::Field(Field::Destination)),
    // As their publisher says: from the receiver of the position to bow, stern, starboard and port.
    ("a", Column::Field(Field::ToBow)),
    ("b", Column::Field(Field::ToStern)),
    ("c", Column::Field(Field::ToStarboard)),
    ("d", Column::Field(Field::ToPort)),
    ("typeofmobile", Column::Mobile),
    ("cargotype", Column::Cargo),
    ("rot", Column::RateOfTurn),
    ("typeofpositionfixingdevice", Column::Epfd),
    ("eta", Column::Eta),
    ("length", Column::Length),
    ("width", Column::Width),
];

/// A table, and what its rows are read into.
pub struct Table {
    columns: Vec<Option<Column>>,
    cells: Cells,
}

/// The cells of one line.
struct Cells {
    reader: Reader,
    text: Vec<u8>,
    ends: [usize; COLUMNS_MAX],
    count: usize,
}

/// What a row says that JSON has no field for.
#[derive(Default)]
struct Besides<'a> {
    mobile: &'a str,
    cargo: &'a str,
    rate_of_turn: Option<f64>,
    epfd: Option<u8>,
    eta: [Option<u8>; 4],
    size: [Option<u16>; 2],
}

impl Table {
    /// The table of this header, if it is one.
    fn of_header(line: &[u8]) -> Option<Self> {
        let line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
        let mut cells = Cells::new();
        if !cells.read(line) {
            return None;
        }
        let columns: Vec<Option<Column>> =
            (0..cells.count).map(|at| column(cells.get(at))).collect();
        let has = |field| columns.contains(&Some(Column::Field(field)));
        let is_table = [Field::Mmsi, Field::Lat, Field::Lon, Field::Time].into_iter().all(has);
        is_table.then_some(Self { columns, cells })
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Why it is no report.
    pub fn read(&mut self, line: &[u8]) -> Result<Entry, Reject> {
        if !self.cells.read(line) || self.cells.count != self.columns.len() {
            return Err(Reject::Malformed);
        }
        let mut fields = Fields::nothing();
        let mut besides = Besides::default();
        for (at, column) in self.columns.iter().enumerate() {
            let Some(column) = column else { continue };
            let Ok(cell) = std::str::from_utf8(self.cells.get(at)) else {
                // Only what people wrote has other letters.
                if let Column::Field(field @ (Field::Name | Field::Destination)) = column {
                    let text = String::from_utf8_lossy(self.cells.get(at)).into_owned();
                    fields.set(*field, Scalar::Text(Cow::Owned(text)));
                }
                continue;
            };
            let cell = cell.trim();
            if !words::say_nothing(cell) {
                take(*column, cell, &mut fields, &mut besides)?;
            }
        }
        if words::is_no_vessel(besides.mobile) {
            return Err(Reject::SentenceMissing);
        }
        let mut entry = json::entry(&fields, Dialect::Any)?;
        besides.add_to(&mut entry);
        Ok(entry)
    }
}

/// Takes what a cell says.
fn take<'a>(
    column: Column,
    cell: &'a str,
    fields: &mut Fields<'a>,
    besides: &mut Besides<'a>,
) -> Result<(), Reject> {
    let metres = |cell: &str| {
        let metres = Scalar::Text(Cow::Borrowed(cell)).number()?.round();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in range")]
        (1.0..=1022.0).contains(&metres).then_some(metres as u16)
    };
    match column {
        Column::Field(Field::Time) if cell.contains('/') => {
            let time = day_first(cell).ok_or(Reject::TimeUnparsable)?;
            let utc = Offset::UTC.to_timestamp(time).map_err(|_| Reject::TimeUnparsable)?;
            fields.set(Field::Time, Scalar::Whole(utc.as_second()));
        }
        Column::Field(Field::ShipType) => match words::ship_type(cell) {
            Some(code) => fields.set(Field::ShipType, Scalar::Whole(i64::from(code))),
            None => fields.set(Field::ShipType, Scalar::Text(Cow::Borrowed(cell))),
        },
        Column::Field(field) => fields.set(field, Scalar::Text(Cow::Borrowed(cell))),
        Column::Mobile => besides.mobile = cell,
        Column::Cargo => besides.cargo = cell,
        Column::RateOfTurn => besides.rate_of_turn = cell.parse().ok(),
        Column::Epfd => besides.epfd = words::epfd(cell),
        Column::Eta => {
            let parts = |time: DateTime| [time.month(), time.day(), time.hour(), time.minute()];
            let known = day_first(cell).map(parts);
            besides.eta = known.map_or([None; 4], |it| it.map(|part| u8::try_from(part).ok()));
        }
        Column::Length => besides.size[0] = metres(cell),
        Column::Width => besides.size[1] = metres(cell),
    }
    Ok(())
}

impl Besides<'_> {
    /// Adds what it knows to a report.
    fn add_to(&self, entry: &mut Entry) {
        if let Some(position) = &mut entry.told.position {
            position.rot = self.rate_of_turn.and_then(words::rate_of_turn);
        }
        let mut data = entry.told.data.unwrap_or_default();
        if data.dimensions.is_none()
            && let [Some(length), Some(width)] = self.size
        {
            // As the standard tells sizes without the place of the receiver.
            data.dimensions = Some([0, length, 0, width]);
        }
        data.ship_type = data.ship_type.map(|code| words::with_cargo(code, self.cargo));
        data.epfd = self.epfd;
        data.eta = self.eta;
        // A type of device alone says nothing of the vessel.
        let alone = crate::report::StaticData { epfd: data.epfd, ..Default::default() };
        entry.told.data = (data != alone).then_some(data);
    }
}

impl Cells {
    fn new() -> Self {
        Self { reader: Reader::new(), text: Vec::new(), ends: [0; COLUMNS_MAX], count: 0 }
    }

    /// Takes a line apart; says whether that can be done.
    fn read(&mut self, line: &[u8]) -> bool {
        self.reader.reset();
        self.text.resize(line.len() + 1, 0);
        let (first, taken, written, ends) =
            self.reader.read_record(line, &mut self.text, &mut self.ends);
        if first != ReadRecordResult::InputEmpty || taken < line.len() {
            return false;
        }
        let (text, places) = (&mut self.text[written..], &mut self.ends[ends..]);
        let (last, _, _, more) = self.reader.read_record(&[], text, places);
        self.count = ends + more;
        last == ReadRecordResult::Record
    }

    fn get(&self, at: usize) -> &[u8] {
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.text[from..self.ends[at]]
    }
}

/// The column of a name.
fn column(name: &[u8]) -> Option<Column> {
    let letters = name.iter().filter(|byte| byte.is_ascii_alphanumeric());
    let name: Vec<u8> = letters.map(u8::to_ascii_lowercase).collect();
    NAMES.iter().find(|(known, _)| known.as_bytes() == name).map(|(_, column)| *column)
}

/// `31/12/2015 23:59:59`.
fn day_first(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(' ')?;
    let (mut date, mut time) = (date.split('/'), time.split(':'));
    let small = |part: Option<&str>| part?.parse::<i8>().ok();
    let (day, month, year) = (small(date.next())?, small(date.next())?, date.next()?.parse().ok()?);
    let (hour, minute) = (small(time.next())?, small(time.next())?);
    let second = time.next().map_or(Some(0), |part| small(Some(part)))?;
    DateTime::new(year, month, day, hour, minute, second, 0).ok()
}

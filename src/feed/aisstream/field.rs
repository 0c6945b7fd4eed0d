//! What a field of a message is, and the fields that many messages have.

/// One field, or several that belong together.
#[derive(Debug)]
pub struct Field {
    /// Its names; the first that is there counts.
    pub names: &'static [&'static str],
    /// What it is.
    pub kind: Kind,
}

/// What a field is, and how wide.
#[derive(Debug)]
pub enum Kind {
    /// A whole number or a truth.
    Whole(Number),
    /// Six-bit text of this many bits, filled up with `@`.
    Text(usize),
    /// Six-bit text as long as it is, filled up with `@` to a whole number of bytes.
    TextToTheEnd,
    /// Base64 of one byte for each bit.
    Data,
    /// Fields of an object of its own.
    Group(&'static [Field]),
    /// Fields that are there when the field of this name is true, or is not.
    When(bool, &'static [Field]),
    /// Up to so many objects of a list, as far as the last one that is valid.
    List(usize, &'static [Field]),
    /// Objects with names of their own, as far as the last one that is valid.
    Tail(&'static [Field]),
}

/// How a number stands in its bits.
#[derive(Debug)]
pub struct Number {
    /// How many bits.
    pub bits: usize,
    /// In two's complement.
    pub is_signed: bool,
    /// Steps of the standard in one of its units.
    pub steps: f64,
    /// What stands there when it is missing.
    pub absent: i64,
}

/// Steps of a degree: 1/10 000 and 1/10 of a minute.
const FINE: f64 = 600_000.0;
pub(super) const COARSE: f64 = 600.0;

pub(super) const fn number(names: &'static [&'static str], bits: usize, absent: i64) -> Field {
    Field { names, kind: Kind::Whole(Number { bits, is_signed: false, steps: 1.0, absent }) }
}

pub(super) const fn whole(names: &'static [&'static str], bits: usize) -> Field {
    number(names, bits, 0)
}

pub(super) const fn tenths(names: &'static [&'static str], bits: usize, absent: i64) -> Field {
    Field { names, kind: Kind::Whole(Number { bits, is_signed: false, steps: 10.0, absent }) }
}

pub(super) const fn degrees(
    names: &'static [&'static str],
    bits: usize,
    steps: f64,
    absent: i64,
) -> Field {
    Field { names, kind: Kind::Whole(Number { bits, is_signed: true, steps, absent }) }
}

pub(super) const fn text(names: &'static [&'static str], bits: usize) -> Field {
    Field { names, kind: Kind::Text(bits) }
}

pub(super) const fn of(names: &'static [&'static str], kind: Kind) -> Field {
    Field { names, kind }
}

pub(super) const LONGITUDE: Field = degrees(&["Longitude"], 28, FINE, 181 * 600_000);
pub(super) const LATITUDE: Field = degrees(&["Latitude"], 27, FINE, 91 * 600_000);
pub(super) const LONGITUDE_COARSE: Field = degrees(&["Longitude"], 18, COARSE, 181 * 600);
pub(super) const LATITUDE_COARSE: Field = degrees(&["Latitude"], 17, COARSE, 91 * 600);
pub(super) const ACCURACY: Field = whole(&["PositionAccuracy"], 1);
pub(super) const SOG: Field = tenths(&["Sog"], 10, 1023);
pub(super) const COG: Field = tenths(&["Cog"], 12, 3600);
pub(super) const HEADING: Field = number(&["TrueHeading"], 9, 511);
pub(super) const SECOND: Field = number(&["Timestamp"], 6, 60);
pub(super) const RAIM: Field = whole(&["Raim"], 1);
pub(super) const DTE: Field = number(&["Dte"], 1, 1);
pub(super) const ASSIGNED: Field = whole(&["AssignedMode"], 1);
pub(super) const FIX_TYPE: Field = whole(&["FixType", "Fixtype"], 4);
pub(super) const RADIO: Field = whole(&["CommunicationState"], 19);
pub(super) const SELECTED: Field = whole(&["CommunicationStateIsItdma"], 1);
pub(super) const SPARE: &[&str] = &["Spare"];
pub(super) const SPARE_1: &[&str] = &["Spare1", "Spare"];
pub(super) const SEQUENCE: Field = whole(&["SequenceNumber", "Sequenceinteger"], 2);
pub(super) const DESTINATION: Field = whole(&["DestinationID"], 30);
pub(super) const DIMENSION: Field = of(
    &["Dimension"],
    Kind::Group(&[whole(&["A"], 9), whole(&["B"], 9), whole(&["C"], 6), whole(&["D"], 6)]),
);
pub(super) const APPLICATION: Field = of(
    &["ApplicationID"],
    Kind::Group(&[whole(&["DesignatedAreaCode"], 10), whole(&["FunctionIdentifier"], 6)]),
);
pub(super) const AREA: &[Field] = &[
    degrees(&["Longitude1"], 18, COARSE, 181 * 600),
    degrees(&["Latitude1"], 17, COARSE, 91 * 600),
    degrees(&["Longitude2"], 18, COARSE, 181 * 600),
    degrees(&["Latitude2"], 17, COARSE, 91 * 600),
];
pub(super) const DESTINED: Field = whole(&["DestinationIDValid"], 1);
pub(super) const STRUCTURED: Field = whole(&["ApplicationIDValid"], 1);
pub(super) const TO: Field =
    of(&["DestinationIDValid"], Kind::When(true, &[DESTINATION, whole(SPARE_1, 2)]));
pub(super) const FOR: Field = of(&["ApplicationIDValid"], Kind::When(true, &[APPLICATION]));
pub(super) const PAYLOAD: Field = of(&["Payload"], Kind::Data);

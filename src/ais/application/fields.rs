//! A message as a table: which field lies where, and how its number becomes JSON.
//!
//! The tables are constants, read top to bottom like those of the standards. Bits count from the start of the message;
//! inside a [`List`] from the start of its element. A field behind the end of the message reads as zeros, as
//! everywhere.

use std::io::Write as _;

use crate::ais::bits::Bits;
use crate::ais::json::Object;

/// Most characters of a text: those of the longest message there is.
const TEXT_CHARS_MAX: usize = 172;
/// Bits of an element that must have arrived for it to count; fewer at the end are there to fill the last byte.
const ELEMENT_BITS_MIN: usize = 8;

/// A message: its fields, and the list that may follow them.
pub struct Message {
    fields: &'static [Field],
    list: Option<List>,
    length: Option<usize>,
    valid: fn(&Bits<'_>) -> bool,
}

impl Message {
    /// A message of any length: what did not arrive is zero.
    pub const fn new(fields: &'static [Field]) -> Self {
        Self { fields, list: None, length: None, valid: |_| true }
    }

    /// With a list behind the fields.
    pub const fn with(mut self, list: List) -> Self {
        self.list = Some(list);
        self
    }

    /// Only at exactly this many bits, header included; at any other it is something else.
    pub const fn of_bits(mut self, length: usize) -> Self {
        self.length = Some(length);
        self
    }

    /// Only when `valid` says so.
    pub const fn only_if(mut self, valid: fn(&Bits<'_>) -> bool) -> Self {
        self.valid = valid;
        self
    }

    /// Writes every field; false, and nothing written, when the bits cannot be this message.
    pub fn write(&self, bits: Bits<'_>, scaled: bool, object: &mut Object<'_>) -> bool {
        if self.length.is_some_and(|length| length != bits.len()) || !(self.valid)(&bits) {
            return false;
        }
        for field in self.fields {
            field.write(&bits, 0, scaled, object);
        }
        if let Some(list) = &self.list {
            list.write(&bits, scaled, object);
        }
        true
    }
}

/// Equal elements at the end of a message, written as an array of objects.
pub struct List {
    name: &'static str,
    start: usize,
    size: usize,
    most: usize,
    count: Option<(usize, usize)>,
    fields: &'static [Field],
}

impl List {
    /// At most `most` elements of `size` bits from `start` on, as many as the message has room for.
    pub const fn new(
        name: &'static str,
        start: usize,
        size: usize,
        most: usize,
        fields: &'static [Field],
    ) -> Self {
        Self { name, start, size, most, count: None, fields }
    }

    /// And no more than the field at `start` says.
    pub const fn counted_by(mut self, start: usize, width: usize) -> Self {
        self.count = Some((start, width));
        self
    }

    /// How many elements the message holds. One that breaks off counts.
    fn len(&self, bits: &Bits<'_>) -> usize {
        let arrived = (bits.len() + self.size).saturating_sub(self.start + ELEMENT_BITS_MIN);
        let room = (arrived / self.size).min(self.most);
        match self.count {
            Some((start, width)) => {
                room.min(usize::try_from(bits.unsigned(start, width)).unwrap_or(usize::MAX))
            }
            None => room,
        }
    }

    fn write(&self, bits: &Bits<'_>, scaled: bool, object: &mut Object<'_>) {
        let out = object.name(self.name);
        out.push(b'[');
        for n in 0..self.len(bits) {
            if n > 0 {
                out.push(b',');
            }
            let mut element = Object::open(out);
            for field in self.fields {
                field.write(bits, self.start + n * self.size, scaled, &mut element);
            }
            element.close();
        }
        out.push(b']');
    }
}

/// One field of a table.
#[derive(Clone, Copy)]
pub struct Field {
    name: &'static str,
    start: usize,
    width: usize,
    kind: Kind,
}

/// What a field's bits mean.
#[derive(Clone, Copy)]
enum Kind {
    /// A number; scaled it is `(raw - zero) / divisor`.
    Number { signed: bool, zero: i64, divisor: i64, decimals: u32 },
    /// True or false.
    Flag,
    /// Six-bit text.
    Text,
    /// A code, and what it means under a second name.
    Code { text_name: &'static str, legend: fn(u64) -> &'static str },
    /// A code; scaled it is what it means.
    Word(fn(u64) -> &'static str),
    /// A date or time of several fields in a row.
    Time(&'static Clock),
    /// Whatever the function writes, from the bit it is given on.
    Own(fn(&Bits<'_>, usize, &mut Object<'_>)),
}

/// An unsigned number.
pub const fn unsigned(name: &'static str, start: usize, width: usize) -> Field {
    let kind = Kind::Number { signed: false, zero: 0, divisor: 1, decimals: 0 };
    Field { name, start, width, kind }
}

/// A two's complement number.
pub const fn signed(name: &'static str, start: usize, width: usize) -> Field {
    let kind = Kind::Number { signed: true, zero: 0, divisor: 1, decimals: 0 };
    Field { name, start, width, kind }
}

/// A truth value.
pub const fn flag(name: &'static str, start: usize) -> Field {
    Field { name, start, width: 1, kind: Kind::Flag }
}

/// Six-bit text of `chars` characters.
pub const fn text(name: &'static str, start: usize, chars: usize) -> Field {
    Field { name, start, width: chars * 6, kind: Kind::Text }
}

/// Six-bit text to the end of the message.
pub const fn text_to_the_end(name: &'static str, start: usize) -> Field {
    text(name, start, TEXT_CHARS_MAX)
}

/// A date or time as `clock` has it.
pub const fn time(name: &'static str, start: usize, clock: &'static Clock) -> Field {
    Field { name, start, width: 0, kind: Kind::Time(clock) }
}

/// What `write` writes from the bit at `start` on.
pub const fn own(start: usize, write: fn(&Bits<'_>, usize, &mut Object<'_>)) -> Field {
    Field { name: "", start, width: 0, kind: Kind::Own(write) }
}

impl Field {
    /// Scaled, it counts from the raw number `zero`.
    pub const fn from(mut self, from: i64) -> Self {
        if let Kind::Number { zero, .. } = &mut self.kind {
            *zero = from;
        }
        self
    }

    /// Scaled, it is divided and written with this many decimals.
    pub const fn over(mut self, by: i64, digits: u32) -> Self {
        if let Kind::Number { divisor, decimals, .. } = &mut self.kind {
            *divisor = by;
            *decimals = digits;
        }
        self
    }

    /// Sent in tenths.
    pub const fn tenths(self) -> Self {
        self.over(10, 1)
    }

    /// A longitude or latitude in 1/1 000 minute.
    pub const fn milliminutes(self) -> Self {
        self.over(60_000, 6)
    }

    /// A longitude or latitude in 1/10 000 minute.
    pub const fn position(self) -> Self {
        self.over(600_000, 6)
    }

    /// A code whose meaning is written as `text_name`, scaled or not.
    pub const fn meaning(
        mut self,
        text_name: &'static str,
        legend: fn(u64) -> &'static str,
    ) -> Self {
        self.kind = Kind::Code { text_name, legend };
        self
    }

    /// A code in whose place, scaled, its meaning stands.
    pub const fn word(mut self, legend: fn(u64) -> &'static str) -> Self {
        self.kind = Kind::Word(legend);
        self
    }

    /// Writes the field whose table begins at bit `base`.
    fn write(&self, bits: &Bits<'_>, base: usize, scaled: bool, object: &mut Object<'_>) {
        let start = base + self.start;
        match self.kind {
            Kind::Number { signed, zero, divisor, decimals } => {
                let raw = if signed {
                    bits.signed(start, self.width)
                } else {
                    bits.unsigned(start, self.width).cast_signed()
                };
                if scaled {
                    write_scaled(object, self.name, raw - zero, divisor, decimals);
                } else {
                    object.int(self.name, raw);
                }
            }
            Kind::Flag => object.bool(self.name, bits.flag(start)),
            Kind::Text => write_text(bits, start, self.width / 6, self.name, object),
            Kind::Code { text_name, legend } => {
                let code = bits.unsigned(start, self.width);
                object.int(self.name, code.cast_signed());
                object.text(text_name, legend(code).as_bytes());
            }
            Kind::Word(legend) => {
                let code = bits.unsigned(start, self.width);
                if scaled {
                    object.text(self.name, legend(code).as_bytes());
                } else {
                    object.int(self.name, code.cast_signed());
                }
            }
            Kind::Time(clock) => clock.write(bits, start, object.name(self.name)),
            Kind::Own(write) => write(bits, start, object),
        }
    }
}

/// A scaled number. Where digits are cut off, halves fall as they do when a double is printed, which is what gpsd does.
fn write_scaled(
    object: &mut Object<'_>,
    name: &'static str,
    value: i64,
    divisor: i64,
    decimals: u32,
) {
    let cut = divisor > 10_i64.pow(decimals);
    match (i32::try_from(value), i32::try_from(divisor), usize::try_from(decimals)) {
        (Ok(value), Ok(divisor), Ok(digits)) if cut => {
            let quotient = f64::from(value) / f64::from(divisor);
            // A vector takes every write.
            let _ = write!(object.name(name), "{quotient:.digits$}");
        }
        _ => object.fixed(name, value, divisor, decimals),
    }
}

/// Six-bit text from `start` on, as a field of its own.
pub fn write_text(
    bits: &Bits<'_>,
    start: usize,
    chars: usize,
    name: &'static str,
    object: &mut Object<'_>,
) {
    let mut ascii = [0; TEXT_CHARS_MAX];
    let len = bits.text(start, chars, &mut ascii);
    object.text(name, &ascii[..len]);
}

/// What a code means, from a table; `other` for codes behind its end.
pub fn legend(code: u64, known: &[&'static str], other: &'static str) -> &'static str {
    usize::try_from(code).ok().and_then(|at| known.get(at)).copied().unwrap_or(other)
}

/// How the fields of a date or time are written, and where they lie behind its first bit.
pub struct Clock {
    /// The least digits of every number, zeros in front.
    digits: usize,
    /// What stands before a number, its first bit, its width, and what is added to it.
    parts: &'static [(&'static str, usize, usize, u64)],
    /// What stands at the end.
    end: &'static str,
}

impl Clock {
    /// A shape of its own: for each number what stands before it, first bit, width and what is added; two digits each.
    pub const fn new(parts: &'static [(&'static str, usize, usize, u64)]) -> Self {
        Self { digits: 2, parts, end: "" }
    }

    fn write(&self, bits: &Bits<'_>, start: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        for &(before, at, width, plus) in self.parts {
            out.extend_from_slice(before.as_bytes());
            let number = bits.unsigned(start + at, width) + plus;
            if self.digits == 2 && number < 10 {
                out.push(b'0');
            }
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        out.extend_from_slice(self.end.as_bytes());
        out.push(b'"');
    }
}

/// Month, day, hour and minute of 4, 5, 5 and 6 bits.
const MONTH_FIRST: &[(&str, usize, usize, u64)] =
    &[("", 0, 4, 0), ("-", 4, 5, 0), ("T", 9, 5, 0), (":", 14, 6, 0)];

/// Month, day, hour and minute: `05-04T00:60Z`.
pub const MONTH_TO_MINUTE: Clock = Clock { digits: 2, parts: MONTH_FIRST, end: "Z" };

/// Month, day, hour and minute without zeros in front, as gpsd has it for berths and locks: `5-4T0:60`.
pub const MONTH_TO_MINUTE_BARE: Clock = Clock { digits: 1, parts: MONTH_FIRST, end: "" };

/// Day, hour and minute of 5, 5 and 6 bits: `04T00:60Z`.
pub const DAY_TO_MINUTE: Clock =
    Clock { digits: 2, parts: &[("", 0, 5, 0), ("T", 5, 5, 0), (":", 10, 6, 0)], end: "Z" };

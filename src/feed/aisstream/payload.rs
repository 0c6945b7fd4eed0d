//! Makes the six-bit payload again that a message of aisstream.io was decoded from.
//!
//! In:      the JSON of a message, and its layout
//! Out:     the payload and its fill bits, as a receiver would have sent them
//! Drops:   a value of the wrong kind or out of its range: `malformed`; more bits than five slots hold: `too_long`
//!
//! So it is the same report in every respect as one that came as NMEA: the same checks, fields and "not available", and the
//! same payload, by which a transmission that a receiver of our own has heard too is known to be one.

use serde_json::Value;

use super::field::{Field, Kind, Number};
use super::layout::Layout;
use crate::reject::Reject;

/// More bits than any message has.
const BITS_MAX: usize = 1064;
/// The MMSI of nobody.
const MMSI_MAX: u64 = 999_999_999;

/// What is being made; used again and again.
#[derive(Default)]
pub struct Payload {
    chars: Vec<u8>,
    bits: usize,
    /// Bits of a character that is not whole yet.
    rest: u8,
}

impl Payload {
    /// Makes the payload of a message.
    ///
    /// # Errors
    /// When a field cannot be what it is.
    pub fn make(&mut self, layout: &Layout, message: &Value, mmsi: u32) -> Result<u8, Reject> {
        (self.bits, self.rest) = (0, 0);
        self.chars.clear();
        if message.get("Valid").and_then(Value::as_bool) == Some(false) {
            return Err(Reject::Malformed);
        }
        let msg_type = match message.get("MessageID") {
            None => layout.types.first().copied().map_or(0, u64::from),
            Some(told) => told.as_u64().ok_or(Reject::Malformed)?,
        };
        if !layout.types.iter().any(|known| u64::from(*known) == msg_type) {
            return Err(Reject::Type);
        }
        self.push(msg_type, 6)?;
        self.push(message.get("RepeatIndicator").and_then(Value::as_u64).unwrap_or(0) & 3, 2)?;
        self.push(u64::from(mmsi), 30)?;
        self.fields(layout.fields, message)?;
        Ok(self.finish())
    }

    /// The characters that [`Self::make`] made.
    #[must_use]
    pub fn chars(&self) -> &[u8] {
        &self.chars
    }

    fn fields(&mut self, fields: &[Field], object: &Value) -> Result<(), Reject> {
        fields.iter().try_for_each(|field| self.field(field, object))
    }

    fn field(&mut self, field: &Field, object: &Value) -> Result<(), Reject> {
        let value = value_of(field, object);
        match &field.kind {
            Kind::Whole(number) => self.push(steps(number, value)?, number.bits),
            Kind::Text(bits) => self.text(told(value)?, Some(bits / 6)),
            Kind::TextToTheEnd => {
                self.text(told(value)?, None)?;
                self.whole_bytes()
            }
            Kind::Data => self.data(told(value)?),
            Kind::Group(fields) => self.fields(fields, value),
            Kind::When(wanted, fields) if truth(value) == *wanted => self.fields(fields, object),
            Kind::When(..) => Ok(()),
            Kind::List(most, fields) => {
                let last = (0..*most).rev().find(|at| is_valid(item(value, *at)));
                let count = last.map_or(0, |last| last + 1);
                (0..count).try_for_each(|at| self.fields(fields, item(value, at)))
            }
            Kind::Tail(groups) => {
                let valid = |group: &Field| is_valid(value_of(group, object));
                let count = groups.iter().rposition(valid).map_or(0, |last| last + 1);
                groups.iter().take(count).try_for_each(|group| self.field(group, object))
            }
        }
    }

    fn push(&mut self, value: u64, bits: usize) -> Result<(), Reject> {
        if self.bits + bits > BITS_MAX {
            return Err(Reject::TooLong);
        }
        for at in (0..bits).rev() {
            self.rest = (self.rest << 1) | u8::from((value >> at) & 1 == 1);
            self.bits += 1;
            if self.bits.is_multiple_of(6) {
                self.chars.push(armored(std::mem::take(&mut self.rest)));
            }
        }
        Ok(())
    }

    /// Six-bit text; what the alphabet lacks is a `?`.
    fn text(&mut self, text: &str, chars: Option<usize>) -> Result<(), Reject> {
        let letters = text.chars().map(|letter| match letter.to_ascii_uppercase() {
            letter @ ('@'..='_') => u64::from(letter) - 64,
            letter @ (' '..='?') => u64::from(letter),
            _ => u64::from('?'),
        });
        match chars {
            None => letters.into_iter().try_for_each(|letter| self.push(letter, 6)),
            Some(chars) => {
                let filled = letters.chain(std::iter::repeat(0));
                filled.take(chars).try_for_each(|letter| self.push(letter, 6))
            }
        }
    }

    /// What a message is on the air: whole bytes.
    fn whole_bytes(&mut self) -> Result<(), Reject> {
        self.push(0, self.bits.next_multiple_of(8) - self.bits)
    }

    fn data(&mut self, text: &str) -> Result<(), Reject> {
        let bits = data_encoding::BASE64.decode(text.as_bytes()).map_err(|_| Reject::Malformed)?;
        if bits.iter().any(|bit| *bit > 1) {
            return Err(Reject::Malformed);
        }
        bits.into_iter().try_for_each(|bit| self.push(u64::from(bit), 1))
    }

    /// Fills the last character up; how many bits that took.
    fn finish(&mut self) -> u8 {
        let mut fill = 0;
        while !self.bits.is_multiple_of(6) {
            self.rest <<= 1;
            self.bits += 1;
            fill += 1;
        }
        if fill > 0 {
            self.chars.push(armored(std::mem::take(&mut self.rest)));
        }
        fill
    }
}

/// The MMSI that a message or what is told beside it names.
///
/// # Errors
/// When there is none, or nobody can have it.
pub fn mmsi(message: &Value, beside: &Value) -> Result<u32, Reject> {
    let told = message.get("UserID").or_else(|| beside.get("MMSI"));
    let mmsi = told.and_then(Value::as_u64).filter(|mmsi| *mmsi <= MMSI_MAX);
    mmsi.and_then(|mmsi| u32::try_from(mmsi).ok()).ok_or(Reject::Mmsi)
}

const fn armored(six_bits: u8) -> u8 {
    if six_bits < 40 { six_bits + 48 } else { six_bits + 56 }
}

fn value_of<'v>(field: &Field, object: &'v Value) -> &'v Value {
    field.names.iter().find_map(|name| object.get(name)).unwrap_or(&Value::Null)
}

/// An item of a list, or of an object whose names are the numbers of the items.
fn item(list: &Value, at: usize) -> &Value {
    list.get(at).or_else(|| list.get(at.to_string())).unwrap_or(&Value::Null)
}

fn is_valid(group: &Value) -> bool {
    group.is_object() && group.get("Valid").and_then(Value::as_bool) != Some(false)
}

fn truth(value: &Value) -> bool {
    value.as_bool().unwrap_or_else(|| value.as_f64().is_some_and(|number| number != 0.0))
}

fn told(value: &Value) -> Result<&str, Reject> {
    if value.is_null() { Ok("") } else { value.as_str().ok_or(Reject::Malformed) }
}

/// A number in the steps of the standard, as it stands in its bits.
fn steps(number: &Number, value: &Value) -> Result<u64, Reject> {
    let steps = match value {
        Value::Null => number.absent,
        Value::Bool(truth) => i64::from(*truth),
        Value::Number(told) => rounded(told.as_f64().ok_or(Reject::Malformed)? * number.steps)?,
        _ => return Err(Reject::Malformed),
    };
    let values = 1_i64 << number.bits;
    let range = if number.is_signed { -values / 2..values / 2 } else { 0..values };
    if !range.contains(&steps) {
        return Err(Reject::Malformed);
    }
    Ok(steps.cast_unsigned() & (values - 1).cast_unsigned())
}

fn rounded(number: f64) -> Result<i64, Reject> {
    let number = number.round();
    if number.abs() > 1e12 {
        return Err(Reject::Malformed);
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 1e12")]
    Ok(number as i64)
}

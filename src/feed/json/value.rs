//! One value of JSON, and what it can be taken for.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::ais::names;
use crate::report::Text;

/// IMO numbers have 30 bits on the air.
const IMO_MAX: u32 = (1 << 30) - 1;

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar<'a> {
    /// Null, or not there.
    Absent,
    /// True or false.
    Truth(bool),
    /// A whole number.
    Whole(i64),
    /// Another number.
    Real(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// An array or an object.
    Many,
}

impl Scalar<'_> {
    /// Whether it says nothing: null, or a text of nothing but blanks.
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Absent => true,
            Self::Text(text) => text.trim().is_empty(),
            _ => false,
        }
    }

    /// A number, or a text that is one.
    pub fn number(&self) -> Option<f64> {
        let number = match self {
            #[expect(clippy::cast_precision_loss, reason = "what is asked for is small")]
            Self::Whole(whole) => *whole as f64,
            Self::Real(real) => *real,
            Self::Text(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        number.is_finite().then_some(number)
    }

    /// A whole number, or a text that is one.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Self::Whole(whole) => Some(*whole),
            Self::Real(real) => {
                let whole = real.fract() == 0.0 && real.abs() < 1e15;
                #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
                whole.then_some(*real as i64)
            }
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    /// An MMSI: seven to nine digits, zeros in front left out or not, neither all 0 nor all 9. In a text anything but a sign or a point
    /// may stand among them.
    pub fn mmsi(&self) -> Option<u32> {
        let digits = match self {
            Self::Text(text) => {
                let text = text.trim();
                if text.starts_with(['-', '+']) || text.contains('.') {
                    return None;
                }
                text.chars().filter(char::is_ascii_digit).take(10).collect::<String>()
            }
            _ => self.whole().filter(|whole| *whole >= 0)?.to_string(),
        };
        if !(7..=9).contains(&digits.len()) || digits.bytes().all(|digit| digit == b'9') {
            return None;
        }
        digits.parse().ok().filter(|mmsi| *mmsi != 0)
    }

    /// An IMO number; the letters may stand before it.
    pub fn imo(&self) -> Option<u32> {
        let number = match self {
            Self::Text(text) => {
                let text = text.trim();
                let digits = text.strip_prefix("IMO").or_else(|| text.strip_prefix("imo"));
                digits.unwrap_or(text).trim_start_matches([' ', ':']).parse().ok()?
            }
            _ => u32::try_from(self.whole()?).ok()?,
        };
        (number <= IMO_MAX).then_some(number)
    }

    /// A navigational status, 0 to 15, or the standard's words for it.
    pub fn status(&self) -> Option<u8> {
        if let Some(number) = self.whole() {
            return u8::try_from(number).ok().filter(|status| *status <= 15);
        }
        let Self::Text(text) = self else { return None };
        let named =
            |status: &u8| names::navigational_status(*status).eq_ignore_ascii_case(text.trim());
        (0..=15).find(named)
    }

    /// A text of AIS: up to the first `@`, a question mark for each letter that it does not have, cut to its length. A number is its digits.
    pub fn text<const N: usize>(&self) -> Option<Text<N>> {
        let text: Cow<'_, str> = match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Whole(whole) => Cow::Owned(whole.to_string()),
            _ => return None,
        };
        let kept = text.split('@').next().unwrap_or_default().trim();
        let has = |letter: char| matches!(letter, ' '..='~');
        let ascii = |letter| u8::try_from(letter).ok().filter(|_| has(letter)).unwrap_or(b'?');
        let bytes: Vec<u8> = kept.chars().take(N).map(ascii).collect();
        Text::new(&bytes)
    }
}

impl<'de> Deserialize<'de> for Scalar<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(Look)
    }
}

struct Look;

impl<'de> Visitor<'de> for Look {
    type Value = Scalar<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Scalar::Absent)
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
        Ok(Scalar::Truth(truth))
    }

    fn visit_i64<E>(self, whole: i64) -> Result<Self::Value, E> {
        Ok(Scalar::Whole(whole))
    }

    #[expect(clippy::cast_precision_loss, reason = "larger than anything that is asked for")]
    fn visit_u64<E>(self, whole: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(whole).map_or(Scalar::Real(whole as f64), Scalar::Whole))
    }

    fn visit_f64<E>(self, real: f64) -> Result<Self::Value, E> {
        Ok(Scalar::Real(real))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Scalar::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Scalar::Many)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Scalar::Many)
    }
}

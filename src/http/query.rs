//! What stands behind the question mark, read strictly: an unknown name or a bad value is told, not guessed.

use jiff::Timestamp;

use super::reply::Reply;
use super::request::Request;
use crate::clock::SECOND_US;
use crate::picture::Area;

/// Seconds since 1970 are below this, milliseconds above.
const MILLISECONDS_FROM: f64 = 1e11;

/// Names and values, decoded.
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query that may have these names, each once.
    ///
    /// # Errors
    /// 400 with what is wrong.
    pub fn read(text: &str, known: &[&str]) -> Result<Self, Reply> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            if !known.contains(&name.as_str()) {
                let text =
                    format!("{} is no parameter here, {} are", shown(&name), known.join(", "));
                return Err(bad(text));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(bad(format!("{name} is there twice")));
            }
            pairs.push((name, value));
        }
        Ok(Self(pairs))
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// One of these words, if the name is there.
    ///
    /// # Errors
    /// 400 when it is another word.
    pub fn one_of(
        &self,
        name: &str,
        words: &[&'static str],
    ) -> Result<Option<&'static str>, Reply> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let word = words.iter().copied().find(|word| *word == value);
        let wrong = || bad(format!("{name} is {}, must be {}", shown(value), words.join(" or ")));
        word.map(Some).ok_or_else(wrong)
    }

    /// A number from 1 to `max`.
    ///
    /// # Errors
    /// 400 when it is something else.
    pub fn limit(&self, otherwise: usize, max: usize) -> Result<usize, Reply> {
        self.number("limit", otherwise, max)
    }

    /// The same of another name.
    ///
    /// # Errors
    /// 400 when it is something else.
    pub fn number(&self, name: &str, otherwise: usize, max: usize) -> Result<usize, Reply> {
        let Some(value) = self.get(name) else { return Ok(otherwise) };
        let wrong = || bad(format!("{name} is {}, must be 1..={max}", shown(value)));
        digits(value).filter(|limit| (1..=max).contains(limit)).ok_or_else(wrong)
    }

    /// The area of `bbox`, or the world.
    ///
    /// # Errors
    /// 400 when it is no area.
    pub fn area(&self) -> Result<Area, Reply> {
        let Some(value) = self.get("bbox") else { return Ok(Area::WORLD) };
        let wrong = |why: &str| bad(format!("bbox is {}, must be {why}", shown(value)));
        let borders: Vec<f64> =
            value.split(',').map_while(|part| part.trim().parse().ok()).collect();
        let [min_lon, min_lat, max_lon, max_lat] = borders[..] else {
            return Err(wrong("MINLON,MINLAT,MAXLON,MAXLAT in degrees"));
        };
        if value.split(',').count() != 4 {
            return Err(wrong("four numbers"));
        }
        let within = |degrees: f64, most: f64| (-most..=most).contains(&degrees);
        if !within(min_lon, 180.0) || !within(max_lon, 180.0) {
            return Err(wrong("between longitudes -180 and 180"));
        }
        if !within(min_lat, 90.0) || !within(max_lat, 90.0) || min_lat > max_lat {
            return Err(wrong("between latitudes -90 and 90, the southern first"));
        }
        Ok(Area { min_lon, min_lat, max_lon, max_lat })
    }

    /// A time in microseconds since 1970: RFC 3339, or seconds or milliseconds since 1970.
    ///
    /// # Errors
    /// 400 when it is no time.
    pub fn time(&self, name: &str) -> Result<Option<i64>, Reply> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let wrong = || {
            let text = "must be an RFC 3339 time, or seconds or milliseconds since 1970";
            bad(format!("{name} is {}, {text}", shown(value)))
        };
        // An unescaped + is a space by the rules of forms, and there is no space in a time that has a T.
        let text = value.replace(' ', if value.contains('T') { "+" } else { " " });
        let time = text.parse::<Timestamp>().ok().map(Timestamp::as_microsecond);
        time.or_else(|| epoch(value)).map(Some).ok_or_else(wrong)
    }

    /// Whether GeoJSON is wanted, by `format` or by `Accept`.
    ///
    /// # Errors
    /// 400 when the format is another one.
    pub fn geojson(&self, request: &Request) -> Result<bool, Reply> {
        let format = self.one_of("format", &["json", "geojson"])?;
        Ok(format
            .map_or_else(|| request.accepts("application/geo+json"), |format| format == "geojson"))
    }
}

/// The MMSI in a path.
///
/// # Errors
/// 400 when it is none.
pub fn mmsi(text: &str) -> Result<u32, Reply> {
    let wrong = || bad(format!("{} is no MMSI, must be 1..=999999999", shown(text)));
    let number = digits(text).filter(|number| (1..=999_999_999).contains(number));
    number.and_then(|number| u32::try_from(number).ok()).ok_or_else(wrong)
}

fn bad(text: impl Into<String>) -> Reply {
    Reply::error(400, text)
}

/// What was sent, short enough to be sent back.
fn shown(value: &str) -> String {
    let short: String = value.chars().take(60).collect();
    format!("\"{short}\"")
}

/// At most nine digits, and nothing else.
fn digits(text: &str) -> Option<usize> {
    let plain = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

fn epoch(text: &str) -> Option<i64> {
    let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    if text.is_empty() || text.len() > 20 || !text.bytes().all(plain) {
        return None;
    }
    let number: f64 = text.parse().ok()?;
    let seconds = if number < MILLISECONDS_FROM { number } else { number / 1e3 };
    // Up to the year 9999, so the product is far inside the range.
    #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
    #[expect(clippy::cast_precision_loss, reason = "the constant is exact")]
    (seconds < 253_402_300_800.0).then_some((seconds * SECOND_US as f64) as i64)
}

fn decode(text: &str) -> Result<String, Reply> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let pair = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                let byte = pair.and_then(|pair| u8::try_from(pair).ok());
                byte.ok_or_else(|| bad("a % without two hexadecimal digits"))?
            }
            other => other,
        });
    }
    String::from_utf8(out).map_err(|_| bad("the query is not valid UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: &[&str] = &["bbox", "limit", "from"];

    fn read(text: &str) -> Query {
        Query::read(text, KNOWN).unwrap()
    }

    #[test]
    fn an_area_is_four_numbers_in_range() {
        let area = |text: &str| read(&format!("bbox={text}")).area();
        let crossing = area("170,-20,-170,20.5").unwrap();
        assert_eq!((crossing.min_lon, crossing.max_lon), (170.0, -170.0));
        assert!(area("%2d10%2C-5,10,5").is_ok());
        for bad in [
            "",
            "1,2,3",
            "1,2,3,4,5",
            "1,2,3,4,",
            "1,2,3,x",
            "1,2,3,nan",
            "1,20,3,4",
            "181,0,0,0",
            "0,-91,0,0",
            "inf,0,0,0",
            "1;2;3;4",
        ] {
            assert_eq!(area(bad).unwrap_err().status, 400, "{bad}");
        }
    }

    #[test]
    fn a_time_is_text_seconds_or_milliseconds() {
        let time = |text: &str| read(&format!("from={text}")).time("from");
        let expected = Some(1_700_000_000_000_000);
        for good in [
            "2023-11-14T22:13:20Z",
            "2023-11-14T23:13:20+01:00",
            "2023-11-14T23:13:20%2B01:00",
            "1700000000",
            "1700000000.0",
            "1700000000000",
        ] {
            assert_eq!(time(good).unwrap(), expected, "{good}");
        }
        for bad in
            ["", "yesterday", "2023-11-14", "-5", "1e9", "1700000000x", "99999999999999999999"]
        {
            assert_eq!(time(bad).unwrap_err().status, 400, "{bad}");
        }
        assert_eq!(read("").time("from").unwrap(), None);
    }

    #[test]
    fn what_is_unknown_doubled_or_broken_is_told() {
        for bad in ["x=1", "limit=1&limit=2", "limit=%zz", "limit=%f", "limit=%ff"] {
            assert!(Query::read(bad, KNOWN).is_err(), "{bad}");
        }
        for bad in ["0", "11", "-1", "1x", "", "+1", "99999999999999999999"] {
            assert!(read(&format!("limit={bad}")).limit(5, 10).is_err(), "{bad}");
        }
        assert_eq!(read("limit=10&").limit(5, 10).unwrap(), 10);
        assert_eq!(read("").limit(5, 10).unwrap(), 5);
    }

    #[test]
    fn an_mmsi_is_one_to_nine_digits() {
        assert_eq!(mmsi("244660000").unwrap(), 244_660_000);
        for bad in ["0", "1000000000", "24466000x", "", "-1", "%32"] {
            assert!(mmsi(bad).is_err(), "{bad}");
        }
    }
}

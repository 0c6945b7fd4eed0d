//! The table `messages`: types 4, 6, 8, 17, 20 and 21, whose fields are in JSON under gpsd's names.

use super::positions::{allow, walk};
use super::{Seen, Verdict, mmsi};
use crate::civil::Civil;
use crate::digest;
use crate::ledger::Other;
use crate::stored::{Outcome, StoredRows};
use serde_json::Value;
use std::collections::HashMap;

/// Compares rows above a number with what was sent, and with what may be there or not.
///
/// # Errors
/// When the table cannot be read.
pub fn compare(
    store: &mut dyn StoredRows,
    above: i64,
    seen: &mut Seen,
    (sent, perhaps): (&mut [Other], &[Other]),
) -> Outcome<Verdict> {
    let (mut read, mut unread) = (Vec::with_capacity(sent.len()), Unread::new());
    store.messages(above, &mut |row| {
        let (mmsi, msg_type) = (mmsi(row.mmsi), u8::try_from(row.msg_type).unwrap_or(u8::MAX));
        let when = seen.note(row.seq, (mmsi, msg_type), (row.time_us, row.received_us));
        let told = serde_json::from_slice(row.json).ok();
        match told.and_then(|json| digest_of(mmsi, msg_type, &json)) {
            Some(digest) => read.push(digest::dated(digest, when)),
            None => *unread.entry((mmsi, msg_type)).or_default() += 1,
        }
    })?;
    let digests = |others: &[Other]| others.iter().map(|it| it.digest).collect::<Vec<u64>>();
    let mut perhaps = digests(perhaps);
    let mut digests = digests(sent);
    allow(&mut digests, &mut perhaps, &mut read);
    let mut lost = Vec::new();
    let mut verdict = walk(&mut digests, &mut read, |digest| lost.push(digest));
    count_unread(sent, &lost, unread, &mut verdict);
    Ok(verdict)
}

type Unread = HashMap<(u32, u8), u64>;

/// Rows that could not be read stand for messages of the same ship and type that were not found.
fn count_unread(sent: &mut [Other], lost: &[u64], mut unread: Unread, verdict: &mut Verdict) {
    if unread.is_empty() {
        return;
    }
    sent.sort_unstable();
    for digest in lost {
        let at = sent.partition_point(|other| other.digest < *digest);
        let Some(other) = sent.get(at) else { continue };
        if let Some(count @ 1..) = unread.get_mut(&(other.mmsi, other.msg_type)) {
            *count -= 1;
            verdict.lost -= 1;
            verdict.stored += 1;
            verdict.by_count += 1;
        }
    }
    verdict.unexpected += unread.values().sum::<u64>();
}

/// The digest of a stored message; `None` when a field is missing.
fn digest_of(mmsi: u32, msg_type: u8, json: &Value) -> Option<u64> {
    let number = |name: &str| u32::try_from(json.get(name)?.as_u64()?).ok();
    let application = || Some(number("dac")? << 6 | number("fid")? & 63);
    Some(match msg_type {
        4 => {
            let (lon, lat) = (place(json, "lon")?, place(json, "lat")?);
            digest::base_station(mmsi, told(json)?, lon, lat)
        }
        6 => digest::binary(mmsi, 6, number("dest_mmsi")?, application()?, &data(json)?),
        8 => digest::binary(mmsi, 8, 0, application()?, &data(json)?),
        17 => {
            let place = [tenths_of_degree(json, "lon")?, tenths_of_degree(json, "lat")?];
            digest::corrections(mmsi, place, &data(json)?)
        }
        20 => digest::link_management(
            mmsi,
            number("offset1")?,
            number("number1")?,
            number("timeout1")?,
            number("increment1")?,
        ),
        21 => {
            let (lon, lat) = (place(json, "lon")?, place(json, "lat")?);
            let (bow, stern) = (number("to_bow")?, number("to_stern")?);
            let dimensions = [bow, stern, number("to_port")?, number("to_starboard")?];
            let name = json.get("name")?.as_str()?;
            let aid = digest::Aid { name, aid_type: number("aid_type")?, dimensions };
            digest::aid_to_navigation(mmsi, [lon, lat], number("second")?, aid)
        }
        _ => return None,
    })
}

/// Degrees, or 1/10 000 minutes: a number with a point, or a small one, is degrees.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is outside saturates and matches nothing"
)]
fn place(json: &Value, name: &str) -> Option<i32> {
    let value = json.get(name)?;
    match value.as_i64() {
        Some(units) if units.abs() > 181 => i32::try_from(units).ok(),
        _ => Some((value.as_f64()? * 600_000.0).round() as i32),
    }
}

/// Tenths of a degree, from degrees.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is outside saturates and matches nothing"
)]
fn tenths_of_degree(json: &Value, name: &str) -> Option<i32> {
    Some((json.get(name)?.as_f64()? * 10.0).round() as i32)
}

/// What a base station tells: one text, or its parts.
fn told(json: &Value) -> Option<i64> {
    if let Some(text) = json.get("timestamp").and_then(Value::as_str) {
        return Civil::parse(text).map(Civil::seconds);
    }
    let part = |name: &str| u32::try_from(json.get(name)?.as_u64()?).ok();
    let civil = Civil {
        year: part("year")?,
        month: part("month")?,
        day: part("day")?,
        hour: part("hour")?,
        minute: part("minute")?,
        second: part("second")?,
    };
    (civil.hour < 24 && civil.minute < 60).then(|| civil.seconds())
}

/// Application data: `256:3a53…` or `3a53…`.
fn data(json: &Value) -> Option<Vec<u8>> {
    let text = json.get("data")?.as_str()?;
    let digits = text.split_once(':').map_or(text, |(_, digits)| digits).as_bytes();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok())
        .collect()
}

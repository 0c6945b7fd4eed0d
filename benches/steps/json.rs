//! How long does it take to write a message as JSON, and to read a report that came as JSON?
//!
//! `write` decodes as well; `read` are objects as the load test of the backend before posted them. An element is a message.

use std::hint::black_box;

use aisd::ais::{JsonMeta, Scratch, decode};
use aisd::feed::json::{Dialect, read};
use aisd::report::Place;

use crate::case::{Case, Prepared};
use crate::traffic;

const READS: u64 = 10_000;

pub fn cases() -> Vec<Case> {
    vec![
        Case::new("json/write, unscaled", || write(false)),
        Case::new("json/write, scaled", || write(true)),
        Case::new("json/read", || {
            let texts: Vec<String> = (0..READS).map(text).collect();
            Prepared::new(texts.len(), move || {
                for text in &texts {
                    assert!(black_box(read(black_box(text), Dialect::Any)).is_ok(), "{text}");
                }
            })
        }),
    ]
}

fn write(scaled: bool) -> Prepared {
    let messages = traffic::messages();
    let (mut scratch, mut out) = (Scratch::new(), Vec::with_capacity(4096));
    Prepared::new(messages.len(), move || {
        for message in &messages {
            if let Ok(message) = decode(&message.payload, message.fill, &mut scratch) {
                out.clear();
                message.write_json(scaled, &JsonMeta::default(), &mut out);
                black_box(out.len());
            }
        }
    })
}

fn text(number: u64) -> String {
    let row = traffic::row(number);
    let place = row.position.place;
    let (lat, lon) = place.map_or((0.0, 0.0), |it: Place| (it.lat_degrees(), it.lon_degrees()));
    format!(
        r#"{{"mmsi":{},"latitude":{lat:.7},"longitude":{lon:.7},"speed":{}.{},"course":{}.{},"timestamp":"2023-11-14T22:13:{:02}.{:03}Z"}}"#,
        row.origin.mmsi,
        number % 20,
        number % 10,
        number % 359,
        number % 10,
        number / 1000 % 60,
        number % 1000,
    )
}

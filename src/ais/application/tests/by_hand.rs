//! The messages that nobody recorded, against bits made by hand from their definitions.

use serde_json::{Value, json};

use super::written;

/// A message by hand: so many zero bits of header, then values with their widths.
fn made(header: usize, fields: &[(i64, usize)]) -> Vec<bool> {
    let mut bits = vec![false; header];
    for &(value, width) in fields {
        bits.extend((0..width).rev().map(|at| value >> at.min(63) & 1 == 1));
    }
    bits
}

/// Six-bit text as one value, for [`made`], blanks as `@`.
fn letters(text: &str) -> (i64, usize) {
    let value = text.bytes().fold(0, |value, byte| value << 6 | i64::from(byte & 63));
    (value, text.len() * 6)
}

/// One message, scaled and unscaled.
fn both(kind: u64, dac: u64, fi: u64, bits: &[bool]) -> (Value, Value) {
    let one = |scaled| written(kind, dac, fi, bits, scaled).unwrap_or(Value::Null);
    (one(true), one(false))
}

#[test]
fn a_route_has_the_waypoints_it_counts_and_no_more() {
    let fields = [
        (5, 10),
        (1, 3),
        (31, 5),
        (7, 4),
        (14, 5),
        (9, 5),
        (5, 6),
        (90, 18),
        (2, 5),
        (600_000, 28),
        (-300_000, 27),
        (1, 28),
        (2, 27),
        (3, 28),
        (4, 27),
    ];
    for (kind, fi, header) in [(6, 28, 88), (8, 27, 56)] {
        let (scaled, raw) = both(kind, 1, fi, &made(header, &fields));
        assert_eq!(scaled["rtype_text"], "Cancel route identified by message linkage");
        assert_eq!(scaled["start"], "07-14T09:05Z");
        assert_eq!(scaled["waypoints"][0], json!({"lon": 1.0, "lat": -0.5}));
        assert_eq!(
            raw["waypoints"],
            json!([{"lon": 600_000, "lat": -300_000}, {"lon": 1, "lat": 2}])
        );
    }
}

#[test]
fn a_waypoint_that_never_arrived_is_not_made_up() {
    let (scaled, _) = both(8, 1, 27, &made(56, &[(0, 56), (31, 5), (600_000, 28), (0, 27)]));
    assert_eq!(scaled["waypoints"].as_array().map(Vec::len), Some(1));
}

#[test]
fn cargo_is_listed_to_the_last_whole_entry_and_filling_bits_are_none() {
    let bits = made(88, &[(1, 2), (500, 10), (2, 4), (7_000, 13), (3, 4), (1, 13), (0, 4)]);
    let expected = json!({
        "unit": 1, "amount": 500,
        "cargos": [{"code": 2, "subtype": 7_000}, {"code": 3, "subtype": 1}],
    });
    assert_eq!(both(6, 1, 25, &bits), (expected.clone(), expected));
}

#[test]
fn a_berth_tells_its_mooring_services_and_depth() {
    let fields = [(9, 10), (200, 9), (105, 8), (5, 3), (12, 4), (3, 5), (4, 5), (5, 6), (1, 1)];
    let mut bits = made(88, &fields);
    bits.extend(made(0, &[(0b10_01, 4), (0, 48), letters("QUAY@@@@"), (0, 72)]));
    bits.extend(made(0, &[(60_000, 25), (-30_000, 24)]));
    let (scaled, raw) = both(6, 1, 20, &bits);
    assert_eq!(scaled["position_text"], "Anchorage");
    assert_eq!(scaled["arrival"], "12-3T4:5");
    assert_eq!((&scaled["agent"], &scaled["fuel"]), (&json!(2), &json!(1)));
    assert_eq!(scaled["berth_name"], "QUAY");
    assert_eq!(scaled["berth_depth"], json!(10.5));
    assert_eq!(raw["berth_depth"], json!(105));
    assert_eq!(scaled["berth_lon"], json!(1.0));
    assert_eq!(raw["berth_lat"], json!(-30_000));
}

#[test]
fn targets_are_known_by_number_or_by_name() {
    let place = [(0, 4), (30_000, 24), (60_000, 25), (90, 9), (30, 6), (120, 10)];
    let mut bits = made(56, &[(0, 2), (244_660_000, 42)]);
    bits.extend(made(0, &place));
    bits.extend(made(0, &[(2, 2), letters("PA1234@")]));
    bits.extend(made(0, &place));
    let (scaled, raw) = both(8, 1, 17, &bits);
    assert_eq!(
        raw["targets"][0],
        json!({
            "idtype": 0, "idtype_text": "mmsi", "mmsi": "244660000",
            "lat": 30_000, "lon": 60_000, "course": 90, "second": 30, "speed": 120,
        })
    );
    assert_eq!(scaled["targets"][1]["callsign"], "PA1234");
    assert_eq!(scaled["targets"][1]["lat"], json!(0.5));
    assert_eq!(scaled["targets"].as_array().map(Vec::len), Some(2));
}

#[test]
fn a_closed_fairway_writes_month_before_day() {
    let bits = made(
        416,
        &[(10, 10), (2, 2), (4, 5), (5, 4), (6, 5), (7, 6), (8, 5), (9, 4), (10, 5), (11, 6)],
    );
    let (scaled, _) = both(8, 1, 13, &bits);
    assert_eq!(
        scaled,
        json!({
            "reason": "", "closefrom": "", "closeto": "", "radius": 10, "extunit": 2,
            "from": "05-04T06:07", "to": "09-08T10:11",
        })
    );
}

#[test]
fn a_marine_signal_tells_what_comes_next() {
    let mut bits = made(56, &[(1, 10), letters("STATION@"), (0, 72)]);
    bits.extend(made(0, &[(60_000, 25), (30_000, 24), (1, 2), (9, 5), (8, 5), (7, 6), (15, 5)]));
    let (scaled, raw) = both(8, 1, 19, &bits);
    assert_eq!(scaled["station"], "STATION");
    assert_eq!(scaled["signal_text"], "I = \"in-bound\" only acceptable.");
    assert_eq!(scaled["nextsignal_text"], "INVALID SIGNAL TYPE");
    assert_eq!((&scaled["lat"], &raw["lat"]), (&json!(0.5), &json!(30_000)));
}

#[test]
fn a_weather_warning_has_both_its_dates_and_places() {
    let bits = made(
        56,
        &[
            (11, 8),
            (2, 4),
            (3, 5),
            (12, 8),
            (4, 4),
            (5, 5),
            (6, 5),
            (7, 6),
            (8, 5),
            (9, 6),
            (600_000, 28),
            (300_000, 27),
            (-600_000, 28),
            (-300_000, 27),
            (4, 4),
            (-10, 9),
            (20, 9),
            (2, 2),
            (8, 4),
            (0, 6),
        ],
    );
    let (scaled, _) = both(8, 200, 23, &bits);
    assert_eq!(
        scaled,
        json!({
            "start": "2011-02-03T06:07", "end": "2012-04-05T08:09",
            "start_lon": 1.0, "start_lat": 0.5, "end_lon": -1.0, "end_lat": -0.5,
            "type": 4, "type_text": "Thunderstorm", "min": -10, "max": 20,
            "class": 2, "class_text": "Strong", "wind": 8, "wind_text": "North West",
        })
    );
}

#[test]
fn four_gauges_tell_their_water_levels() {
    let bits = made(
        56,
        &[letters("NL"), (1, 11), (-50, 14), (2, 11), (50, 14), (3, 11), (0, 14), (4, 11), (1, 14)],
    );
    let (scaled, _) = both(8, 200, 24, &bits);
    assert_eq!(scaled["country"], "NL");
    assert_eq!(scaled["gauges"][0], json!({"id": 1, "level": -50}));
    assert_eq!(scaled["gauges"].as_array().map(Vec::len), Some(4));
    assert!(written(8, 200, 24, &bits[..160], true).is_none());
}

#[test]
fn an_inland_arrival_is_estimated_and_answered() {
    let place =
        [letters("NL"), letters("RTM"), letters("00123"), letters("LEUVE"), letters("00010")];
    let mut bits = made(88, &place);
    bits.extend(made(0, &[(6, 4), (7, 5), (8, 5), (9, 6)]));
    let mut estimated = bits.clone();
    estimated.extend(made(0, &[(3, 3), (910, 12), (0, 5)]));
    let (scaled, _) = both(6, 200, 21, &estimated);
    assert_eq!(
        scaled,
        json!({
            "country": "NL", "locode": "RTM", "section": "00123", "terminal": "LEUVE",
            "hectometre": "00010", "eta": "6-7T8:9", "tugs": 3, "airdraught": 910,
        })
    );
    bits.extend(made(0, &[(1, 2), (0, 2)]));
    let (scaled, _) = both(6, 200, 22, &bits);
    assert_eq!(scaled["status_text"], "Limited operation");
}

#[test]
fn an_inland_signal_tells_for_whom_it_shines() {
    let bits = made(56, &[(600_000, 28), (300_000, 27), (3, 4), (90, 9), (2, 3), (4, 30), (0, 11)]);
    let (scaled, _) = both(8, 200, 40, &bits);
    assert_eq!(
        scaled,
        json!({
            "lon": 1.0, "lat": 0.5, "form": 3, "facing": 90, "direction": 2,
            "direction_text": "Downstream", "status": 4, "status_text": "Green",
        })
    );
}

#[test]
fn persons_and_air_draught_are_read_where_the_circulars_put_them() {
    assert_eq!(both(6, 1, 16, &made(88, &[(12, 13), (0, 35)])).0, json!({"persons": 12}));
    assert_eq!(both(8, 1, 16, &made(56, &[(12, 13), (0, 3)])).0, json!({"persons": 12}));
    assert!(written(8, 1, 16, &made(56, &[(12, 13), (0, 107)]), true).is_none());
    assert_eq!(both(6, 1, 15, &made(88, &[(45, 11), (0, 5)])).0, json!({"airdraught": 45}));
    assert_eq!(both(8, 1, 15, &made(56, &[(45, 11), (0, 5)])).0, json!({"airdraught": 45}));
}

#[test]
fn text_runs_to_the_end_of_the_message() {
    for (kind, fi, header) in [(6, 30, 88), (8, 29, 56)] {
        let bits = made(header, &[(7, 10), letters("HELLO"), letters("WORLD"), (0, 2)]);
        let expected = json!({"linkage": 7, "text": "HELLOWORLD"});
        assert_eq!(both(kind, 1, fi, &bits).0, expected);
    }
}

#[test]
fn an_inland_ship_with_an_impossible_hazard_stays_raw() {
    let with = |hazard| made(56, &[(0, 48), (0, 37), (hazard, 3), (0, 24)]);
    assert!(written(8, 200, 10, &with(5), true).is_some());
    assert!(written(8, 200, 10, &with(6), true).is_none());
}

#[test]
fn a_water_level_between_two_decimetres_falls_as_gpsd_prints_it() {
    let level = |raw| {
        let bits = made(201, &[(raw, 12), (0, 147)]);
        both(8, 1, 31, &bits).0["waterlevel"].clone()
    };
    assert_eq!(level(4_001), json!(30.0));
    assert_eq!(level(1_025), json!(0.2));
    assert_eq!(level(1_535), json!(5.3));
    assert_eq!(level(975), json!(-0.2));
}

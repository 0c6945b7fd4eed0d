//! Every name, rule and hole of the replaced backend's table, and what is told of AIS-catcher.

use super::fields::NAMES;
use super::*;
use crate::report::Text;

const TIME: i64 = 1_762_596_000_000_000;

fn any(text: &str) -> Result<Entry, Reject> {
    read(text, Dialect::Any)
}

/// A good report but for these fields; a field that is named replaces the good one.
fn with(fields: &str) -> Result<Entry, Reject> {
    let good = [("mmsi", "244660000"), ("lat", "51.5"), ("lon", "4.25"), ("ts", "1762596000")];
    let named = |name: &str| fields.contains(&format!("\"{name}\":"));
    let mut all: Vec<String> = good
        .iter()
        .filter(|(name, _)| !named(name))
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    all.extend((!fields.is_empty()).then(|| fields.to_owned()));
    any(&format!("{{{}}}", all.join(",")))
}

fn position(fields: &str) -> Position {
    with(fields).unwrap().told.position.unwrap()
}

#[test]
fn the_load_test_of_the_backend_before_is_read() {
    let entry =
        any(r#"{"mmsi":"244660000","latitude":51.5,"longitude":-4.25,"speed":12.34,"course":271.5,
            "timestamp":"2025-11-08T10:00:00.000Z"}"#)
        .unwrap();
    let position = entry.told.position.unwrap();
    assert_eq!((entry.told.mmsi, entry.sent_us, entry.unusable), (244_660_000, TIME, 0));
    assert_eq!(position.place, Place::new(-2_550_000, 30_900_000));
    assert_eq!((position.sog, position.cog, position.heading), (Some(123), Some(2715), None));
    assert_eq!((position.msg_type, entry.told.data), (0, None));
}

#[test]
fn every_name_of_a_field_is_known_and_the_first_that_says_something_counts() {
    for (field, names) in NAMES {
        let (value, other) = match field {
            Field::Mmsi => ("244660001", "244660002"),
            Field::Time => ("\"2025-11-08T10:00:01Z\"", "\"2025-11-08T10:00:02Z\""),
            Field::Callsign | Field::Name | Field::Destination => ("\"A\"", "\"B\""),
            Field::Accuracy | Field::Raim => ("true", "false"),
            Field::Type => continue,
            _ => ("7", "8"),
        };
        let plain = [("mmsi", "1234567"), ("lat", "1"), ("lon", "1"), ("ts", "1762596000")];
        let rest: String = plain
            .iter()
            .filter(|(name, _)| !names.contains(name))
            .map(|(name, value)| format!(",\"{name}\":{value}"))
            .collect();
        let told = |own: String| any(&format!("{{{own}{rest}}}")).unwrap();
        let expected = told(format!("\"{}\":{value}", names[0]));
        for (rank, name) in names.iter().enumerate() {
            assert_eq!(told(format!("\"{name}\":{value}")), expected, "{name}");
            for later in &names[rank + 1..] {
                let both = told(format!("\"{later}\":{other},\"{name}\":{value}"));
                assert_eq!(both, expected, "{name} before {later}");
                for nothing in ["null", "\"\"", "\" \""] {
                    let second = told(format!("\"{name}\":{nothing},\"{later}\":{value}"));
                    assert_eq!(second, expected, "{name} {nothing}, {later}");
                }
            }
        }
    }
}

/// The names of the backend that aisd replaces, written down apart from those that the code knows.
#[test]
fn every_name_that_the_replaced_backend_took_is_taken() {
    let rows: &[(&str, Field, &str)] = &[
        ("lat latitude Lat LAT", Field::Lat, "7"),
        ("lon lng longitude Lon LON LONGITUDE long Long", Field::Lon, "7"),
        ("mmsi MMSI Mmsi shipMMSI ShipMMSI", Field::Mmsi, "244660001"),
        (
            "ts time observedAt datetime updatetime updateTime UpdateTime lastSeen timestamp",
            Field::Time,
            "1762596001",
        ),
        ("imo IMO Imo", Field::Imo, "9074729"),
        ("callsign CallSign call_sign CALLSIGN", Field::Callsign, "\"ABC\""),
        ("name Name shipName ShipName", Field::Name, "\"ABC\""),
        ("speed SOG sog Speed SPEED", Field::Speed, "7"),
        ("course COG cog Course COURSE", Field::Course, "7"),
        ("heading Heading HEADING", Field::Heading, "7"),
        ("status nav_status Status STATUS navStatus navigationalStatus", Field::Status, "7"),
    ];
    let plain = [("mmsi", "1234567"), ("lat", "1"), ("lon", "1"), ("ts", "1762596000")];
    for (names, field, value) in rows {
        let rest: String = plain
            .iter()
            .filter(|(name, _)| !names.split(' ').any(|other| other == *name))
            .map(|(name, value)| format!(",\"{name}\":{value}"))
            .collect();
        let told = |name: &str| any(&format!("{{\"{name}\":{value}{rest}}}"));
        let first = told(names.split(' ').next().unwrap());
        assert!(first.is_ok_and(|entry| entry.unusable == 0), "{names}");
        for name in names.split(' ') {
            assert_eq!(told(name), first, "{name}");
            let known =
                NAMES.iter().find(|(_, names)| names.contains(&name)).map(|(field, _)| field);
            assert_eq!(known, Some(field), "{name}");
        }
    }
}

#[test]
fn a_place_is_two_numbers_on_the_globe() {
    let check = |lat: &str, lon: &str, expected: Result<(i32, i32), Reject>| {
        let found = with(&format!("\"lat\":{lat},\"lon\":{lon}"))
            .map(|entry| entry.told.position.unwrap().place.unwrap())
            .map(|place| (place.lat, place.lon));
        assert_eq!(found, expected, "{lat} {lon}");
    };
    check("51.5", "4", Ok((30_900_000, 2_400_000)));
    check("\"51.5\"", "\" 4 \"", Ok((30_900_000, 2_400_000)));
    check("-90", "180", Ok((-54_000_000, 108_000_000)));
    check("0", "0", Ok((0, 0)));
    // The backend took "" for 0, true for 1 and [5] for 5.
    for bad in [
        "\"\"",
        "true",
        "[5]",
        "{\"a\":5}",
        "\"0x10\"",
        "\"NaN\"",
        "\"inf\"",
        "\"5,1\"",
        "\"north\"",
        "null",
        "90.0001",
        "-91",
        "91",
        "1e300",
    ] {
        check(bad, "4", Err(Reject::Position));
        if bad != "90.0001" && bad != "-91" && bad != "91" {
            check("4", bad, Err(Reject::Position));
        }
    }
    check("4", "180.1", Err(Reject::Position));
    // Nothing is told of a place, and nothing else is told either.
    check("null", "null", Err(Reject::Position));
    check("91", "181", Err(Reject::Position));
}

#[test]
fn an_mmsi_is_seven_to_nine_digits() {
    let check = |mmsi: &str, expected: Option<u32>| {
        let found = with(&format!("\"mmsi\":{mmsi}")).map(|entry| entry.told.mmsi);
        assert_eq!(found, expected.ok_or(Reject::Mmsi), "{mmsi}");
    };
    check("244660000", Some(244_660_000));
    check("244660000.0", Some(244_660_000));
    check("\"244660000\"", Some(244_660_000));
    check("\"MMSI 244-660-000\"", Some(244_660_000));
    check("\"001234567\"", Some(1_234_567));
    check("1234567", Some(1_234_567));
    for bad in [
        "123456",
        "\"0000000\"",
        "\"000000000\"",
        "999999999",
        "\"9999999\"",
        "2446600001",
        "-244660000",
        "\"-244660000\"",
        "2446600.5",
        "\"2446600.5\"",
        "true",
        "[244660000]",
        "null",
        "\"\"",
        "\"ship\"",
        "18446744073709551615",
    ] {
        check(bad, None);
    }
}

#[test]
fn a_time_is_a_number_since_1970_or_a_date() {
    let check = |time: &str, expected: Result<i64, Reject>| {
        let found = with(&format!("\"ts\":{time}")).map(|entry| entry.sent_us);
        assert_eq!(found, expected, "{time}");
    };
    for good in [
        "1762596000",
        "1762596000.0",
        "1762596000000",
        "\"1762596000\"",
        "\"1762596000000\"",
        "\"2025-11-08T10:00:00Z\"",
        "\"2025-11-08T10:00:00\"",
        "\"2025-11-08 10:00:00\"",
        "\"2025-11-08T11:00:00+01:00\"",
        "\"2025-11-08 10:00:00.000000000 +0000 UTC\"",
        "\"2025-11-08 10:00:00 UTC\"",
        "\"20251108100000\"",
        "20251108100000",
        "\"2025/11/08 10:00:00\"",
        "\"Sat, 08 Nov 2025 10:00:00 GMT\"",
    ] {
        check(good, Ok(TIME));
    }
    check("1762596000.25", Ok(TIME + 250_000));
    check("\"2025-11-08 10:00:00.123456789 +0000 UTC\"", Ok(TIME + 123_456));
    // The backend took these for months, years and dates; now they are moments after 1970, which are refused for their age.
    check("7", Ok(7_000_000));
    check("\"2025\"", Ok(2_025_000_000));
    check("-5", Ok(-5));
    for bad in
        ["\"yesterday\"", "\"2025-11-08\"", "\"2025-02-30T10:00:00Z\"", "true", "{}", "\"1e9\""]
    {
        check(bad, Err(Reject::TimeUnparsable));
    }
    check("null", Err(Reject::TimeMissing));
    check("\"\"", Err(Reject::TimeMissing));
}

#[test]
fn a_second_of_the_minute_is_no_time() {
    let read = |fields: &str| any(&format!("{{\"mmsi\":1234567,\"lat\":1,\"lon\":1,{fields}}}"));
    assert_eq!(read("\"timestamp\":44"), Err(Reject::TimeMissing));
    assert_eq!(read("\"timestamp\":\"63\""), Err(Reject::TimeMissing));
    assert_eq!(read("\"timestamp\":44,\"time\":1762596000").unwrap().sent_us, TIME);
    assert_eq!(read("\"timestamp\":1762596000").unwrap().sent_us, TIME);
}

#[test]
fn what_ais_calls_not_available_is_absent_and_what_cannot_be_is_counted() {
    let check = |fields: &str, read: fn(&Position) -> Option<u16>, expected, unusable| {
        let entry = with(fields).unwrap();
        assert_eq!(read(&entry.told.position.unwrap()), expected, "{fields}");
        assert_eq!(entry.unusable, unusable, "{fields}");
    };
    let sog: fn(&Position) -> _ = |it| it.sog;
    let cog: fn(&Position) -> _ = |it| it.cog;
    let heading: fn(&Position) -> _ = |it| it.heading;
    check("\"speed\":12.3", sog, Some(123), 0);
    check("\"speed\":\"12.3\"", sog, Some(123), 0);
    check("\"speed\":0", sog, Some(0), 0);
    check("\"speed\":102.2", sog, Some(1022), 0);
    // The backend dropped the whole report for these.
    check("\"speed\":102.3", sog, None, 0);
    check("\"speed\":102.300003", sog, None, 0);
    check("\"speed\":102.30000305175781", sog, None, 0);
    check("\"speed\":95", sog, Some(950), 0);
    check("\"speed\":\"\"", sog, None, 0);
    check("\"speed\":null", sog, None, 0);
    check("\"speed\":\"fast\"", sog, None, 1);
    check("\"speed\":-1", sog, None, 1);
    check("\"speed\":true", sog, None, 1);
    check("\"speed\":[1]", sog, None, 1);
    check("\"course\":359.9", cog, Some(3599), 0);
    check("\"course\":359.97", cog, Some(0), 0);
    check("\"course\":360", cog, None, 0);
    check("\"course\":361", cog, None, 1);
    check("\"heading\":511", heading, None, 0);
    check("\"heading\":360", heading, Some(0), 0);
    check("\"heading\":\"90\"", heading, Some(90), 0);
    check("\"heading\":400", heading, None, 1);
    let status: fn(&Position) -> _ = |it| it.nav_status.map(u16::from);
    check("\"status\":0", status, Some(0), 0);
    check("\"status\":\"5\"", status, Some(5), 0);
    check("\"status\":\"under way using engine\"", status, Some(0), 0);
    check("\"status\":15", status, None, 0);
    check("\"status\":16", status, None, 1);
    check("\"status\":\"asleep\"", status, None, 1);
}

#[test]
fn what_a_vessel_says_of_itself_comes_along_or_alone() {
    let entry = with(r#""name":" EVER GIVEN@@ ","callsign":"H3RC","imo":"IMO 9811000""#).unwrap();
    let data = entry.told.data.unwrap();
    assert_eq!(data.name, Text::new(b"EVER GIVEN"));
    assert_eq!((data.callsign, data.imo), (Text::new(b"H3RC"), Some(9_811_000)));
    assert_eq!(with(r#""name":"","imo":0,"callsign":null"#).unwrap().told.data, None);
    let long = with(r#""name":"A NAME THAT IS LONGER THAN AIS HAS ROOM""#).unwrap();
    assert_eq!(long.told.data.unwrap().name, Text::new(b"A NAME THAT IS LONGE"));
    let foreign = with(r#""name":"M\u00dcNCHEN\n","callsign":12345"#).unwrap().told.data.unwrap();
    assert_eq!((foreign.name, foreign.callsign), (Text::new(b"M?NCHEN"), Text::new(b"12345")));
    let alone = any(r#"{"mmsi":244660000,"name":"SPES","time":1762596000}"#).unwrap();
    assert_eq!(alone.told.position, None);
    assert_eq!(alone.told.data.unwrap().name, Text::new(b"SPES"));
}

#[test]
fn a_decoder_tells_its_types() {
    let decoder = |text: &str| read(text, Dialect::Decoder);
    let position = r#"{"class":"AIS","device":"AIS-catcher","rxtime":"20251108100000","scaled":true,"channel":"A","type":1,"mmsi":244030470,
        "status":0,"status_text":"Under way using engine","speed":6.8,"accuracy":true,"lon":5.964237,"lat":51.18597,"course":90.800003,
        "heading":511,"repeat":0,"second":44,"maneuver":0,"raim":false,"radio":67262}"#;
    let entry = decoder(position).unwrap();
    let told = entry.told.position.unwrap();
    assert_eq!((entry.sent_us, entry.unusable, told.msg_type), (TIME, 0, 1));
    assert_eq!((told.sog, told.cog, told.heading), (Some(68), Some(908), None));
    assert!(told.accurate && !told.raim);
    let voyage = r#"{"rxuxtime":1762596000.5,"type":5,"mmsi":244030470,"imo":9811000,"callsign":"H3RC","shipname":"EVER GIVEN","shiptype":70,
        "to_bow":200,"to_stern":199,"to_port":29,"to_starboard":30,"draught":15.7,"destination":"NL RTM"}"#;
    let entry = decoder(voyage).unwrap();
    let data = entry.told.data.unwrap();
    assert_eq!((entry.sent_us, data.msg_type, entry.told.position), (TIME + 500_000, 5, None));
    assert_eq!((data.ship_type, data.draught), (Some(70), Some(157)));
    assert_eq!(data.dimensions, Some([200, 199, 29, 30]));
    assert_eq!(data.destination, Text::new(b"NL RTM"));
    // A long-range report knows no speed at 63 knots, where others sail.
    let long_range = |kind: u8| {
        let text = format!(
            r#"{{"rxuxtime":1762596000,"type":{kind},"mmsi":244030470,"lat":51,"lon":4,"speed":63}}"#
        );
        decoder(&text).unwrap().told.position.unwrap().sog
    };
    assert_eq!((long_range(27), long_range(1)), (None, Some(630)));
    let station = r#"{"rxuxtime":1762596000,"type":4,"mmsi":2442000,"lat":51,"lon":4}"#;
    assert_eq!(decoder(station), Err(Reject::SentenceMissing));
    assert!(any(station).is_ok(), "anybody else's type means something else");
}

#[test]
fn what_is_no_object_is_no_report() {
    for text in ["", "5", "[]", "\"x\"", "null", "{", "{\"mmsi\":}", "{\"mmsi\":1} x", "{mmsi:1}"] {
        assert_eq!(any(text), Err(Reject::Json), "{text}");
    }
    assert_eq!(any("{}"), Err(Reject::Mmsi));
    assert_eq!(position("\"more\":{\"mm\":[1,{\"la\":2}]}").sog, None);
    assert_eq!(
        any(r#"{"m\u006dsi":244660000,"lat":1,"lon":2,"ts":1762596000}"#).unwrap().told.mmsi,
        244_660_000
    );
}

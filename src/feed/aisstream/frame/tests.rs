//! Every message of aisstream.io, decoded like one that came as NMEA.

use proptest::prelude::*;
use serde_json::json;

use super::super::field::{Field, Kind};
use super::super::layout::LAYOUTS;
use super::*;
use crate::ais::{self, JsonMeta, Scratch};

const TIME: &str = "2026-10-03 08:43:43.563705035 +0000 UTC";

fn frame(name: &str, message: &Value) -> Vec<u8> {
    json!({
        "MessageType": name,
        "MetaData": {"MMSI": 244_000_001, "ShipName": "X", "time_utc": TIME},
        "Message": {name: message},
    })
    .to_string()
    .into_bytes()
}

/// The report of a frame, as our own decoder tells it.
fn decoded(bytes: &[u8]) -> Value {
    let mut payload = Payload::default();
    let Ok(Frame::Report { fill, .. }) = read(bytes, &mut payload) else {
        panic!("{}", String::from_utf8_lossy(bytes));
    };
    let (mut scratch, mut out) = (Scratch::default(), Vec::new());
    let message = ais::decode(payload.chars(), fill, &mut scratch).unwrap();
    message.write_json(true, &JsonMeta::default(), &mut out);
    serde_json::from_slice(&out).unwrap()
}

/// What is sent under a name, and what must be told of it.
fn check(name: &str, message: Value, expected: Value) {
    let mut message = message;
    message["UserID"] = json!(244_000_001);
    let told = decoded(&frame(name, &message));
    assert_eq!(told["mmsi"], 244_000_001, "{name}");
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&told[field], value, "{name}: {field} of {told}");
    }
}

/// Frames and payloads of the same transmissions, from receivers whose answers are known: the payload is made again to the
/// last bit.
#[test]
fn the_payload_is_the_one_that_was_on_the_air() {
    let mut payload = Payload::default();
    let position = json!({
        "MessageID": 1, "RepeatIndicator": 0, "UserID": 477_553_000, "Valid": true,
        "NavigationalStatus": 5, "RateOfTurn": 0, "Sog": 0, "PositionAccuracy": false,
        "Longitude": -122.345_833_333_333_33, "Latitude": 47.582_833_333_333_33, "Cog": 51,
        "TrueHeading": 181, "Timestamp": 15, "SpecialManoeuvreIndicator": 0, "Spare": 0,
        "Raim": false, "CommunicationState": 149_208,
    });
    let read = read(&frame("PositionReport", &position), &mut payload).unwrap();
    let sent_us = Some(1_791_017_023_563_705);
    assert_eq!(read, Frame::Report { mmsi: 477_553_000, sent_us, fill: 0 });
    assert_eq!(payload.chars(), b"177KQJ5000G?tO`K>RA1wUbN0TKH");
}

#[test]
fn positions_keep_their_units_and_what_is_not_available_is_absent() {
    let full = json!({
        "MessageID": 3, "NavigationalStatus": 0, "RateOfTurn": -4, "Sog": 12.3,
        "PositionAccuracy": true, "Longitude": 4.25, "Latitude": -51.5, "Cog": 78.9,
        "TrueHeading": 80, "Timestamp": 43, "SpecialManoeuvreIndicator": 1, "Raim": true,
    });
    check(
        "PositionReport",
        full,
        json!({"type": 3, "speed": 12.3, "course": 78.9, "heading": 80, "lon": 4.25, "lat": -51.5,
               "second": 43, "raim": true, "accuracy": true}),
    );
    // As sent for "not available", and left out altogether.
    let told = json!({
        "NavigationalStatus": 15, "RateOfTurn": -128, "Sog": 102.3, "Longitude": 181,
        "Latitude": 91, "Cog": 360, "TrueHeading": 511, "Timestamp": 60,
    });
    for message in [told, json!({})] {
        let mut payload = Payload::default();
        let Ok(Frame::Report { fill, .. }) = read(&frame("PositionReport", &message), &mut payload)
        else {
            panic!("{message}");
        };
        let mut scratch = Scratch::default();
        let position =
            ais::decode(payload.chars(), fill, &mut scratch).unwrap().position().unwrap();
        assert_eq!((position.place, position.sog, position.cog), (None, None, None));
        assert_eq!((position.heading, position.rot, position.utc_second), (None, None, None));
    }
    let class_b = json!({"Sog": 5.1, "Longitude": 24.9, "Latitude": 60.1, "Cog": 1.5, "TrueHeading": 2,
                         "Timestamp": 3, "ClassBUnit": true, "ClassBMsg22": true});
    let of_class_b =
        json!({"type": 18, "speed": 5.1, "lon": 24.9, "lat": 60.1, "cs": true, "msg22": true});
    check("StandardClassBPositionReport", class_b, of_class_b);
    let rescue =
        json!({"Altitude": 303, "Sog": 140, "Longitude": -6.5, "Latitude": 58.25, "Cog": 154.5});
    check(
        "StandardSearchAndRescueAircraftReport",
        rescue,
        json!({"type": 9, "alt": 303, "speed": 140, "lon": -6.5, "course": 154.5}),
    );
    let far = json!({"Longitude": 137.023_333_333_333_34, "Latitude": 4.84, "Sog": 57, "Cog": 167,
                     "NavigationalStatus": 2, "PositionLatency": false});
    check(
        "LongRangeAisBroadcastMessage",
        far,
        json!({"type": 27, "speed": 57, "course": 167, "lat": 4.84, "lon": 137.0233}),
    );
}

#[test]
fn static_data_of_both_classes_are_told_whole() {
    let dimension = json!({"A": 23, "B": 166, "C": 17, "D": 12});
    check(
        "ShipStaticData",
        json!({
            "MessageID": 5, "ImoNumber": 8_719_188, "CallSign": "OIZS   ", "Name": "VIKING CINDERELLA   ",
            "Type": 60, "Dimension": dimension, "FixType": 1, "MaximumStaticDraught": 6.7,
            "Eta": {"Month": 10, "Day": 3, "Hour": 7, "Minute": 10}, "Destination": "FIHEL<>SESTO",
        }),
        json!({"type": 5, "imo": 8_719_188, "callsign": "OIZS", "shipname": "VIKING CINDERELLA",
               "shiptype": 60, "to_bow": 23, "to_stern": 166, "to_port": 17, "to_starboard": 12,
               "draught": 6.7, "eta": "10-03T07:10Z", "destination": "FIHEL<>SESTO"}),
    );
    let (first, second) = (json!({"Valid": true, "Name": "PATRICE"}), json!({"Valid": false}));
    let part_a = json!({"PartNumber": false, "ReportA": first, "ReportB": second});
    check("StaticDataReport", part_a, json!({"type": 24, "shipname": "PATRICE"}));
    let second = json!({"Valid": true, "ShipType": 37, "VendorIDName": "SRT", "VenderIDModel": 1,
                        "VenderIDSerial": 5, "CallSign": "OS1234", "Dimension": dimension});
    let part_b = json!({"PartNumber": true, "ReportA": {"Valid": false}, "ReportB": second});
    let told = json!({"type": 24, "shiptype": 37, "callsign": "OS1234", "to_bow": 23});
    check("StaticDataReport", part_b, told);
    let extended = json!({"Name": "ARIEL@@@@", "Type": 36, "Sog": 5.2, "Longitude": 24.9,
                          "Latitude": 60.1, "Dimension": dimension});
    let told = json!({"type": 19, "shipname": "ARIEL", "speed": 5.2, "shiptype": 36});
    check("ExtendedClassBPositionReport", extended, told);
}

#[test]
fn stations_aids_and_what_they_command_are_told() {
    let base = json!({"MessageID": 11, "UtcYear": 2026, "UtcMonth": 10, "UtcDay": 3, "UtcHour": 8,
                      "UtcMinute": 43, "UtcSecond": 1, "Longitude": 1.5, "Latitude": 50, "FixType": 7});
    let told = json!({"type": 11, "timestamp": "2026-10-03T08:43:01Z", "lon": 1.5, "epfd": 7});
    check("BaseStationReport", base, told);
    check(
        "AidsToNavigationReport",
        json!({"Type": 1, "Name": "TWENTY LETTERS OF IT", "Longitude": 1.5, "Latitude": 50, "Fixtype": 7,
               "OffPosition": true, "VirtualAtoN": true, "NameExtension": "WEST"}),
        json!({"type": 21, "aid_type": 1, "name": "TWENTY LETTERS OF ITWEST", "off_position": true, "virtual_aid": true}),
    );
    check(
        "CoordinatedUTCInquiry",
        json!({"DestinationID": 2_300_001}),
        json!({"dest_mmsi": 2_300_001}),
    );
    let commands = json!([{"Valid": true, "DestinationID": 1, "Offset": 2, "Increment": 3}]);
    check("AssignedModeCommand", json!({"Commands": commands}), json!({"mmsi1": 1, "offset1": 2}));
    let one =
        json!({"Valid": true, "Offset": 60, "NumberOfSlots": 1, "TimeOut": 5, "Increment": 225});
    let numbered = json!({"Data": {"0": one, "1": {"Valid": false}}});
    check("DataLinkManagementMessage", numbered, json!({"offset1": 60, "increment1": 225}));
    let area = json!({"Longitude1": 1, "Latitude1": 2, "Longitude2": 0.5, "Latitude2": 1});
    check(
        "ChannelManagement",
        json!({"ChannelA": 2087, "ChannelB": 2088, "IsAddressed": false, "Area": area}),
        json!({"channel_a": 2087, "addressed": false}),
    );
    let unicast = json!({"AddressStation1": 7, "AddressStation2": 8});
    let addressed = json!({"IsAddressed": true, "Unicast": unicast});
    check("ChannelManagement", addressed, json!({"dest1": 7, "dest2": 8}));
    let group = json!({"StationType": 6, "ShipType": 30, "ReportingInterval": 9, "QuietTime": 1});
    check("GroupAssignmentCommand", group, json!({"type": 23, "interval": 9, "quiet": 1}));
    let first = json!({"Valid": true, "StationID": 9, "MessageID": 5, "SlotOffset": 1});
    let other = json!({"Valid": true, "StationID": 8, "MessageID": 3, "SlotOffset": 2});
    let asked = json!({"Station1Msg1": first, "Station1Msg2": {"Valid": false}, "Station2": other});
    check("Interrogation", asked, json!({"mmsi1": 9, "type1_1": 5, "mmsi2": 8, "type2_1": 3}));
}

#[test]
fn binary_and_safety_messages_are_told() {
    let bits = |bits: &[u8]| data_encoding::BASE64.encode(bits);
    let application = json!({"Valid": true, "DesignatedAreaCode": 200, "FunctionIdentifier": 10});
    let broadcast = json!({"ApplicationID": application, "BinaryData": bits(&[1; 112])});
    check("BinaryBroadcastMessage", broadcast, json!({"type": 8, "dac": 200, "fid": 10}));
    let unknown = json!({"DesignatedAreaCode": 999, "FunctionIdentifier": 1});
    check(
        "AddressedBinaryMessage",
        json!({"Sequenceinteger": 2, "DestinationID": 5, "ApplicationID": unknown,
               "BinaryData": bits(&[1, 0, 1, 0, 1, 0, 1, 0])}),
        json!({"type": 6, "seqno": 2, "dest_mmsi": 5, "dac": 999, "data": "8:aa"}),
    );
    let received = json!([{"Valid": true, "DestinationID": 5, "SequenceNumber": 1},
                          {"Valid": true, "DestinationID": 6, "SequenceNumber": 0}]);
    let acknowledged = json!({"MessageID": 13, "Destinations": received});
    check("BinaryAcknowledge", acknowledged, json!({"type": 13, "mmsi1": 5, "mmsi2": 6}));
    check(
        "SafetyBroadcastMessage",
        json!({"Text": "MAN OVERBOARD"}),
        json!({"text": "MAN OVERBOARD"}),
    );
    for name in ["AddressedSafetyMessage", "AddessedSafetyMessage"] {
        let told = json!({"type": 12, "dest_mmsi": 5, "text": "HELLO"});
        check(name, json!({"DestinationID": 5, "SequenceNumber": 1, "Text": "hello"}), told);
    }
    let data = bits(&[0; 40]);
    let correction = json!({"Longitude": 1.5, "Latitude": 50, "Data": data});
    check("GnssBroadcastBinaryMessage", correction, json!({"type": 17, "lon": 1.5, "lat": 50.0}));
    let single = json!({"DestinationIDValid": true, "DestinationID": 5, "Payload": bits(&[1; 16])});
    check("SingleSlotBinaryMessage", single, json!({"type": 25, "dest_mmsi": 5}));
    let multi =
        json!({"ApplicationIDValid": true, "ApplicationID": unknown, "Payload": bits(&[1; 16])});
    check("MultiSlotBinaryMessage", multi, json!({"type": 26, "structured": true}));
}

#[test]
fn what_is_no_message_is_refused_for_what_is_wrong() {
    let refused = |name: &str, message: Value| {
        read(&frame(name, &message), &mut Payload::default()).unwrap_err()
    };
    assert_eq!(refused("UnknownMessage", json!({})), Reject::Type);
    assert_eq!(refused("PositionReport", json!({"MessageID": 5})), Reject::Type);
    assert_eq!(refused("PositionReport", json!({"UserID": 1_000_000_000})), Reject::Mmsi);
    assert_eq!(refused("PositionReport", json!({"UserID": "x"})), Reject::Mmsi);
    let malformed = [
        json!({"Valid": false}),
        json!({"Sog": 102.4}),
        json!({"Sog": -0.1}),
        json!({"Latitude": 1e300}),
        json!({"Latitude": "51"}),
        json!({"RateOfTurn": 128}),
        json!({"MessageID": "1"}),
    ];
    for message in malformed {
        assert_eq!(refused("PositionReport", message.clone()), Reject::Malformed, "{message}");
    }
    let data = json!({"BinaryData": data_encoding::BASE64.encode(&[2])});
    assert_eq!(refused("BinaryBroadcastMessage", data), Reject::Malformed);
    let long = json!({"Text": "X".repeat(171)});
    assert_eq!(refused("SafetyBroadcastMessage", long), Reject::TooLong);
    let timed = |time: Value| {
        let frame = json!({"MessageType": "PositionReport", "MetaData": {"MMSI": 1, "time_utc": time},
                           "Message": {"PositionReport": {}}});
        read(frame.to_string().as_bytes(), &mut Payload::default())
    };
    for time in [json!("yesterday"), json!(7), json!("")] {
        assert_eq!(timed(time), Err(Reject::TimeUnparsable));
    }
    let taken = timed(json!("2026-10-03T08:43:43Z")).unwrap();
    assert_eq!(taken, Frame::Report { mmsi: 1, sent_us: Some(1_791_017_023_000_000), fill: 0 });
}

#[test]
fn an_error_is_told_in_the_servers_words() {
    let error = |text: &[u8]| read(text, &mut Payload::default());
    let expected = Ok(Frame::Error("Api Key Is Not Valid".to_owned()));
    assert_eq!(error(br#"{"error": "Api Key Is Not Valid"}"#), expected);
    assert_eq!(error(br#"{"Error": {"code": 1}}"#), Ok(Frame::Error(r#"{"code":1}"#.to_owned())));
}

/// A value that a field may or may not have.
fn any_value(field: &Field) -> BoxedStrategy<Value> {
    let odd = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,200}".prop_map(Value::from),
        Just(json!([[], {}, 1])),
    ];
    let right = match &field.kind {
        Kind::Whole(number) => (0..1_i64 << number.bits).prop_map(Value::from).boxed(),
        Kind::Text(_) | Kind::TextToTheEnd => "[A-Z0-9 @]{0,30}".prop_map(Value::from).boxed(),
        Kind::Data => proptest::collection::vec(0..=1_u8, 0..1100)
            .prop_map(|bits| Value::from(data_encoding::BASE64.encode(&bits)))
            .boxed(),
        Kind::When(..) => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Group(fields) | Kind::Tail(fields) => any_object(fields),
        Kind::List(most, fields) => proptest::collection::vec(any_object(fields), 0..=most + 1)
            .prop_map(Value::from)
            .boxed(),
    };
    prop_oneof![9 => right, 1 => odd].boxed()
}

fn any_object(fields: &'static [Field]) -> BoxedStrategy<Value> {
    let fields: Vec<_> = fields
        .iter()
        .map(|field| (Just(field.names.first().copied().unwrap_or("none")), any_value(field)))
        .collect();
    fields
        .prop_map(|fields| fields.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
        .prop_map(Value::Object)
        .boxed()
}

proptest! {
    /// Whatever is in a frame, what is made of it is a payload that our decoder takes apart without a word about its letters.
    #[test]
    fn no_frame_makes_a_payload_that_could_not_have_been_on_the_air(
        (name, message) in proptest::sample::select(LAYOUTS.iter().collect::<Vec<_>>())
            .prop_flat_map(|layout| (Just(layout.name), any_object(layout.fields))),
    ) {
        let mut payload = Payload::default();
        if let Ok(Frame::Report { fill, .. }) = read(&frame(name, &message), &mut payload) {
            let mut scratch = Scratch::default();
            let decoded = ais::decode(payload.chars(), fill, &mut scratch);
            // Of a type 24 there is no third part.
            let fine = matches!(decoded, Ok(_) | Err(Reject::Length | Reject::Type));
            prop_assert!(fine, "{name}: {message}");
        }
    }

    #[test]
    fn no_bytes_do_any_harm(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        let _ = read(&bytes, &mut Payload::default());
    }
}

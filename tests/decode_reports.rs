//! What travels on from a decoded message is what the message says, with what is not available left out.

use aisd::ais::{Message, Scratch, decode};
use aisd::report::{Place, Position, StaticData, Text};

use crate::support::lines;
use crate::support::sentences::{Payload, payloads};

fn sample(msg_type: u8, mmsi: u32) -> Payload {
    let found = payloads(&lines("gpsd/sample.aivdm"));
    let is_it = |payload: &Payload| {
        let mut scratch = Scratch::new();
        decode(&payload.chars, payload.fill, &mut scratch)
            .is_ok_and(|message| (message.msg_type(), message.mmsi()) == (msg_type, mmsi))
    };
    found.into_iter().find(is_it).expect("in the sample")
}

fn with<T>(payload: &Payload, then: impl FnOnce(Message<'_>) -> T) -> T {
    let mut scratch = Scratch::new();
    then(decode(&payload.chars, payload.fill, &mut scratch).expect("decodes"))
}

/// Sets a field of a payload.
fn set(payload: &mut Payload, start: usize, width: usize, value: u64) {
    for bit in 0..width {
        let (at, mask) = ((start + bit) / 6, 0x20 >> ((start + bit) % 6));
        let char = payload.chars[at];
        let code = if char >= 96 { char - 56 } else { char - 48 };
        let set = value >> (width - 1 - bit) & 1 == 1;
        let code = if set { code | mask } else { code & !mask };
        payload.chars[at] = if code < 40 { code + 48 } else { code + 56 };
    }
}

fn check_position(msg_type: u8, mmsi: u32, expected: &Position) {
    let position = with(&sample(msg_type, mmsi), |message| message.position());
    assert_eq!(position.as_ref(), Some(expected));
}

const BARE: Position = Position {
    msg_type: 0,
    place: None,
    sog: None,
    cog: None,
    heading: None,
    rot: None,
    nav_status: None,
    altitude: None,
    utc_second: None,
    accurate: false,
    raim: false,
};

#[test]
fn a_class_a_position_keeps_every_number_of_the_standard() {
    let place = Place::new(-74_037_230, 29_028_980);
    let (sog, cog, heading, rot) = (Some(123), Some(2240), Some(215), Some(-127));
    let known = Position { msg_type: 1, place, sog, cog, heading, rot, accurate: true, ..BARE };
    let expected = Position { nav_status: Some(0), utc_second: Some(33), ..known };
    check_position(1, 371_798_000, &expected);
}

#[test]
fn a_class_b_position_has_no_heading_when_it_is_511() {
    let place = Place::new(-44_443_279, 24_410_724);
    let known = Position { msg_type: 18, place, sog: Some(1), cog: Some(796), ..BARE };
    check_position(18, 338_087_471, &Position { utc_second: Some(49), raim: true, ..known });
}

#[test]
fn an_aircrafts_speed_is_turned_into_tenths_of_a_knot() {
    let place = Place::new(-3_767_306, 34_886_400);
    let known = Position { msg_type: 9, place, sog: Some(420), cog: Some(1545), ..BARE };
    check_position(
        9,
        111_232_511,
        &Position { altitude: Some(303), utc_second: Some(15), ..known },
    );
}

#[test]
fn a_long_range_position_is_turned_into_the_units_of_the_others() {
    let place = Place::new(82_214_000, 2_904_000);
    let known = Position { msg_type: 27, place, sog: Some(570), cog: Some(1670), ..BARE };
    check_position(27, 206_914_217, &Position { nav_status: Some(2), ..known });
}

#[test]
fn stations_and_aids_tell_a_place_but_no_position() {
    let check = |msg_type, mmsi, place| {
        with(&sample(msg_type, mmsi), |message| {
            assert_eq!((message.place(), message.position()), (place, None), "type {msg_type}");
        });
    };
    check(4, 3_669_702, Place::new(-45_811_417, 22_130_260));
    check(11, 304_137_000, Place::new(-56_644_610, 17_045_470));
    check(17, 2_734_450, Place::new(17_478_000, 35_992_000));
    check(21, 123_456_789, Place::new(-73_619_155, 28_752_371));
    check(4, 2_470_052, None);
}

#[test]
fn static_data_leave_out_what_is_zero() {
    let data = with(&sample(5, 351_759_000), |message| message.static_data());
    let expected = StaticData {
        msg_type: 5,
        imo: Some(9_134_270),
        callsign: Text::new(b"3FOF8"),
        name: Text::new(b"EVER DIADEM"),
        ship_type: Some(70),
        dimensions: Some([225, 70, 1, 31]),
        draught: Some(122),
        destination: Text::new(b"NEW YORK"),
        eta: [Some(5), Some(15), Some(14), Some(0)],
        epfd: Some(1),
        ..StaticData::default()
    };
    assert_eq!(data, Some(expected));
    let data = with(&sample(5, 271_010_059), |message| message.static_data()).expect("static");
    assert_eq!((data.imo, data.destination, data.eta), (None, None, [None; 4]));
}

#[test]
fn the_parts_of_a_type_24_each_say_their_own() {
    let part_a = with(&sample(24, 271_041_815), |message| message.static_data());
    let name = StaticData { msg_type: 24, name: Text::new(b"PROGUY"), ..StaticData::default() };
    assert_eq!(part_a, Some(name));
}

#[test]
fn an_auxiliary_craft_tells_its_mother_ship_instead_of_its_size() {
    let lines = ["!AIVDM,1,1,,A,H42O55lti4hhhilD3nink000?050,0*40".to_owned()];
    let mut craft = payloads(&lines)[0].clone();
    let of_ship = with(&craft, |message| message.static_data()).expect("static");
    assert_eq!((of_ship.dimensions, of_ship.mothership), (Some([0, 15, 0, 5]), None));
    assert_eq!((of_ship.vendor, of_ship.callsign), (Text::new(b"1D0"), Text::new(b"TC6163")));
    set(&mut craft, 8, 30, 982_440_123);
    set(&mut craft, 132, 30, 244_660_000);
    let of_craft = with(&craft, |message| message.static_data()).expect("static");
    assert_eq!((of_craft.dimensions, of_craft.mothership), (None, Some(244_660_000)));
}

#[test]
fn the_extension_of_a_name_counts_only_behind_twenty_characters() {
    let mut aid = sample(21, 123_456_789);
    let name = |aid: &Payload| {
        with(aid, |message| match message {
            Message::AidToNavigation(aid) => aid.name().map(|name| name.as_str().to_owned()),
            _ => None,
        })
    };
    assert_eq!(name(&aid).as_deref(), Some("CHINA ROSE MURPHY EXPRESS ALERT"));
    // The sixth character becomes the end.
    set(&mut aid, 43 + 5 * 6, 6, 0);
    assert_eq!(name(&aid).as_deref(), Some("CHINA"));
}

#[test]
fn an_mmsi_of_ten_digits_is_refused_and_one_of_zero_kept() {
    let mut message = sample(1, 371_798_000);
    let mut mmsi_of = |mmsi| {
        set(&mut message, 8, 30, mmsi);
        let mut scratch = Scratch::new();
        decode(&message.chars, message.fill, &mut scratch).map(|message| message.mmsi())
    };
    assert_eq!(mmsi_of(0), Ok(0));
    assert_eq!(mmsi_of(999_999_999), Ok(999_999_999));
    assert_eq!(mmsi_of(1_000_000_000), Err(aisd::reject::Reject::Mmsi));
}

//! Rows as their publishers write them. The first two tables are of real files.

use super::*;
use crate::clock::SECOND_US;
use crate::report::StaticData;

const OLD: &str = "MMSI,BaseDateTime,LAT,LON,SOG,COG,Heading,VesselName,IMO,CallSign,VesselType,Status,Length,Width,Draft,Cargo,TransceiverClass";
const NEW: &str = "mmsi,base_date_time,longitude,latitude,sog,cog,heading,vessel_name,imo,call_sign,vessel_type,status,length,width,draft,cargo,transceiver";
const DANISH: &str = "# Timestamp,Type of mobile,MMSI,Latitude,Longitude,Navigational status,ROT,SOG,COG,Heading,IMO,Callsign,Name,Ship type,Cargo type,Width,Length,Type of position fixing device,Draught,Destination,ETA,Data source type,A,B,C,D";

fn table(header: &str) -> Table {
    Table::of_header(header.as_bytes()).unwrap()
}

fn read(header: &str, row: &str) -> Entry {
    table(header).read(row.as_bytes()).unwrap()
}

/// Place in ten-thousandths of a minute, speed, course, heading.
type Moves = (i32, i32, Option<u16>, Option<u16>, Option<u16>);

fn moves(entry: &Entry) -> Moves {
    let position = entry.told.position.unwrap();
    let place = position.place.unwrap();
    (place.lat, place.lon, position.sog, position.cog, position.heading)
}

#[test]
fn both_forms_of_noaa_are_read() {
    let old = read(
        OLD,
        "367777550,2022-06-01T00:00:02,28.10198,-96.93931,0.0,360.0,511.0,HARRY LEE,,WDJ4420,52,0,0,0,0.0,52,A",
    );
    assert_eq!(old.sent_us, 1_654_041_602 * SECOND_US);
    assert_eq!(moves(&old), (16_861_188, -58_163_586, Some(0), None, None));
    let data = old.told.data.unwrap();
    assert_eq!(data.name.unwrap().as_str(), "HARRY LEE");
    assert_eq!(
        (data.ship_type, data.dimensions, data.draught, data.imo),
        (Some(52), None, None, None)
    );
    assert_eq!(old.told.position.unwrap().nav_status, Some(0));

    let new = read(
        NEW,
        "368382440,2025-12-31 00:00:00,-76.43,36.96,4.7,321.6,327,PATRICIA B. MORAN,IMO1079618,WDP7519,52,0,26,11,5.0,52,A",
    );
    assert_eq!((new.told.mmsi, new.sent_us), (368_382_440, 1_767_139_200 * SECOND_US));
    assert_eq!(moves(&new), (22_176_000, -45_858_000, Some(47), Some(3216), Some(327)));
    let data = new.told.data.unwrap();
    assert_eq!((data.imo, data.draught), (Some(1_079_618), Some(50)));
    assert_eq!(data.dimensions, Some([0, 26, 0, 11]), "without the place of the receiver");
}

#[test]
fn danish_rows_are_read_with_the_day_first_and_words_for_numbers() {
    let entry = read(
        DANISH,
        "04/11/2018 03:57:16,Class A,219012382,57.123067,8.597717,Under way using engine,-5.0,0.0,,237,Unknown,OXQX2,GOLIATH VIG,Tanker,Category Y,6,18,GPS,2.7,HANSTHOLM,29/10/2019 07:00:00,AIS,5,13,4,2",
    );
    assert_eq!((entry.told.mmsi, entry.sent_us), (219_012_382, 1_541_303_836 * SECOND_US));
    assert_eq!(moves(&entry), (34_273_840, 5_158_630, Some(0), None, Some(237)));
    let position = entry.told.position.unwrap();
    assert_eq!((position.nav_status, position.rot), (Some(0), Some(-11)));
    let data = entry.told.data.unwrap();
    let expected = StaticData {
        callsign: data.callsign,
        name: data.name,
        destination: data.destination,
        ship_type: Some(82),
        dimensions: Some([5, 13, 2, 4]),
        draught: Some(27),
        eta: [Some(10), Some(29), Some(7), Some(0)],
        epfd: Some(1),
        ..StaticData::default()
    };
    assert_eq!(data, expected);
    assert_eq!(data.destination.unwrap().as_str(), "HANSTHOLM");

    let bare = read(
        DANISH,
        "18/03/2023 00:00:00,Class A,211551940,54.6926,8.57745,Unknown value,,,,,Unknown,,,Undefined,,,,Undefined,,,,AIS,,,,",
    );
    assert_eq!((bare.told.data, moves(&bare).2), (None, None));
    // A static report has no place there: 91 degrees north, and 0 or 181 east. It was refused whole.
    for east in ["0.000000", "181.000000"] {
        let row = format!(
            "30/09/2026 12:05:00,Class A,219000001,91.000000,{east},Unknown value,,,,,9234567,OXAB2,NORDIC STAR,Cargo,No additional information,20,120,GPS,6.5,COPENHAGEN,,AIS,100,20,10,10"
        );
        let told = read(DANISH, &row).told;
        assert_eq!((told.position, told.data.unwrap().imo), (None, Some(9_234_567)), "{row}");
    }
}

#[test]
fn a_row_that_cannot_be_a_report_says_why() {
    let check = |row: &str, expected| {
        let row = row.replace("TIME", "18/03/2023 00:00:00").replace("REST", &",".repeat(20));
        assert_eq!(table(DANISH).read(row.as_bytes()).unwrap_err(), expected, "{row}");
    };
    check("TIME,Base Station,2190064,56.7166,11.519,REST", Reject::SentenceMissing);
    check("TIME,AtoN,992191501,56.7166,11.519,REST", Reject::SentenceMissing);
    check("TIME,Class A,12,56.7166,11.519,REST", Reject::Mmsi);
    check("TIME,Class A,219030190,91.7166,11.519,REST", Reject::Position);
    check("TIME,Class A,219030190,,,REST", Reject::Position);
    check(",Class A,219030190,56.7,11.5,REST", Reject::TimeMissing);
    check("31/02/2023 00:00:00,Class A,219030190,56.7,11.5,REST", Reject::TimeUnparsable);
    check("18/03/2023,Class A,219030190,56.7,11.5,REST", Reject::TimeUnparsable);
    check("TIME,Class A,219030190,56.7", Reject::Malformed);
    check("TIME,Class A,219030190,56.7,11.5,REST,", Reject::Malformed);
    check("", Reject::Malformed);
}

#[test]
fn a_table_is_known_by_its_header_and_its_columns_stand_in_any_order() {
    for header in [OLD, NEW, DANISH, "\u{feff}Time Stamp,lon,lat,mmsi", "a b,c"] {
        let known = Table::of_header(header.as_bytes()).is_some();
        assert_eq!(known, header != "a b,c", "{header}");
    }
    for line in ["!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27", "", "\"", &",".repeat(100)] {
        assert!(Table::of_header(line.as_bytes()).is_none(), "{line}");
    }
    let entry =
        read("lon,whatever,lat,Timestamp,mmsi", "4.5,\"a, \"\"b\"\"\",52,1700000000,244660000");
    assert_eq!((entry.told.mmsi, entry.sent_us), (244_660_000, 1_700_000_000 * SECOND_US));
    assert_eq!(moves(&entry), (31_200_000, 2_700_000, None, None, None));
}

#[test]
fn names_with_commas_and_other_letters_are_read() {
    let header = "mmsi,timestamp,lat,lon,name";
    let name = |row: &[u8]| table(header).read(row).unwrap().told.data.unwrap().name.unwrap();
    let plain = name(b"244660000,1700000000,52,4,\"TUG, AND BARGE\"");
    assert_eq!(plain.as_str(), "TUG, AND BARGE");
    assert_eq!(name(b"244660000,1700000000,52,4,S\xD8REN").as_str(), "S?REN");
}

#[test]
fn whatever_a_line_is_nothing_panics() {
    use super::super::testing::random_bytes;
    let mut tables = [table(OLD), table(DANISH)];
    for seed in 0..2000 {
        let mut line = random_bytes(seed, 120);
        line.iter_mut().step_by(5).for_each(|byte| *byte = b",\"/: 0"[usize::from(*byte) % 6]);
        for table in &mut tables {
            let _ = table.read(&line);
        }
        let _ = Table::of_header(&line);
    }
}

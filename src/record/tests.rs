//! Records that are written and read.

use super::*;

fn new_record(raw: &[u8]) -> NewRecord<'_> {
    NewRecord {
        received_us: 1_700_000_000_000_000,
        sent_us: None,
        partition: 7,
        feed: 2,
        channel: b'A',
        fill: 2,
        own_ship: true,
        recorded: false,
        raw,
        payload: Payload::Within(14, 28),
    }
}

fn views_of(batch: &Batch) -> Vec<Record<'_>> {
    Walk::new(batch.bytes()).map(Record::view).collect()
}

#[test]
fn what_is_pushed_is_read_back() {
    let line = b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27";
    let mut batch = Batch::default();
    let new = new_record(line);
    batch.push(&new).unwrap();
    let parts = NewRecord {
        payload: Payload::Joined(b"55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf"),
        sent_us: Some(5),
        raw: b"first\nsecond",
        ..new
    };
    batch.push(&parts).unwrap();
    let views = views_of(&batch);
    assert_eq!(views.len(), 2);
    assert_eq!(views[0].payload, b"17P@<J?P00blFWmjG@5a5?v62<10");
    assert_eq!(views[0].raw, line);
    assert_eq!((views[0].fill, views[0].own_ship, views[0].channel), (2, true, b'A'));
    assert_eq!((views[0].partition, views[0].feed, views[0].sent_us), (7, 2, None));
    assert_eq!(views[1].sent_us, Some(5));
    assert_eq!(views[1].payload, b"55?MbV02;H;s<HtKR20EHE:0@T4@Dn2222222216L961O5Gf");
    let place = Place { bytes: 1 << 40, nth: 3 };
    let mark = Mark { reading: 7, place, digest: u64::MAX };
    batch.mark(Some(mark));
    batch.push(&parts).unwrap();
    let marked = Walk::new(batch.bytes()).map(Record::view).last().unwrap();
    assert_eq!(marked, Record { mark: Some(mark), ..views_of(&batch)[1] });
}

#[test]
fn a_changed_bit_is_noticed_wherever_it_is() {
    let mut batch = Batch::default();
    batch.push(&new_record(b"!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27")).unwrap();
    let mut bytes = batch.into_bytes();
    let length = length(&bytes).unwrap();
    number(&mut bytes[..length], 42);
    assert!(intact(&bytes[..length]));
    for bit in 32..length * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!intact(&bytes[..length]), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn a_record_over_the_bound_is_refused() {
    let raw = vec![b'x'; RECORD_BYTES_MAX];
    assert_eq!(Batch::default().push(&new_record(&raw)), Err(TooLong));
}

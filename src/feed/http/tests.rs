//! The feed driven by hand, before a journal's queue that the test empties.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::*;
use crate::clock::Clock;
use crate::feed::testing::{Bench, SENTENCE};
use crate::queue::{Outlet, bounded};
use crate::record::{Batch, Record, Walk};
use crate::reject::Reject;
use crate::stage::{Spot, parking};

const NOW: i64 = 1_762_596_000 * SECOND_US;
const GOOD: &str = r#"{"mmsi":244660000,"lat":51.5,"lon":4.25,"ts":1762595990}"#;
const BAD: &str = r#"{"mmsi":5,"lat":51.5,"lon":4.25,"ts":1762595990}"#;
/// Two parts of one message.
const PARTS: [&str; 2] = [
    "!AIVDM,2,1,3,B,55P5TL01VIaAL@7WKO@mBplU@<PDhh000000001S;AJ::4A80?4i@E53,0*3E",
    "!AIVDM,2,2,3,B,1@0000000000000,2*55",
];

type Told = Arc<Mutex<Vec<(u64, Verdict)>>>;

struct Kept(Told);

impl Answers for Kept {
    fn put(&self, ticket: Ticket, verdict: Verdict) {
        self.0.lock().push((ticket.place, verdict));
    }
}

struct Rig {
    bench: Bench,
    feed: HttpFeed,
    posts: Outlet<Post>,
    told: Told,
    sent: u64,
    _spot: Spot,
}

fn rig(batches: usize) -> Rig {
    let bench = Bench::with_clock(batches, Clock::manual(NOW));
    let (spot, own) = parking();
    let (posts, inlet) = bounded(POSTS_MAX, &own);
    let told = Told::default();
    let answers = Box::new(Kept(Arc::clone(&told)));
    let feed =
        HttpFeed::new(bench.context(), "http", Believable::new(24, 24), (inlet, own), answers);
    Rig { bench, feed, posts, told, sent: 0, _spot: spot }
}

impl Rig {
    fn post(&mut self, form: Form, content: Content, body: &str) {
        self.sent += 1;
        let ticket = Ticket { place: self.sent, closes: false };
        let post = Post { ticket, form, content, received_us: NOW, body: body.into() };
        assert!(self.posts.offer(post).is_ok());
    }

    /// Takes every batch that the journal has been given, as if it were on disk, or as if it were not.
    fn journal(&self, synced: bool) -> Vec<Vec<u8>> {
        let mut records = Vec::new();
        for batch in self.bench.batches() {
            let (bytes, receipt) = Batch::into_parts(batch);
            records.extend(Walk::new(&bytes).map(<[u8]>::to_vec));
            let receipt = receipt.expect("every batch of it is answered");
            assert!(receipt.begin());
            if synced {
                receipt.give();
            }
        }
        records
    }

    fn turn(&mut self) -> Turn {
        self.feed.turn().unwrap()
    }

    /// What one body is told, and the records that came of it.
    fn told(&mut self, form: Form, content: Content, body: &str) -> (u16, Value, Vec<Vec<u8>>) {
        self.post(form, content, body);
        self.turn();
        let records = self.journal(true);
        self.turn();
        let mut told = self.told.lock();
        assert_eq!(told.len(), 1, "one verdict for each body: {body:.80}");
        let (place, verdict) = told.remove(0);
        assert_eq!(place, self.sent);
        (verdict.status, serde_json::from_slice(&verdict.body).unwrap(), records)
    }
}

#[test]
fn each_form_of_a_body_has_its_status() {
    let mut rig = rig(16);
    let mut check = |form, content, body: &str, status, counts: (u64, u64)| {
        let (told, body_told, records) = rig.told(form, content, body);
        assert_eq!(told, status, "{body:.200}: {body_told}");
        if body_told.get("accepted").is_some() {
            let of = |name: &str| body_told[name].as_u64().unwrap();
            assert_eq!((of("accepted"), of("rejected")), counts, "{body:.200}: {body_told}");
            assert_eq!(records.len() as u64, counts.0, "{body:.200}");
            let results = body_told["results"].as_array().map_or(0, Vec::len) as u64;
            assert_eq!(results, if status == 200 { 0 } else { counts.0 + counts.1 });
        } else {
            assert_eq!((body_told["error"].is_string(), records.len()), (true, 0), "{body:.200}");
        }
    };
    use Content::{Json, JsonLines, Lines, Unknown};
    let (one, many) = (Form::One, Form::Many);
    check(one, Json, GOOD, 200, (1, 0));
    check(one, Unknown, GOOD, 200, (1, 0));
    check(one, Json, BAD, 400, (0, 1));
    check(one, Json, &format!("[{GOOD}]"), 400, (0, 0));
    check(many, Json, GOOD, 200, (1, 0));
    check(many, Json, &format!(" [{GOOD},{GOOD}]"), 200, (2, 0));
    check(many, Json, &format!("[{GOOD},{BAD},5,null,[],{GOOD}]"), 207, (2, 4));
    check(many, Json, &format!("[{BAD},{BAD}]"), 400, (0, 2));
    check(many, Json, "[]", 400, (0, 0));
    check(many, Json, &format!("[{GOOD},{GOOD}"), 400, (0, 0));
    check(many, JsonLines, &format!("{GOOD}\n\n{GOOD}\r\n"), 200, (2, 0));
    check(many, Json, &format!("{GOOD}\n{GOOD}\n"), 200, (2, 0));
    check(many, JsonLines, &format!("{GOOD}\n{{\"mmsi\n{GOOD}\n"), 207, (2, 1));
    check(many, Json, &format!("{{\n{}", &GOOD[1..]), 200, (1, 0));
    for nothing in ["", " ", "x", "\"x\"", "5", "null", "{", "[", "\u{feff}{}", "!AIVDM"] {
        check(one, Json, nothing, 400, (0, 0));
    }
    let sentence = std::str::from_utf8(SENTENCE).unwrap();
    check(many, Lines, sentence, 200, (1, 0));
    check(many, Unknown, &format!("{sentence}\r\n{sentence}\r\n"), 200, (2, 0));
    check(
        one,
        Lines,
        &format!("{sentence}\n!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*28"),
        207,
        (1, 1),
    );
    check(one, Lines, "$GPGGA,1*00\nhello\n", 400, (0, 0));
    check(one, Lines, &PARTS.join("\n"), 200, (1, 0));
}

#[test]
fn a_part_without_its_partner_is_told_and_does_not_wait() {
    let mut rig = rig(16);
    let sentence = std::str::from_utf8(SENTENCE).unwrap();
    let (status, told, _) =
        rig.told(Form::Many, Content::Lines, &format!("{sentence}\n{}\n", PARTS[0]));
    assert_eq!((status, &told["incomplete_parts"]), (207, &1.into()), "{told}");
    assert!(told["hint"].as_str().is_some_and(|hint| hint.contains("into one body")), "{told}");
    let (status, told, records) = rig.told(Form::Many, Content::Lines, PARTS[1]);
    assert_eq!((status, &told["incomplete_parts"], records.len()), (400, &1.into(), 0), "{told}");
    assert_eq!(rig.bench.counts().fragments_expired.get(), 2);
}

#[test]
fn what_ais_catcher_posts_is_taken_sentence_by_sentence() {
    let mut rig = rig(16);
    let sentence = std::str::from_utf8(SENTENCE).unwrap();
    let fields =
        r#""class":"AIS","rxtime":"20251108095950","type":1,"mmsi":244660000,"lon":5.9,"lat":51.1"#;
    let body = format!(
        r#"{{"protocol":"jsonaiscatcher","stationid":"x","msgs":[{{{fields},"nmea":["{sentence}"]}},{{{fields}}},
        {{"rxuxtime":1762595990.5,"type":5,"nmea":["{}","{}"]}},{{"type":5,"nmea":["{}"]}},{{"type":4,"mmsi":2442000}},{{"nmea":["x"]}}]}}"#,
        PARTS[0], PARTS[1], PARTS[0],
    );
    for form in [Form::One, Form::Many] {
        let (status, told, records) = rig.told(form, Content::Json, &body);
        assert_eq!(
            (status, &told["accepted"], &told["rejected"]),
            (207, &3.into(), &3.into()),
            "{told}"
        );
        let reasons: Vec<&str> = told["results"].as_array().unwrap()[3..]
            .iter()
            .map(|result| result["reason"].as_str().unwrap())
            .collect();
        assert_eq!(reasons, ["fragment", "sentence_missing", "fragment"]);
        let read: Vec<Record<'_>> = records.iter().map(|record| Record::view(record)).collect();
        let sent: Vec<_> = read.iter().map(|record| record.sent_us.unwrap() - NOW).collect();
        assert_eq!(sent, [-10_000_000, -10_000_000, -9_500_000]);
        assert_eq!(read.iter().map(|it| it.report).collect::<Vec<_>>(), [false, true, false]);
        assert!(read.iter().all(|record| record.answered));
        assert_eq!(read[0].raw, SENTENCE);
    }
    let (status, told, _) = rig.told(Form::Many, Content::Json, r#"{"msgs":5}"#);
    assert_eq!((status, &told["error"]), (400, &"msgs is not an array".into()));
}

#[test]
fn a_sender_is_told_what_the_shard_would_refuse() {
    let mut rig = rig(16);
    let mut check = |fields: &str, reason: Reject| {
        let body = format!("{{\"mmsi\":244660000,\"lat\":1,\"lon\":1,{fields}}}");
        let (status, told, records) = rig.told(Form::One, Content::Json, &body);
        assert_eq!((status, records.len()), (400, 0), "{told}");
        assert_eq!(told["results"][0]["reason"], reason.label(), "{body}");
        assert!(told["results"][0]["detail"].as_str().is_some_and(|text| text.len() > 10));
    };
    check("\"ts\":7", Reject::TimePast);
    check("\"ts\":0", Reject::TimePast);
    check("\"ts\":1762509599", Reject::TimePast);
    check("\"ts\":1762682401", Reject::TimeFuture);
    check("\"ts\":\"soon\"", Reject::TimeUnparsable);
    check("\"speed\":1", Reject::TimeMissing);
    check(&format!("\"ts\":1762595990,\"note\":\"{}\"", "x".repeat(17_000)), Reject::TooLong);
    // A good checksum over a type that does not exist.
    let (status, told, records) =
        rig.told(Form::One, Content::Lines, "!AIVDM,1,1,,A,w7P@<J?P00blFWmjG@5a5?v62<10,0*61");
    assert_eq!(
        (status, records.len(), &told["results"][0]["reason"]),
        (400, 0, &"type".into()),
        "{told}"
    );
}

#[test]
fn every_entry_is_counted_once_whatever_becomes_of_it() {
    let mut rig = rig(16);
    for body in
        [GOOD, BAD, "{", "[]", "x", &format!("[{GOOD},{BAD},7]"), &format!("{GOOD}\n{BAD}\n")]
    {
        rig.told(Form::Many, Content::Json, body);
    }
    let counts = rig.bench.counts();
    assert_eq!(counts.received.get(), 1 + 1 + 1 + 1 + 3 + 2);
    assert_eq!(counts.rejected.total(), 1 + 1 + 1 + 2 + 1);
}

#[test]
fn json_that_is_nested_for_ever_or_has_entries_without_end_is_refused() {
    let mut rig = rig(16);
    for body in [
        "[".repeat(1 << 20),
        "{\"a\":".repeat(10_000),
        format!("{{\"mmsi\":{}1{}}}", "[".repeat(10_000), "]".repeat(10_000)),
    ] {
        let (status, told, _) = rig.told(Form::Many, Content::Json, &body);
        assert_eq!((status, &told["error"]), (400, &"the JSON is nested deeper than 32".into()));
    }
    let (status, told, records) =
        rig.told(Form::Many, Content::Json, &format!("[{}1]", "1,".repeat(500_000)));
    assert_eq!((status, records.len()), (413, 0), "{told}");
    let (status, ..) = rig.told(Form::Many, Content::Lines, &"x\n".repeat(500_000));
    assert_eq!(status, 413);
    let (status, ..) = rig.told(Form::Many, Content::JsonLines, &"x\n".repeat(500_000));
    assert_eq!(status, 413);
}

#[test]
fn nobody_is_answered_before_the_sync() {
    let mut rig = rig(16);
    rig.post(Form::One, Content::Json, GOOD);
    rig.post(Form::One, Content::Json, BAD);
    rig.turn();
    let told: Vec<u16> = rig.told.lock().iter().map(|(_, verdict)| verdict.status).collect();
    assert_eq!(told, [400], "a refusal need not wait");
    let batch = rig.bench.batches().pop().unwrap();
    let (_, receipt) = batch.into_parts();
    let receipt = receipt.unwrap();
    assert!(receipt.begin());
    rig.turn();
    assert_eq!(rig.told.lock().len(), 1);
    receipt.give();
    rig.turn();
    assert_eq!(rig.told.lock()[1].1.status, 200);
}

#[test]
fn bodies_that_come_together_share_a_batch() {
    let mut rig = rig(16);
    for _ in 0..20 {
        rig.post(Form::Many, Content::Json, &format!("[{GOOD}]"));
    }
    rig.turn();
    let batches = rig.bench.batches();
    assert_eq!(batches.iter().map(Batch::count).collect::<Vec<_>>(), [20]);
}

#[test]
fn what_the_journal_does_not_begin_within_a_second_is_taken_back_and_counted() {
    let mut rig = rig(1);
    rig.post(Form::One, Content::Json, GOOD);
    rig.turn();
    rig.post(Form::One, Content::Json, GOOD);
    assert_eq!(rig.turn(), Turn::Stalled, "there is no room for a second batch");
    assert!(rig.told.lock().is_empty());
    std::thread::sleep(TAKEN_WITHIN + Duration::from_millis(50));
    rig.turn();
    let statuses: Vec<u16> = rig.told.lock().iter().map(|(_, verdict)| verdict.status).collect();
    assert_eq!(statuses, [503, 503]);
    assert_eq!(rig.bench.counts().dropped.total(), 2);
    let batch = rig.bench.batches().pop().unwrap();
    assert!(!batch.into_parts().1.unwrap().begin(), "the journal finds it taken back");
    let (status, ..) = rig.told_again();
    assert_eq!(status, 200, "with room it goes on");
}

impl Rig {
    fn told_again(&mut self) -> (u16, Value, Vec<Vec<u8>>) {
        self.told.lock().clear();
        self.told(Form::One, Content::Json, GOOD)
    }
}

/// A batch was begun for a body of which nothing was taken, and kept for the next one. That came more than a second later, and what came
/// of it was taken back at once, as if it had waited since.
#[test]
fn a_body_of_which_nothing_is_taken_does_not_make_the_next_one_late() {
    let mut rig = rig(16);
    assert_eq!(rig.told(Form::One, Content::Json, BAD).0, 400);
    std::thread::sleep(TAKEN_WITHIN + Duration::from_millis(50));
    rig.post(Form::One, Content::Json, GOOD);
    rig.turn();
    rig.turn();
    assert!(rig.told.lock().is_empty(), "it waits for its sync");
    assert_eq!(rig.journal(true).len(), 1);
    rig.turn();
    assert_eq!(rig.told.lock()[0].1.status, 200);
}

#[test]
fn at_the_end_all_are_answered_and_nothing_more_is_taken() {
    let mut rig = rig(16);
    rig.post(Form::One, Content::Json, GOOD);
    rig.turn();
    rig.bench.stop();
    rig.post(Form::One, Content::Json, GOOD);
    assert!(matches!(rig.turn(), Turn::Moved(_)));
    assert_eq!(rig.turn(), Turn::Idle, "one waits for its sync");
    assert_eq!(rig.journal(true).len(), 1);
    rig.turn();
    assert_eq!(rig.turn(), Turn::Finished);
    let statuses: Vec<u16> = rig.told.lock().iter().map(|(_, verdict)| verdict.status).collect();
    assert_eq!(statuses, [503, 200]);
}

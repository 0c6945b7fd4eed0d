//! The part that all feeds share: bytes become lines, lines become messages, messages become batches.
//!
//! In:      bytes as a socket or a file gave them, with their sender and their time
//! Out:     batches to the journal, in the middle of a read as soon as one is as large as it should get
//! Drops:   never by itself; while the journal has no room the batch is kept, and the feed is to stop reading
//!
//! Bound: a kept batch grows by no more than what the feed read in the turn in which the journal's queue was full.

use crate::clock::SECOND_US;
use crate::nmea::line::{Framer, LineEvent, Lines};
use crate::nmea::{Assembler, Message, Note, Sink};
use crate::record::{Mark, Place};
use crate::reject::Reject;
use crate::report::packed::Told;

use super::json::{self, Dialect, Entry, depth, parts};
use super::pace::{Pace, Paced};
use super::table::Format;
use super::{FeedContext, FeedSink, Handed};

/// A file is one sender.
const FILE: u64 = 0;
/// The longest line of a stream that is looked at: an object of JSON is longer than sentences are.
const OBJECT_BYTES_MAX: usize = 4096;
/// How often parts that wait for their partners are looked at.
const EXPIRE_INTERVAL_US: i64 = SECOND_US;

/// From bytes to batches, for one feed thread.
pub struct Intake {
    assembler: Assembler,
    sink: FeedSink,
    handed: Handed,
    moved: u32,
    bytes: u64,
    next_expiry_us: i64,
}

impl Intake {
    /// For one feed thread.
    #[must_use]
    pub fn new(context: FeedContext) -> Self {
        Self {
            assembler: Assembler::new(&context.nmea),
            sink: FeedSink::new(context),
            handed: Handed::On(0),
            moved: 0,
            bytes: 0,
            next_expiry_us: i64::MIN,
        }
    }

    /// The feed this is for.
    #[must_use]
    pub const fn context(&self) -> &FeedContext {
        self.sink.context()
    }

    /// The time of day.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        self.context().clock.now_us()
    }

    /// What cuts the bytes of one connection into lines.
    #[must_use]
    pub fn framer(&self) -> Framer {
        Framer::new(self.context().nmea.line_bytes_max.max(OBJECT_BYTES_MAX))
    }

    /// Takes the lines of a datagram; `sender` keeps the parts of different senders apart. A line may be an object of JSON.
    pub fn datagram(&mut self, bytes: &[u8], sender: u64, received_us: i64) {
        self.bytes += bytes.len() as u64;
        for line in Lines::new(bytes) {
            self.event(LineEvent::Line(line), sender, received_us);
        }
    }

    /// Takes what AIS-catcher sends for one message: its sentences, dated by what holds them unless they are themselves, or its
    /// fields where there are none. What gpsd says beside messages is ignored.
    fn object(&mut self, line: &[u8], sender: u64, received_us: i64) {
        let text = match std::str::from_utf8(line) {
            Ok(text) if depth::is_bounded(line) => text,
            _ => return self.sink.reject(Reject::Json, line),
        };
        if parts::is_of_gpsd(text) {
            return self.sink.note(Note::Ignored, 1);
        }
        if let Some(sentences) = parts::sentences(text) {
            let mut sink = Dated { sink: &mut self.sink, sent_us: json::time(text) };
            for sentence in sentences {
                self.assembler.line(sentence.as_bytes(), sender, received_us, &mut sink);
            }
            return;
        }
        match json::read(text, Dialect::Decoder) {
            Ok(Entry { told, sent_us, .. }) => {
                // Refused, it is counted; nobody waits for an answer.
                let _ = self.sink.report(&told, line, (received_us, Some(sent_us)));
            }
            Err(reason) => self.sink.reject(reason, line),
        }
    }

    /// Takes bytes that follow the last ones of the same framer; `sender` keeps the parts of different senders apart.
    pub fn bytes(&mut self, framer: &mut Framer, bytes: &[u8], sender: u64, received_us: i64) {
        self.bytes += bytes.len() as u64;
        framer.feed(bytes, |event| self.event(event, sender, received_us));
    }

    /// Takes a message that came as such, of this many bytes read.
    pub fn message(&mut self, message: &Message<'_>, bytes: usize) {
        self.bytes += bytes as u64;
        self.sink.message(message);
        self.offer_if_full();
    }

    /// Takes a report that was told in fields, and the text that told it; `times` are when it was received and when it was,
    /// microseconds since 1970.
    pub fn report(&mut self, told: &Told, raw: &[u8], times: (i64, Option<i64>)) {
        self.bytes += raw.len() as u64;
        // Refused, it is counted; nobody waits for an answer.
        let _ = self.sink.report(told, raw, times);
        self.offer_if_full();
    }

    /// Refuses what came in the place of a message.
    pub fn refuse(&mut self, reason: Reject, raw: &[u8]) {
        self.bytes += raw.len() as u64;
        self.sink.reject(reason, raw);
    }

    /// Counts what the feed itself knows to have come before.
    pub const fn repeat(&mut self, raw: &[u8]) {
        self.bytes += raw.len() as u64;
        self.sink.repeat();
    }

    /// Counts what is no message and need not be one.
    pub fn ignore(&mut self, raw: &[u8]) {
        self.bytes += raw.len() as u64;
        self.sink.note(Note::Ignored, 1);
    }

    /// Takes the line that a framer still holds, at the end of its connection.
    pub fn end(&mut self, framer: &mut Framer, sender: u64, received_us: i64) {
        framer.finish(|event| self.event(event, sender, received_us));
    }

    fn event(&mut self, event: LineEvent<'_>, sender: u64, received_us: i64) {
        match event {
            LineEvent::Line(line) if line.first() == Some(&b'{') => {
                self.object(line, sender, received_us);
            }
            event => self.assembler.event(event, sender, received_us, &mut self.sink),
        }
        self.offer_if_full();
    }

    fn offer_if_full(&mut self) {
        if self.sink.is_full() && matches!(self.handed, Handed::On(_)) {
            self.offer();
        }
    }

    /// Counts bytes that are read and come line by line.
    pub const fn count_bytes(&mut self, bytes: usize) {
        self.bytes += bytes as u64;
    }

    /// What comes next is of the line of a file that ends here.
    pub const fn mark(&mut self, mark: Mark) {
        self.sink.mark(mark);
    }

    /// Takes and counts nothing of a file up to this place.
    pub const fn begin_behind(&mut self, known: Place) {
        self.sink.begin_behind(known);
    }

    /// Takes a line of a file, whose format the first one tells. At the pace at which it was recorded it may not be due yet; then says
    /// when it is: its message is in the batch, alone unless the journal had no room for those before it, and to be handed on at
    /// that time, which is also its received time.
    pub fn file_line(
        &mut self,
        event: LineEvent<'_>,
        format: &mut Format,
        now_us: i64,
        pace: Option<&mut Pace>,
    ) -> Option<i64> {
        if format.takes_header(event) {
            self.sink.set_recorded();
            return None;
        }
        let due_us = match (format, event) {
            (Format::Table(table), LineEvent::Line(line)) => {
                self.row(table.read(line), line, now_us, pace)
            }
            (_, event) => match pace {
                Some(pace) => {
                    let mut sink = Paced::new(&mut self.sink, pace, now_us);
                    self.assembler.event(event, FILE, now_us, &mut sink);
                    sink.due_us()
                }
                None => {
                    self.assembler.event(event, FILE, now_us, &mut self.sink);
                    None
                }
            },
        };
        self.offer_if_full();
        due_us
    }

    /// Takes a row of a table.
    fn row(
        &mut self,
        row: Result<Entry, Reject>,
        line: &[u8],
        now_us: i64,
        pace: Option<&mut Pace>,
    ) -> Option<i64> {
        let Entry { told, sent_us, .. } = match row {
            Ok(entry) => entry,
            Err(reason) => {
                self.sink.reject(reason, line);
                return None;
            }
        };
        let pace = pace.filter(|_| !self.sink.is_line_known());
        let due_us = pace.map_or(now_us, |pace| pace.due_us(sent_us, now_us));
        let is_due = due_us <= now_us;
        if !is_due {
            // Those before it are due. If there is no room for them, they go with it.
            self.sink.hand_on();
        }
        // Refused, it is counted; nobody waits for an answer.
        let _ = self.sink.report(&told, line, (due_us, Some(sent_us)));
        (!is_due).then_some(due_us)
    }

    /// Gives up parts that waited too long for their partners; cheap to call in every turn.
    pub fn expire(&mut self, now_us: i64) {
        if now_us >= self.next_expiry_us {
            self.next_expiry_us = now_us.saturating_add(EXPIRE_INTERVAL_US);
            self.assembler.expire(now_us, &mut self.sink);
        }
    }

    /// Gives up all parts that still wait: nothing more will come.
    pub fn finish(&mut self) {
        self.assembler.finish(&mut self.sink);
    }

    /// Hands on what there is. `On` counts all messages handed on since the last call.
    pub fn hand_on(&mut self) -> Handed {
        self.context().feed_counts().bytes.add(self.bytes);
        self.bytes = 0;
        self.offer();
        match self.handed {
            Handed::On(_) => Handed::On(std::mem::take(&mut self.moved)),
            refused => refused,
        }
    }

    fn offer(&mut self) {
        self.handed = self.sink.hand_on();
        if let Handed::On(count) = self.handed {
            self.moved += count;
        }
    }

    /// Whether a batch is kept for want of room, so that nothing more should be read.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.handed == Handed::Kept
    }

    /// Throws the kept batch away, counted.
    pub fn drop_batch(&mut self) {
        self.sink.drop_batch();
        self.handed = Handed::On(0);
    }
}

/// Gives messages that tell no time that of what held them.
struct Dated<'a> {
    sink: &'a mut FeedSink,
    sent_us: Option<i64>,
}

impl Sink for Dated<'_> {
    fn message(&mut self, message: &Message<'_>) {
        let sent_us = message.sent_us.or(self.sent_us);
        self.sink.message(&Message { sent_us, ..*message });
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.sink.reject(reason, line);
    }

    fn note(&mut self, note: Note, count: u64) {
        self.sink.note(note, count);
    }
}

#[cfg(test)]
mod tests {
    use super::super::BATCH_BYTES;
    use super::super::testing::{Bench, lines};
    use super::*;
    use crate::record::{Record, Walk};

    #[test]
    fn a_large_read_makes_many_batches_of_the_size_they_should_have() {
        let bench = Bench::new(64);
        let mut intake = Intake::new(bench.context());
        let mut framer = intake.framer();
        intake.bytes(&mut framer, &lines(5000, "\n"), 1, 0);
        assert_eq!(intake.hand_on(), Handed::On(5000));
        let sizes = bench.batch_bytes();
        assert!(
            sizes.len() > 5 && sizes.iter().all(|&size| size <= BATCH_BYTES + 1024),
            "{sizes:?}"
        );
    }

    /// As AIS-catcher sends messages with `-u HOST PORT JSON on`, and without its sentence.
    #[test]
    fn an_object_in_a_datagram_is_its_sentences_or_its_fields() {
        const WITH: &str = r#"{"class":"AIS","device":"AIS-catcher","scaled":true,"channel":"A","nmea":["!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27"],"rxuxtime":1700000000,"type":1,"mmsi":503000105,"lat":-32.1,"lon":115.7}"#;
        const BARE: &str = r#"{"class":"AIS","device":"AIS-catcher","scaled":true,"channel":"A","rxtime":"20231114221320","type":1,"mmsi":503000105,"status":0,"lat":-32.1,"lon":115.7,"speed":12.5}"#;
        let bench = Bench::new(8);
        let mut intake = Intake::new(bench.context());
        let base = BARE.replace("\"type\":1", "\"type\":4");
        let wrong = WITH.replace("*27", "*28");
        for text in [WITH, BARE, &base, "{no JSON", &wrong, &"{\"a\":".repeat(100)] {
            intake.datagram(text.as_bytes(), 1, 0);
        }
        intake.datagram(
            [WITH, "\r\n", "!AIVDM,1,1,,A,17P@<J?P00blFWmjG@5a5?v62<10,0*27"].concat().as_bytes(),
            1,
            0,
        );
        assert_eq!(intake.hand_on(), Handed::On(4));
        let rejected = |reason: Reject| bench.counts().rejected.of(reason as usize).get();
        let reasons = [Reject::SentenceMissing, Reject::Json, Reject::Checksum].map(rejected);
        assert_eq!((reasons, bench.counts().received.get()), ([1, 2, 1], 8));
        let batches = bench.batches();
        let records: Vec<Record<'_>> =
            batches.iter().flat_map(|batch| Walk::new(batch.bytes())).map(Record::view).collect();
        let sent = Some(1_700_000_000 * SECOND_US);
        let told: Vec<_> = records.iter().map(|it| (it.report, it.sent_us)).collect();
        assert_eq!(told, [(false, sent), (true, sent), (false, sent), (false, None)]);
        assert_eq!(records[0].raw, super::super::testing::SENTENCE);
    }

    /// gpsd says who it is and what it watches before the sentences, and where it is itself between them.
    #[test]
    fn objects_in_a_stream_are_taken_as_in_datagrams_and_what_gpsd_says_of_itself_is_ignored() {
        const GPSD: &str = r#"{"class":"VERSION","release":"3.22","rev":"3.22","proto_major":3,"proto_minor":14}
{"class":"DEVICES","devices":[{"class":"DEVICE","path":"tcp://153.44.253.27:5631","driver":"AIVDM"}]}
{"class":"WATCH","enable":true,"json":false,"nmea":true,"raw":0,"scaled":false,"timing":false}
{"class":"TPV","device":"/dev/ttyUSB0","mode":3,"lat":52.1,"lon":4.1}
"#;
        let padded = format!(
            r#"{{"class":"AIS","device":"AIS-catcher","pad":"{}","nmea":["{}"],"rxuxtime":1700000000}}"#,
            "x".repeat(2000),
            std::str::from_utf8(super::super::testing::SENTENCE).unwrap()
        );
        let bench = Bench::new(8);
        let mut intake = Intake::new(bench.context());
        let mut framer = intake.framer();
        let long = "y".repeat(2000);
        let text = [GPSD, &padded, "\r\n!", &long, "\r\n", &padded, "\n"].concat();
        for bytes in text.as_bytes().chunks(700) {
            intake.bytes(&mut framer, bytes, 1, 0);
        }
        assert_eq!(intake.hand_on(), Handed::On(2));
        let too_long = bench.counts().rejected.of(Reject::LineTooLong as usize).get();
        assert_eq!(
            (bench.counts().ignored.get(), too_long),
            (4, 1),
            "a sentence has its own bound"
        );
        assert_eq!(bench.counts().rejected.total(), 1);
    }

    #[test]
    fn without_room_the_batch_is_kept_whole_until_there_is() {
        let bench = Bench::new(1);
        let mut intake = Intake::new(bench.context());
        let mut framer = intake.framer();
        intake.bytes(&mut framer, &lines(5000, "\n"), 1, 0);
        assert_eq!(intake.hand_on(), Handed::Kept);
        assert!(intake.is_kept());
        let first = bench.records().len();
        assert!(matches!(intake.hand_on(), Handed::On(_)));
        assert_eq!(first + bench.records().len(), 5000);
    }
}

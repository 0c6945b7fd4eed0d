//! Bodies to records: which of the known forms a body has, and what becomes of each entry.
//!
//! ```text
//! {…}                    one report in fields        [{…},{…}]    many            {…}\n{…}   many, one a line
//! {"msgs":[{…},{…}]}     what AIS-catcher posts: the sentences of each, or its fields where there are none
//! !AIVDM,…\n\!AIVDM,…    sentences, as on any other feed
//! ```
//!
//! A bad entry does not spoil the others; a text that is no JSON at all does. Nothing waits for the next body: parts of messages
//! whose partners are not in the same one are given up.

use memchr::memmem;
use serde_json::value::RawValue;

use super::tally::Tally;
use super::{Content, Form, Post, Verdict};
use crate::ais::{self, Scratch};
use crate::config::NmeaConfig;
use crate::feed::FeedSink;
use crate::feed::json::depth::{self, DEPTH_MAX};
use crate::feed::json::parts::{sentences, value_of};
use crate::feed::json::{self, Dialect};
use crate::nmea::{Assembler, Message, Note, Sink};
use crate::record::Payload;
use crate::reject::Reject;
use crate::shard::event_time::Believable;

/// Entries of one body at most, so that what is told of them has a bound.
const ENTRIES_MAX: usize = 20_000;
/// Parts of messages are joined within a body, so there is but one sender.
const SENDER: u64 = 0;

/// Reads bodies.
pub struct Bodies {
    assembler: Assembler,
    believable: Believable,
    scratch: Scratch,
}

/// Why nothing of a body was taken.
struct Refused {
    status: u16,
    reason: Reject,
    text: String,
}

impl Refused {
    fn json(text: impl Into<String>) -> Self {
        Self { status: 400, reason: Reject::Json, text: text.into() }
    }
}

impl Bodies {
    /// Sentences are read like this, and times believed like that.
    pub fn new(nmea: &NmeaConfig, believable: Believable) -> Self {
        Self { assembler: Assembler::new(nmea), believable, scratch: Scratch::default() }
    }

    /// Reads a body into the sink; how many records came of it, and what is told of it once they are on disk.
    pub fn read(&mut self, post: &Post, sink: &mut FeedSink) -> (u64, Verdict) {
        let mut taker = Taker {
            believable: self.believable,
            scratch: &mut self.scratch,
            sink,
            received_us: post.received_us,
            sent_us: None,
            index: 0,
            tally: Tally::default(),
        };
        let taken = match form_of(post) {
            Content::Lines => taker.lines(&post.body, &mut self.assembler),
            content => taker.json(post, content, &mut self.assembler),
        };
        match taken {
            Ok(()) => (taker.tally.accepted(), taker.tally.verdict()),
            Err(refused) => {
                sink.reject(refused.reason, &post.body);
                (0, Verdict::error(refused.status, &refused.text))
            }
        }
    }
}

/// What a body is: as it is said, or by its first byte.
fn form_of(post: &Post) -> Content {
    match (post.content, post.body.trim_ascii_start().first()) {
        (Content::Unknown, Some(b'!' | b'$' | b'\\')) => Content::Lines,
        (content, _) => content,
    }
}

/// Takes the entries of one body.
struct Taker<'a> {
    believable: Believable,
    scratch: &'a mut Scratch,
    sink: &'a mut FeedSink,
    received_us: i64,
    /// When what holds the sentence says that it was.
    sent_us: Option<i64>,
    index: usize,
    tally: Tally,
}

impl Taker<'_> {
    fn lines(&mut self, body: &[u8], assembler: &mut Assembler) -> Result<(), Refused> {
        let lines = || body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        within_bound(lines().filter(|line| !line.is_empty()).count())?;
        for (index, line) in lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            self.index = index;
            assembler.line(line, SENDER, self.received_us, self);
        }
        assembler.finish(self);
        Ok(())
    }

    fn json(
        &mut self,
        post: &Post,
        content: Content,
        assembler: &mut Assembler,
    ) -> Result<(), Refused> {
        if !depth::is_bounded(&post.body) {
            return Err(Refused::json(format!("the JSON is nested deeper than {DEPTH_MAX}")));
        }
        let text = std::str::from_utf8(&post.body)
            .map_err(|_| Refused::json("the body is not valid UTF-8"))?;
        if content == Content::JsonLines {
            return self.json_lines(text);
        }
        match text.trim_start().as_bytes().first() {
            Some(b'[') if post.form == Form::One => Err(Refused::json(
                "one object is wanted here; an array goes to /api/vessels/positions/batch",
            )),
            Some(b'[') => {
                let entries: Vec<&RawValue> = serde_json::from_str(text).map_err(no_json)?;
                self.entries(&entries, Dialect::Any, assembler)
            }
            Some(b'{') => match serde_json::from_str::<&RawValue>(text) {
                Ok(_) => self.object(text, assembler),
                Err(_) if post.form == Form::Many && text.trim_end().contains('\n') => {
                    self.json_lines(text)
                }
                Err(error) => Err(no_json(error)),
            },
            _ => Err(Refused::json(
                "the body is no JSON; sentences are sent with Content-Type: text/plain",
            )),
        }
    }

    /// Takes one object: a report, or what AIS-catcher posts.
    fn object(&mut self, text: &str, assembler: &mut Assembler) -> Result<(), Refused> {
        let has_messages = memmem::find(text.as_bytes(), b"\"msgs\"").is_some();
        let messages = if has_messages { value_of(text, "msgs").map_err(no_json)? } else { None };
        if let Some(messages) = messages {
            let messages: Vec<&RawValue> = serde_json::from_str(messages.get())
                .map_err(|_| Refused::json("msgs is not an array"))?;
            return self.entries(&messages, Dialect::Decoder, assembler);
        }
        self.report(text.trim(), Dialect::Any);
        Ok(())
    }

    fn entries(
        &mut self,
        entries: &[&RawValue],
        dialect: Dialect,
        assembler: &mut Assembler,
    ) -> Result<(), Refused> {
        within_bound(entries.len())?;
        for (index, entry) in entries.iter().enumerate() {
            self.index = index;
            let sentences = match dialect {
                Dialect::Decoder => sentences(entry.get()),
                Dialect::Any => None,
            };
            match sentences {
                Some(sentences) => self.sentences(entry.get(), &sentences, assembler),
                None => self.report(entry.get(), dialect),
            }
        }
        Ok(())
    }

    fn json_lines(&mut self, text: &str) -> Result<(), Refused> {
        let lines = || text.split('\n').map(str::trim);
        within_bound(lines().filter(|line| !line.is_empty()).count())?;
        for (index, line) in lines().enumerate().filter(|(_, line)| !line.is_empty()) {
            self.index = index;
            self.report(line, Dialect::Any);
        }
        Ok(())
    }

    /// Takes a report in fields.
    fn report(&mut self, text: &str, dialect: Dialect) {
        let read = json::read(text, dialect).and_then(|entry| {
            self.believable.judge_time(entry.sent_us, self.received_us, false)?;
            Ok(entry)
        });
        let result = match read {
            Ok(entry) => {
                self.tally.unusable += u64::from(entry.unusable);
                let times = (self.received_us, Some(entry.sent_us));
                self.sink.report(&entry.told, text.as_bytes(), times)
            }
            Err(reason) => {
                self.sink.reject(reason, text.as_bytes());
                Err(reason)
            }
        };
        self.tally.note(self.index, result);
    }

    /// Takes the sentences of one message, dated by what holds them unless they are themselves.
    fn sentences(&mut self, text: &str, sentences: &[String], assembler: &mut Assembler) {
        let (before, incomplete) = (self.tally.outcomes.len(), self.tally.incomplete);
        self.sent_us = json::time(text);
        for sentence in sentences {
            assembler.line(sentence.as_bytes(), SENDER, self.received_us, self);
        }
        assembler.finish(self);
        self.sent_us = None;
        self.tally.incomplete = incomplete;
        if self.tally.outcomes.len() == before {
            self.sink.reject(Reject::Fragment, text.as_bytes());
            self.tally.note(self.index, Err(Reject::Fragment));
        }
    }
}

impl Sink for Taker<'_> {
    fn message(&mut self, message: &Message<'_>) {
        let sent_us = message.sent_us.or(self.sent_us);
        let message = Message { sent_us, ..*message };
        let payload = match message.payload {
            Payload::Within(at, len) => message.raw.get(at..at + len).unwrap_or_default(),
            Payload::Joined(payload) | Payload::Report(payload) => payload,
        };
        // What the shard will ask.
        let time_us = sent_us.unwrap_or(message.received_us);
        let judged = self.believable.judge_time(time_us, message.received_us, false);
        let good =
            judged.and_then(|()| ais::decode(payload, message.fill, self.scratch).map(|_| ()));
        let result = match good {
            Ok(()) => self.sink.take(&message),
            Err(reason) => {
                self.sink.reject(reason, message.raw);
                Err(reason)
            }
        };
        self.tally.note(self.index, result);
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        self.sink.reject(reason, line);
        self.tally.note(self.index, Err(reason));
    }

    fn note(&mut self, note: Note, count: u64) {
        self.sink.note(note, count);
        match note {
            Note::Ignored => self.tally.ignored += count,
            Note::FragmentExpired => self.tally.incomplete += count,
            Note::TagBlockIgnored | Note::DollarSentence => {}
        }
    }
}

fn within_bound(entries: usize) -> Result<(), Refused> {
    if entries <= ENTRIES_MAX {
        return Ok(());
    }
    let text = format!("{entries} entries, at most {ENTRIES_MAX} are taken at once");
    Err(Refused { status: 413, reason: Reject::TooLong, text })
}

fn no_json(error: serde_json::Error) -> Refused {
    Refused::json(format!("the body is no JSON: {error}"))
}

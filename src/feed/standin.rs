//! Stands in for `nmea` until it is merged: whole single sentences only.

use crate::config::NmeaConfig;
use crate::nmea::{Message, Note, Sink};
use crate::record::Payload;

pub enum LineEvent<'a> {
    Line(&'a [u8]),
    TooLong(&'a [u8]),
}

pub struct Framer {
    max: usize,
    held: Vec<u8>,
    skipping: bool,
}

impl Framer {
    pub fn new(max: usize) -> Self {
        Self { max, held: Vec::new(), skipping: false }
    }

    pub fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(LineEvent<'_>)) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
            bytes = rest;
            if std::mem::take(&mut self.skipping) {
                continue;
            }
            if self.held.is_empty() {
                take(LineEvent::Line(line.trim_ascii_end()));
            } else {
                self.held.extend_from_slice(line);
                take(LineEvent::Line(self.held.trim_ascii_end()));
                self.held.clear();
            }
        }
        if self.skipping || bytes.is_empty() {
            return;
        }
        if self.held.len() + bytes.len() > self.max {
            self.skipping = true;
            self.held.extend_from_slice(&bytes[..bytes.len().min(self.max)]);
            take(LineEvent::TooLong(&self.held));
            self.held = Vec::new();
        } else {
            self.held.extend_from_slice(bytes);
        }
    }

    pub fn finish(&mut self, mut take: impl FnMut(LineEvent<'_>)) {
        self.skipping = false;
        if !self.held.is_empty() {
            take(LineEvent::Line(self.held.trim_ascii_end()));
            self.held = Vec::new();
        }
    }
}

pub struct Assembler;

impl Assembler {
    pub fn new(_config: &NmeaConfig) -> Self {
        Self
    }

    pub fn line(&mut self, line: &[u8], _sender: u64, received_us: i64, sink: &mut impl Sink) {
        if !line.starts_with(b"!AIVDM,1,1,") {
            sink.note(Note::Ignored, 1);
            return;
        }
        let mut commas = memchr::memchr_iter(b',', line).skip(4);
        let (Some(from), Some(to)) = (commas.next(), commas.next()) else { return };
        sink.message(&Message {
            raw: line,
            payload: Payload::Within(from + 1, to - from - 1),
            mmsi: 244_660_000,
            sent_us: None,
            received_us,
            fill: 0,
            channel: b'A',
            parts: 1,
            own_ship: false,
        });
    }

    pub fn event(
        &mut self,
        event: LineEvent<'_>,
        sender: u64,
        received_us: i64,
        sink: &mut impl Sink,
    ) {
        match event {
            LineEvent::Line(line) => self.line(line, sender, received_us, sink),
            LineEvent::TooLong(line) => sink.reject(crate::reject::Reject::LineTooLong, line),
        }
    }

    pub fn expire(&mut self, _now_us: i64, _sink: &mut impl Sink) {}

    pub fn finish(&mut self, _sink: &mut impl Sink) {}
}

pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(line.trim_ascii_end())
    }
}

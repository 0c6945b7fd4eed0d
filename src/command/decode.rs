//! `aisd decode`: NMEA in, one JSON object a line out, with gpsd's field names, as `gpsdecode -j` does.
//!
//! What was refused is told with `--rejects`, as objects of class `REJECT`. What was read from a pipe is written before the next
//! read waits, so it can stand between a receiver and whatever reads JSON.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;

use clap::Args;

use crate::ais::json::Object;
use crate::ais::{self, JsonMeta, Scratch};
use crate::clock::Clock;
use crate::config::NmeaConfig;
use crate::exit::{self, Failure};
use crate::nmea::assembler::Assembler;
use crate::nmea::line::Framer;
use crate::nmea::{Message, Note, Sink};
use crate::record::Payload;
use crate::reject::Reject;

/// Bytes read at once.
const READ_BYTES: usize = 256 * 1024;
/// All input comes from one sender.
const SENDER: u64 = 0;

/// Arguments of `decode`.
#[derive(Args, Debug)]
pub struct DecodeArgs {
    /// Write the standard's own integers instead of knots and degrees
    #[arg(long)]
    pub unscaled: bool,
    /// Also write what was refused, with its reason
    #[arg(long)]
    pub rejects: bool,
    /// Read this file instead of standard input
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// Decodes a file or standard input to its end.
///
/// # Errors
/// When the input cannot be read or the output not be written.
pub fn decode(args: &DecodeArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let (name, mut input): (String, Box<dyn Read>) = match &args.file {
        None => ("stdin".to_owned(), Box::new(io::stdin().lock())),
        Some(path) => {
            let name = path.display().to_string();
            let file = File::open(path)
                .map_err(|error| Failure::new(exit::NO_INPUT, format!("open {name}: {error}")))?;
            (name, Box::new(file))
        }
    };
    let config = NmeaConfig::default();
    let mut framer = Framer::new(config.line_bytes_max);
    let mut assembler = Assembler::new(&config);
    let mut printer = Printer::new(args, &name);
    let mut buffer = vec![0; READ_BYTES];
    let clock = Clock::System;
    loop {
        let count = match input.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                return Err(Failure::new(exit::NO_INPUT, format!("read {name}: {error}")));
            }
        };
        let now_us = clock.now_us();
        if count == 0 {
            framer.finish(|event| assembler.event(event, SENDER, now_us, &mut printer));
            assembler.finish(&mut printer);
            return printer.write_to(out).map(|_| exit::OK);
        }
        let bytes = &buffer[..count];
        framer.feed(bytes, |event| assembler.event(event, SENDER, now_us, &mut printer));
        if !printer.write_to(out)? {
            return Ok(exit::OK);
        }
    }
}

/// Turns what the assembler says into lines.
struct Printer<'a> {
    scaled: bool,
    rejects: bool,
    meta: JsonMeta<'a>,
    scratch: Scratch,
    lines: Vec<u8>,
}

impl<'a> Printer<'a> {
    fn new(args: &DecodeArgs, name: &'a str) -> Self {
        Self {
            scaled: !args.unscaled,
            rejects: args.rejects,
            meta: JsonMeta { device: Some(name) },
            scratch: Scratch::default(),
            lines: Vec::with_capacity(4 * READ_BYTES),
        }
    }

    /// Writes the gathered lines; says whether anybody still reads them.
    fn write_to(&mut self, out: &mut dyn Write) -> Result<bool, Failure> {
        let written = out.write_all(&self.lines).and_then(|()| out.flush());
        self.lines.clear();
        match written {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(error) => {
                Err(Failure::new(exit::IO, format!("cannot write to standard output: {error}")))
            }
        }
    }
}

impl Sink for Printer<'_> {
    fn message(&mut self, message: &Message<'_>) {
        let payload = match message.payload {
            Payload::Within(at, len) => &message.raw[at..at + len],
            Payload::Joined(payload) | Payload::Report(payload) => payload,
        };
        match ais::decode(payload, message.fill, &mut self.scratch) {
            Ok(decoded) => {
                decoded.write_json(self.scaled, &self.meta, &mut self.lines);
                self.lines.push(b'\n');
            }
            Err(reason) => self.reject(reason, message.raw),
        }
    }

    fn reject(&mut self, reason: Reject, line: &[u8]) {
        if self.rejects {
            let mut object = Object::open(&mut self.lines);
            object.text("class", b"REJECT");
            object.text("reason", reason.label().as_bytes());
            object.text("line", line);
            object.close();
            self.lines.push(b'\n');
        }
    }

    fn note(&mut self, _note: Note, _count: u64) {}
}

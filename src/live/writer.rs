//! Writes vessels into the picture over a link that it makes when it needs one, and gives up after any failure.
//!
//! On a single server one script call takes many vessels with all that follows from them, so subscribers and readers of `geo` see
//! what the guard saw. In a cluster each vessel is guarded by a call of its own, and `geo`, `active` and the publication
//! follow for those that have won: what two daemons write there within one moment may cross, what a vessel's key holds may not.

mod trim;

use redis::{Cmd, cmd};
use uuid::Uuid;

use super::address::Address;
use super::entry::{Entries, Entry, Moment, Place};
use super::fields::Kept;
use super::keys::Keys;
use super::link::{Link, Trouble};
use super::script::{self, Script};
use super::text;
use crate::config::RedisConfig;
use crate::picture::Change;

/// Vessels of one script call: some two milliseconds in which the server answers nobody else.
const CALL_MAX: usize = 100;

/// What became of vessels that were written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Written.
    pub written: u64,
    /// Left as they are: a newer position is there.
    pub refused: u64,
    /// Written anew without what they said of themselves, which was not to be written.
    pub lacking: Vec<u32>,
}

/// The writer.
pub struct Writer {
    address: Address,
    config: RedisConfig,
    sources: Vec<String>,
    is_publishing: bool,
    open: Option<Open>,
    /// How vessels are kept and whether that is in a cluster, as the log was told last.
    told: Option<(Kept, bool)>,
    /// What the marks held when they were last looked at.
    made: Vec<String>,
}

/// What is there as long as the link is.
struct Open {
    link: Link,
    keys: Keys,
    entries: Entries,
    script: Script,
    trim: Script,
}

impl Writer {
    /// Not connected yet. Feeds are named by their number.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn new(config: RedisConfig, sources: Vec<String>) -> Result<Self, String> {
        let address = Address::read(&config.url)?;
        let (open, told, made) = (None, None, Vec::new());
        Ok(Self { address, config, sources, is_publishing: true, open, told, made })
    }

    /// Publishes nothing.
    #[must_use]
    pub fn quiet(self) -> Self {
        Self { is_publishing: false, ..self }
    }

    /// For people: which server.
    #[must_use]
    pub fn shown(&self) -> String {
        self.address.shown()
    }

    /// Connects unless that is done; says whether it was not.
    ///
    /// # Errors
    /// When nobody answers in time, or something else than what is wanted.
    pub fn connect(&mut self) -> Result<bool, Trouble> {
        if self.open.is_some() {
            return Ok(false);
        }
        let config = &self.config;
        let timeout = std::time::Duration::from_millis(config.timeout_ms);
        let doing = format!("connect to {}", self.shown());
        let link = Link::open(&self.address, config.format, timeout)
            .map_err(|trouble| trouble.while_doing(&doing))?;
        let (kept, is_cluster) = (link.kept, link.is_cluster());
        let mut open = Open {
            keys: Keys::new(config, kept, is_cluster),
            entries: Entries::new(config.layout, kept, config.ttl_seconds, self.sources.clone()),
            script: match is_cluster {
                true => script::one(config.layout, kept),
                false => script::many(config.layout, kept),
            },
            trim: script::trim(),
            link,
        };
        open.teach().map_err(|trouble| trouble.while_doing(&doing))?;
        if self.told.replace((kept, is_cluster)) != Some((kept, is_cluster)) {
            let (shown, kept) = (self.shown(), kept.label());
            tracing::info!(
                cluster = is_cluster,
                "connected to {shown}, vessels are kept as {kept}"
            );
        }
        self.open = Some(open);
        Ok(true)
    }

    /// Whether the picture is still the one that was written to; afterwards it is. It is not when the server was emptied or has
    /// lost its memory.
    ///
    /// # Errors
    /// When the server does not answer as it should. The link is then given up.
    pub fn is_whole(&mut self) -> Result<bool, Trouble> {
        let known = self.made.clone();
        let (is_whole, made) = self.with("look at", |open, _| open.marks(&known))?;
        self.made = made;
        Ok(is_whole)
    }

    /// Writes these vessels.
    ///
    /// # Errors
    /// When the server does not answer as it should; any of them may have been written. The link is then given up.
    pub fn write(&mut self, changes: &[Change], now_us: i64) -> Result<Outcome, Trouble> {
        self.with("write to", |open, is_publishing| open.write(changes, now_us, is_publishing))
    }

    /// Takes vessels out of `active` and `geo` whose newest position is too old; says whether there are more.
    ///
    /// # Errors
    /// When the server does not answer as it should. The link is then given up.
    pub fn trim(&mut self, now_us: i64) -> Result<bool, Trouble> {
        self.with("trim", |open, _| open.trim(now_us))
    }

    fn with<T>(
        &mut self,
        doing: &str,
        work: impl FnOnce(&mut Open, bool) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        self.connect()?;
        let Some(mut open) = self.open.take() else { return Err(Trouble::answer("not connected")) };
        let done = work(&mut open, self.is_publishing);
        match done {
            Ok(done) => {
                self.open = Some(open);
                Ok(done)
            }
            // The link goes here.
            Err(trouble) => Err(trouble.while_doing(&format!("{doing} {}", self.shown()))),
        }
    }
}

impl Open {
    /// Makes the script known to every node, by calls that do nothing.
    fn teach(&mut self) -> Result<(), Trouble> {
        let call = |mark| cmd("EVAL").arg(&self.script.text).arg(1).arg(mark).take();
        let calls = self.keys.marks.iter().map(call).collect();
        self.link.ask::<redis::Value>(calls).map(drop)
    }

    /// Whether all marks hold what they held, and what they hold now.
    fn marks(&mut self, known: &[String]) -> Result<(bool, Vec<String>), Trouble> {
        let found: Vec<[Option<String>; 1]> = self.link.ask(self.keys.look().collect())?;
        let mut made = Vec::with_capacity(found.len());
        let mut set = Vec::new();
        for ([found], mark) in found.into_iter().zip(&self.keys.marks) {
            made.push(found.unwrap_or_else(|| {
                let new = Uuid::new_v4().to_string();
                set.push(cmd("HSET").arg(mark).arg("made").arg(&new).take());
                new
            }));
        }
        self.link.ask::<redis::Value>(set)?;
        Ok((known.is_empty() || known == made, made))
    }

    fn write(
        &mut self,
        changes: &[Change],
        now_us: i64,
        is_publishing: bool,
    ) -> Result<Outcome, Trouble> {
        let entries: Vec<Entry<'_>> =
            changes.iter().filter_map(|change| self.entries.entry(change, now_us)).collect();
        let moment = Moment::new(now_us);
        let told = match self.link.is_cluster() {
            false => self.write_many(&entries, &moment, is_publishing)?,
            true => self.write_each(&entries, &moment, is_publishing)?,
        };
        let mut outcome = Outcome::default();
        for (told, entry) in told.iter().zip(&entries) {
            match told {
                b'r' => outcome.refused += 1,
                _ => outcome.written += 1,
            }
            if *told == b'n' && entry.lacks_statics() {
                outcome.lacking.push(entry.view.mmsi);
            }
        }
        Ok(outcome)
    }

    /// One call for many vessels; a letter for each of them.
    fn write_many(
        &mut self,
        entries: &[Entry<'_>],
        moment: &Moment,
        is_publishing: bool,
    ) -> Result<Vec<u8>, Trouble> {
        let Self { link, keys, entries: writer, script, .. } = self;
        let told: Vec<String> = call(link, script, |call| {
            let mut calls = Vec::new();
            for entries in entries.chunks(CALL_MAX) {
                let mut command = call.begin(entries.len() + 2);
                command.arg(&keys.geo).arg(&keys.active);
                for entry in entries {
                    command.arg(keys.vessel(entry.view.mmsi));
                }
                command.arg(&keys.channel);
                let mut value = String::new();
                for entry in entries {
                    add_consequences(entry, writer, is_publishing, &mut value, &mut command);
                    writer.add(entry, &mut command);
                }
                moment.add(&mut command);
                calls.push(command);
            }
            calls
        })?;
        Ok(told.concat().into_bytes())
    }

    /// A call for each vessel, then what follows for those that have won; a letter for each of them.
    fn write_each(
        &mut self,
        entries: &[Entry<'_>],
        moment: &Moment,
        is_publishing: bool,
    ) -> Result<Vec<u8>, Trouble> {
        let Self { link, keys, entries: writer, script, .. } = self;
        let told: Vec<String> = call(link, script, |call| {
            let each = entries.iter().map(|entry| {
                let mut command = call.begin(1);
                command.arg(keys.vessel(entry.view.mmsi));
                writer.add(entry, &mut command);
                moment.add(&mut command);
                command
            });
            each.collect()
        })?;
        let told = told.concat().into_bytes();
        let mut follow = Follow::new(keys);
        let mut news = String::from("[");
        for (entry, told) in entries.iter().zip(&told).filter(|(_, told)| **told != b'r') {
            follow.add(entry);
            if is_publishing && told.is_ascii_uppercase() && writer.publication(entry, &mut news) {
                news.push(',');
            }
        }
        link.ask::<redis::Value>(follow.commands())?;
        if news.pop() == Some(',') {
            news.push(']');
            link.ask_anyone::<redis::Value>(cmd("PUBLISH").arg(&keys.channel).arg(news))?;
        }
        Ok(told.to_ascii_lowercase())
    }
}

/// Score, place and publication, as `many.lua` takes them before the vessel itself.
fn add_consequences(
    entry: &Entry<'_>,
    writer: &Entries,
    is_publishing: bool,
    value: &mut String,
    to: &mut Cmd,
) {
    match entry.score() {
        Some(score) => to.arg(score),
        None => to.arg(""),
    };
    match entry.place() {
        Place::AsItIs => to.arg("").arg(""),
        Place::Away => to.arg("-").arg(""),
        Place::At(lon, lat) => {
            value.clear();
            text::degrees(lon, value);
            to.arg(value.as_str());
            value.clear();
            text::degrees(lat, value);
            to.arg(value.as_str())
        }
    };
    value.clear();
    if is_publishing {
        writer.publication(entry, value);
    }
    to.arg(value.as_str());
}

/// How a script is called: by its name, or with its text by a server that does not know it yet.
#[derive(Clone, Copy)]
struct Call<'a>(&'static str, &'a str);

impl Call<'_> {
    fn begin(self, keys: usize) -> Cmd {
        cmd(self.0).arg(self.1).arg(keys).take()
    }
}

/// Calls a script as often as `calls` says, with its text when it has to be.
fn call<T: redis::FromRedisValue>(
    link: &mut Link,
    script: &Script,
    mut calls: impl FnMut(Call<'_>) -> Vec<Cmd>,
) -> Result<Vec<T>, Trouble> {
    match link.ask(calls(Call("EVALSHA", &script.hash))) {
        Err(trouble) if trouble.is_no_script => link.ask(calls(Call("EVAL", &script.text))),
        answers => answers,
    }
}

/// What follows in a cluster for vessels that were written.
struct Follow {
    places: (Cmd, usize),
    away: (Cmd, usize),
    scores: (Cmd, usize),
}

impl Follow {
    fn new(keys: &Keys) -> Self {
        let none = |command: &mut Cmd| (command.take(), 0);
        Self {
            places: none(cmd("GEOADD").arg(&keys.geo)),
            away: none(cmd("ZREM").arg(&keys.geo)),
            // A time only grows, whoever else writes.
            scores: none(cmd("ZADD").arg(&keys.active).arg("GT")),
        }
    }

    fn add(&mut self, entry: &Entry<'_>) {
        let mmsi = entry.view.mmsi;
        match entry.place() {
            Place::AsItIs => {}
            Place::Away => {
                self.away.0.arg(mmsi);
                self.away.1 += 1;
            }
            Place::At(lon, lat) => {
                let (mut east, mut north) = (String::new(), String::new());
                text::degrees(lon, &mut east);
                text::degrees(lat, &mut north);
                self.places.0.arg(east).arg(north).arg(mmsi);
                self.places.1 += 1;
            }
        }
        if let Some(score) = entry.score() {
            self.scores.0.arg(score).arg(mmsi);
            self.scores.1 += 1;
        }
    }

    fn commands(self) -> Vec<Cmd> {
        let all = [self.places, self.away, self.scores];
        all.into_iter().filter(|(_, count)| *count > 0).map(|(command, _)| command).collect()
    }
}

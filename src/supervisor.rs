//! Builds the engine from its configuration, starts its threads in order, and stops them in the order of the flow.
//!
//! The steps of the engine do not know one another; they meet here. A thread that ends without being asked stops the
//! process with an exit code of its own: a daemon that misses a shard must not look healthy.
//!
//! Shutdown travels the way the data does. Feeds are told to stop; the journal finishes when every feed has, the shards when the journal
//! has and they have read it all, the store when the shards have. What a deadline cuts off stays in the journal.

mod build;
mod data_dir;
mod face;
mod goodbye;
mod hit_rate;
mod ingest;
mod limits;
mod live;
mod outputs;
mod progress;
mod reload;
pub mod run_file;
#[cfg(test)]
mod simulator_tests;
mod stores;
mod systemd;
mod threads;
mod time_of_day;
mod writers;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::clock::Clock;
use crate::config::load::Flags;
use crate::config::{Config, FeedKind};
use crate::exit::{self, Failure};
use crate::given::Given;
use crate::journal::committed;
use crate::observe::status::State;
use crate::resilience::quiet::Quiet;
use crate::resilience::reserve;
use build::Engine;
use hit_rate::HitRate;
use progress::Progress;
use reload::Reload;
use systemd::Systemd;
use threads::{Ended, Role};
use time_of_day::TimeOfDay;

/// The supervisor looks around this often.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// When a thread ends for no reason of its own, one that broke before it is waited for this long.
const CULPRIT_WITHIN: Duration = Duration::from_millis(100);
/// The copy of what is committed is at most this old.
const COPY_EVERY: Duration = Duration::from_secs(1);

/// What the engine is run for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Until a signal comes, or all feeds were files and are read.
    Serve,
    /// Until all files are read and everything in them is stored.
    Replay,
}

/// Runs the engine to its end; the exit code. The flags are those that made the configuration, to read it again when asked.
///
/// # Errors
/// Why it could not start or had to stop, with the exit code for that.
pub fn run(config: Config, mode: Mode, flags: Flags) -> Result<u8, Failure> {
    let signals = signals(mode)?;
    let reload = Reload::new(flags, config.clone());
    let config = outputs::configured(live::configured(config, mode), mode);
    let systemd = Systemd::new();
    let given = match mode {
        Mode::Serve => Given::take_over().map_err(|text| Failure::new(exit::IO, text))?,
        Mode::Replay => Given::default(),
    };
    let engine = build::engine(&config, given)?;
    let result = Supervision::new(engine, (config, reload), mode, systemd).until_the_end(&signals);
    if let Err(failure) = &result {
        tracing::error!("{failure}");
    }
    result
}

/// What signals ask for.
#[derive(Default)]
struct Signals {
    /// The first asks for a drain; a second one ends the process at once.
    stop: Arc<AtomicBool>,
    /// Asks a daemon to read its configuration again. A replay ends with its terminal.
    reload: Arc<AtomicBool>,
}

fn signals(mode: Mode) -> Result<Signals, Failure> {
    use signal_hook::flag::{register, register_conditional_shutdown};
    let signals = Signals::default();
    let stop = || Arc::clone(&signals.stop);
    let cannot = |error| Failure::new(exit::SOFTWARE, format!("watch for signals: {error}"));
    for signal in [SIGTERM, SIGINT] {
        let at_once = register_conditional_shutdown(signal, 128 + signal, stop());
        at_once.and(register(signal, stop())).map_err(cannot)?;
    }
    if mode == Mode::Serve {
        register(SIGHUP, Arc::clone(&signals.reload)).map_err(cannot)?;
    }
    Ok(signals)
}

/// The engine while it runs.
struct Supervision {
    engine: Engine,
    config: Config,
    reload: Reload,
    mode: Mode,
    progress: Progress,
    drain_since: Option<Instant>,
    copied_at: Instant,
    time_of_day: TimeOfDay,
    systemd: Systemd,
    hit_rate: HitRate,
    quiet: Quiet,
    /// All feeds are files: when they are read, everything behind them ends as well, perhaps before we look.
    ends_by_itself: bool,
}

impl Supervision {
    fn new(
        engine: Engine,
        (config, reload): (Config, Reload),
        mode: Mode,
        systemd: Systemd,
    ) -> Self {
        let progress = Progress::new(mode, &engine);
        let ends_by_itself =
            config.feeds.iter().all(|feed| matches!(feed.kind, FeedKind::File { .. }));
        Self {
            engine,
            config,
            reload,
            mode,
            progress,
            drain_since: None,
            copied_at: Instant::now(),
            time_of_day: TimeOfDay::new(Clock::System),
            systemd,
            hit_rate: HitRate::new(Instant::now()),
            quiet: Quiet::default(),
            ends_by_itself,
        }
    }

    fn until_the_end(mut self, signals: &Signals) -> Result<u8, Failure> {
        loop {
            while let Some(ended) = self.engine.threads.next_ended(LOOK_EVERY) {
                self.judge(ended)?;
            }
            if self.engine.threads.running(Role::Flow) == 0 {
                return self.end();
            }
            self.become_ready()?;
            self.systemd.look(&mut self.engine);
            self.progress.show(&self.engine);
            self.look_at_the_clock();
            self.hit_rate.look(&self.engine.counts, Instant::now());
            if signals.reload.swap(false, Ordering::AcqRel) {
                let engine = &self.engine;
                let applied = self.reload.again(engine.face.as_deref(), &engine.counts);
                self.config.shutdown_seconds = applied.shutdown_seconds;
            }
            if self.copied_at.elapsed() >= COPY_EVERY {
                self.copy_committed();
            }
            let files_done = self.ends_by_itself && self.engine.threads.running(Role::Feed) == 0;
            if self.drain_since.is_none() && (signals.stop.load(Ordering::Acquire) || files_done) {
                self.drain();
            }
            if self.is_too_late() {
                return self.end();
            }
        }
    }

    /// Whether a thread that ended was meant to.
    fn judge(&mut self, ended: Ended) -> Result<(), Failure> {
        let ended = if ended.result.is_ok() && !self.may_end(&ended) {
            self.engine.threads.culprit(ended, CULPRIT_WITHIN)
        } else {
            ended
        };
        match ended.result {
            Err(broken) => Err(Failure::new(
                exit::STAGE,
                format!(
                    "{} stopped unexpectedly: {broken}; exiting with code {}",
                    ended.name,
                    exit::STAGE
                ),
            )),
            Ok(()) if self.may_end(&ended) => {
                if ended.role == Role::Feed && ended.may_finish {
                    tracing::info!(feed = ended.name, "read to its end");
                }
                Ok(())
            }
            Ok(()) => Err(Failure::new(
                exit::STAGE,
                format!(
                    "{} ended without being asked; exiting with code {}",
                    ended.name,
                    exit::STAGE
                ),
            )),
        }
    }

    fn may_end(&self, ended: &Ended) -> bool {
        let is_done = ended.role == Role::Feed && ended.may_finish;
        let follows = ended.role == Role::Flow && self.ends_by_itself;
        is_done || follows || self.drain_since.is_some()
    }

    /// Ready once the shards have looked at everything that earlier runs left, or only the store holds them up.
    fn become_ready(&self) -> Result<(), Failure> {
        let engine = &self.engine;
        let recovered = engine.shards_recovering.load(Ordering::Acquire) == 0;
        if engine.status.state() != State::Starting || !recovered {
            return Ok(());
        }
        run_file::write(&self.config.data_dir, &engine.addresses).map_err(|error| {
            let path = run_file::path(&self.config.data_dir);
            Failure::new(exit::IO, format!("write {}: {error}", path.display()))
        })?;
        engine.status.set(State::Ready);
        tracing::info!(
            recovered = engine.counts.feeds.iter().map(|feed| feed.recovered.get()).sum::<u64>(),
            "ready in {} ms",
            engine.since.elapsed().as_millis()
        );
        Ok(())
    }

    fn look_at_the_clock(&mut self) {
        let Some(step_us) = self.time_of_day.step() else { return };
        self.engine.counts.clock_steps.add(1);
        tracing::warn!(
            "the time of day was set by {:+} ms; what comes is stamped with the new one",
            step_us / 1000
        );
    }

    /// Keeps a copy of what is committed, for a start while the store is away.
    fn copy_committed(&mut self) {
        self.copied_at = Instant::now();
        let all = self.engine.journal.all_committed();
        let saved = committed::save(&self.config.data_dir, &all);
        if saved.as_ref().is_err_and(reserve::is_full) {
            // The next copy finds room.
            self.engine.reserve.give();
        }
        let kept = i64::try_from(self.engine.reserve.kept()).unwrap_or(i64::MAX);
        self.engine.counts.journal.reserve_bytes.set(kept);
        if let Err(error) = saved
            && self.quiet.may_say(&error.to_string(), Instant::now())
        {
            tracing::warn!(%error, "cannot note what is committed; a start without the store reads back further");
        }
    }

    fn drain(&mut self) {
        tracing::info!("stopping: no more input is taken, what was accepted is being stored");
        self.engine.status.set(State::Draining);
        self.systemd.stopping(Duration::from_secs(self.config.shutdown_seconds));
        self.engine.stopping.store(true, Ordering::Release);
        self.drain_since = Some(Instant::now());
    }

    /// A daemon's drain has a deadline; a replay's takes as long as it takes.
    fn is_too_late(&self) -> bool {
        let deadline = Duration::from_secs(self.config.shutdown_seconds);
        self.mode == Mode::Serve && self.drain_since.is_some_and(|since| since.elapsed() > deadline)
    }

    fn end(mut self) -> Result<u8, Failure> {
        self.copy_committed();
        live::finish(&mut self.engine);
        self.progress.finish();
        self.engine.faces_stopping.store(true, Ordering::Release);
        run_file::remove(&self.config.data_dir);
        goodbye::say(&self.engine, &self.config.data_dir);
        let is_damaged = self.engine.counts.feeds.iter().any(|feed| feed.damaged.get() > 0);
        Ok(if self.mode == Mode::Replay && is_damaged { exit::DATA } else { exit::OK })
    }
}

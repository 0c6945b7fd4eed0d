//! One run from the first look at the store to the report.
//!
//! Out: the exit code: 0 all there, 1 something lost, stored twice, unexpected or wrong, 3 out of reach or failed

use crate::account::Account;
use crate::arguments::Arguments;
use crate::civil::now_us;
use crate::environment;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::live::{Live, Shown, Teller, Way};
use crate::metrics::Figures;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::progress::Progress;
use crate::report::Results;
use crate::schedule::Schedule;
use crate::send::{self, Sent, Sink, Watched};
use crate::settle::{self, ByMetrics, ByRows, Counter};
use crate::stored::{At, Outcome};
use crate::stream::Stream;
use crate::target::{Daemon, Target};
use crate::verify::{Verdict, baseline::Baseline, verify};
use std::fs;
use std::io::{self, Write};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

/// What was there before the run.
struct Before {
    baseline: Baseline,
    figures: Option<Figures>,
}

/// Does everything that the arguments ask.
///
/// # Errors
/// A text that says what was out of reach or failed.
pub fn run(arguments: &Arguments) -> Result<u8, String> {
    let progress = Progress::new(arguments.quiet);
    let daemon = Daemon::find(arguments)?;
    let before = look(&daemon)?;
    let environment = environment::block();
    let start_us = now_us();
    let sink = daemon.target.connect(arguments);
    let mut sink = sink.map_err(|error| format!("connect to {}: {error}", daemon.target))?;
    let live = follow(arguments, &daemon)?;
    let plan = Plan::new(arguments)?;
    let (schedule, count) = (plan.schedule.clone(), plan.count);
    let stream = prepare(arguments, plan, &daemon.target, &progress)?;
    let rows = daemon.store.as_ref().map(|store| rows_before(store, start_us));
    let teller = live.as_ref().map(Live::teller);
    let mut sent = send(arguments, (schedule, count), &stream, &mut *sink, teller, &progress);
    drop(stream);
    let held = settle(arguments, &daemon, &before, rows.flatten(), start_us, &sent, &progress);
    let figures = counted(arguments, &daemon, &before, &sent.ledger);
    let mut failure = failure(&sent, &daemon.target);
    let verdict = daemon.store.as_ref().and_then(|store| {
        let compared = compare(arguments, store, &before.baseline, &mut sent.ledger, start_us);
        compared.map_err(|error| failure = Some(format!("verify {store}: {error}"))).ok()
    });
    let live = live.and_then(|live| {
        let shown = live.finish(Duration::from_secs(arguments.settle));
        shown.map_err(|error| failure = Some(error)).ok()
    });
    progress.end();
    let not_stored = figures.as_ref().zip(before.figures.as_ref());
    let account = Account::of(&sent.ledger, before.figures.as_ref().zip(figures.as_ref()));
    let results = Results {
        arguments,
        target: &daemon.target,
        sent: &sent,
        held,
        verdict,
        live,
        not_stored: not_stored.map(|(now, before)| now.not_stored(before)).unwrap_or_default(),
        figures,
        account,
        failure,
        environment,
    };
    tell(&results)?;
    Ok(code(&results))
}

/// Where the store and the counters stand; begins the window of the daemon's figures.
fn look(daemon: &Daemon) -> Result<Before, String> {
    let baseline = match &daemon.store {
        Some(store) => Baseline::read(store)?,
        None => Baseline::default(),
    };
    let figures = match &daemon.metrics {
        Some(metrics) => Some(metrics.reset_window().map_err(|error| format!("metrics: {error}"))?),
        None => None,
    };
    Ok(Before { baseline, figures })
}

/// Makes as much of the stream as there is room for.
fn prepare(
    arguments: &Arguments,
    plan: Plan,
    target: &Target,
    progress: &Progress,
) -> Result<Stream, String> {
    let null = *target == Target::Null;
    let (makes, order) = plan.order(arguments, target);
    let stream = Stream::start(makes, order);
    let stream = stream.map_err(|error| format!("start the generator: {error}"))?;
    progress.begin("prepare", 0);
    if !null {
        stream.wait_until_ready(|made, room| {
            progress.begin("prepare", room as u64);
            progress.at(made as u64);
        });
    }
    Ok(stream)
}

/// Begins to follow the live picture, if that is asked.
fn follow(arguments: &Arguments, daemon: &Daemon) -> Result<Option<Live>, String> {
    let Some(address) = &daemon.live else { return Ok(None) };
    let one_way = arguments.connections == 1 || !matches!(daemon.target, Target::Tcp(_));
    let one_way = one_way && arguments.receivers == 1;
    let way = Way { tagged: arguments.tag_time, in_order: one_way };
    Live::start(address, arguments.vessels, way).map(Some)
}

/// Sends on this thread while another shows how far it is.
fn send(
    arguments: &Arguments,
    (schedule, count): (Option<Arc<Schedule>>, u64),
    stream: &Stream,
    sink: &mut dyn Sink,
    teller: Option<Teller>,
    progress: &Progress,
) -> Sent {
    let watched = Watched::default();
    let room = if count == u64::MAX { 1 << 24 } else { count };
    let ledger = Ledger::with_room(room);
    // With a rate the count ends the run, so that arrears are sent too.
    let until = schedule.is_none().then_some(arguments.duration);
    progress.begin("send", if count == u64::MAX { 0 } else { count });
    thread::scope(|scope| {
        scope.spawn(|| {
            while !watched.done.load(Ordering::Acquire) {
                progress.at(watched.sent.load(Ordering::Relaxed));
                thread::sleep(Duration::from_millis(50));
            }
        });
        send::run(stream, sink, Pace::start(schedule, until), ledger, teller, &watched)
    })
}

/// A counter of rows, if there is a store already.
fn rows_before(store: &At, start_us: u64) -> Option<ByRows> {
    let mut rows = ByRows::new(store.open().ok().flatten()?, start_us);
    rows.begin().ok().map(|()| rows)
}

/// Waits for the store; how long it took from the first message on.
fn settle(
    arguments: &Arguments,
    daemon: &Daemon,
    before: &Before,
    rows: Option<ByRows>,
    start_us: u64,
    sent: &Sent,
    progress: &Progress,
) -> Option<Duration> {
    let limit = Duration::from_secs(arguments.settle);
    let rows = || {
        let new = || Some(ByRows::new(daemon.store.as_ref()?.open().ok().flatten()?, start_us));
        rows.or_else(new).map(|rows| Box::new(rows) as Box<dyn Counter>)
    };
    let mut counter = match (&daemon.metrics, before.figures.as_ref().and_then(Figures::stored)) {
        (Some(metrics), Some(stored)) => {
            Some(Box::new(ByMetrics::new(metrics.clone(), stored)) as Box<dyn Counter>)
        }
        _ => rows(),
    }?;
    let expected = sent.ledger.expected();
    progress.begin("settle", expected);
    let settled = settle::wait(&mut *counter, expected, limit, |count| progress.at(count));
    (settled.count > 0).then(|| settled.at - sent.started)
}

/// The daemon's counters when it has counted all that it must refuse, or when the time is over: parts that wait in vain are
/// given up after half a minute.
fn counted(
    arguments: &Arguments,
    daemon: &Daemon,
    before: &Before,
    ledger: &Ledger,
) -> Option<Figures> {
    let metrics = daemon.metrics.as_ref()?;
    let until = Instant::now() + Duration::from_secs(arguments.settle);
    loop {
        let figures = metrics.read().ok();
        let account = Account::of(ledger, before.figures.as_ref().zip(figures.as_ref()));
        if account.uncounted() == 0 || Instant::now() >= until {
            return figures;
        }
        thread::sleep(Duration::from_millis(200));
    }
}

fn compare(
    arguments: &Arguments,
    store: &At,
    before: &Baseline,
    ledger: &mut Ledger,
    start_us: u64,
) -> Outcome<Verdict> {
    let fleet = Fleet::new(arguments.vessels, arguments.seed, 0);
    let mut rows = store.open()?;
    let rows = rows.as_mut().map(|rows| &mut **rows as _);
    verify(ledger, rows, before, dated_us(start_us), fleet.particulars())
}

/// Times that rows of a run may have which began then and is over now. A report is dated at most half a minute off its
/// receipt.
fn dated_us(start_us: u64) -> RangeInclusive<i64> {
    const MINUTE_US: i64 = 60_000_000;
    start_us.cast_signed() - MINUTE_US..=now_us().cast_signed() + MINUTE_US
}

fn failure(sent: &Sent, target: &Target) -> Option<String> {
    if let Some(error) = &sent.failure {
        return Some(format!("send to {target}: {error}"));
    }
    if let Some(text) = sent.answers.as_ref().and_then(|answers| answers.failure.as_ref()) {
        return Some(format!("{target} {text}"));
    }
    (sent.refused > 0).then(|| format!("{target} refused {} datagrams", sent.refused))
}

/// Writes the file, and the table unless it is to be quiet.
fn tell(results: &Results<'_>) -> Result<(), String> {
    if let Some(file) = &results.arguments.json {
        let text = format!("{:#}\n", results.json());
        fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    if !results.arguments.quiet {
        let written = io::stdout().lock().write_all(results.table().as_bytes());
        written.map_err(|error| format!("standard output: {error}"))?;
    }
    Ok(())
}

fn code(results: &Results<'_>) -> u8 {
    let stored =
        results.verdict.as_ref().is_none_or(Verdict::is_good) && results.account.uncounted() == 0;
    let shown = results.live.as_ref().is_none_or(Shown::is_good);
    match &results.failure {
        _ if !stored || !shown => 1,
        Some(_) => 3,
        None => 0,
    }
}

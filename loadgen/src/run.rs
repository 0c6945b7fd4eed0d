//! One run from the first look at the store to the report, or one after the other when a rate is looked for.
//!
//! Out: the exit code: 0 all there, 1 something lost, stored twice, unexpected or wrong, 3 out of reach or failed

use crate::account::Account;
use crate::arguments::Arguments;
use crate::arguments::rate::Rate;
use crate::civil::now_us;
use crate::commits::{Followed, Timing, Watch};
use crate::environment;
use crate::fleet::Fleet;
use crate::ledger::Ledger;
use crate::live::{Live, Teller, Way};
use crate::metrics::Figures;
use crate::pace::Pace;
use crate::plan::Plan;
use crate::profile::Tag;
use crate::progress::Progress;
use crate::report::{self, Results, outcome};
use crate::sampler::{Point, Sampler, Used};
use crate::schedule::Schedule;
use crate::search;
use crate::send::{self, Sent, Sink, Watched};
use crate::settle::{self, ByMetrics, ByRows, Counter, Settled};
use crate::stored::{At, Outcome};
use crate::stream::Stream;
use crate::target::{Daemon, Target};
use crate::verify::{Dated, Seen, Verdict, baseline::Baseline, verify};
use std::sync::Arc;
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
    let results = match arguments.rate {
        Rate::Of(first) if arguments.find_max => find_max(arguments, first, &progress)?,
        _ => once(arguments, &progress)?,
    };
    progress.end();
    report::tell(&results)?;
    Ok(outcome::of(&results).code)
}

/// Tries rates; the results of the highest that held, or of the last one when none did.
fn find_max(arguments: &Arguments, first: f64, progress: &Progress) -> Result<Results, String> {
    let (mut best, mut last, mut was_too_fast) = (None::<Results>, None, false);
    let trials = search::highest(first, |rate| {
        // A run that fails on its way was too fast as well.
        if std::mem::replace(&mut was_too_fast, true) {
            rest(arguments)?;
        }
        let results = once(&Arguments { rate: Rate::Of(rate), ..arguments.clone() }, progress)?;
        let why = search::why(&results);
        was_too_fast = why.is_some();
        progress.say(&match &why {
            None => format!("{rate}/s holds"),
            Some(why) => format!("{rate}/s does not hold: {why}"),
        });
        let is_best = best.as_ref().is_none_or(|it| it.arguments.rate.peak() < Some(rate));
        if why.is_none() && is_best {
            best = Some(results);
        } else {
            last = Some(results);
        }
        Ok(why)
    })?;
    let results = best.or(last).ok_or("no rate was tried")?;
    Ok(Results { trials, ..results })
}

/// Waits until the daemon has done with what a rate left behind that was too high: the next one is not to answer for it.
fn rest(arguments: &Arguments) -> Result<(), String> {
    let Some(metrics) = Daemon::find(arguments)?.metrics else { return Ok(()) };
    let mut counter = ByMetrics::new(metrics, 0);
    if settle::rest(&mut counter, Duration::from_secs(arguments.settle)) {
        return Ok(());
    }
    let seconds = arguments.settle;
    Err(format!("the daemon was not done with the rate before it after {seconds} s: see --settle"))
}

/// One run.
fn once(arguments: &Arguments, progress: &Progress) -> Result<Results, String> {
    let daemon = Daemon::find(arguments)?;
    let before = look(&daemon)?;
    let environment = environment::block();
    let start_us = now_us();
    let sink = daemon.target.connect(arguments);
    let mut sink = sink.map_err(|error| format!("connect to {}: {error}", daemon.target))?;
    let live = follow(arguments, &daemon)?;
    let plan = Plan::new(arguments)?;
    let (schedule, count) = (plan.schedule.clone(), plan.count);
    let stream = prepare(arguments, plan, &daemon.target, progress)?;
    let made_ahead = stream.is_made();
    let rows = daemon.store.as_ref().map(|store| rows_before(store, start_us));
    let followed = followed(arguments, &daemon, count);
    let watch = daemon.store.as_ref().filter(|_| !arguments.no_commits);
    let watch = watch.map(|store| Watch::start(store, &followed)).transpose()?;
    let teller = live.as_ref().map(Live::teller);
    let used = Used::begin(daemon.pid, servers(&daemon));
    let sending = Sending { arguments, daemon: &daemon, schedule, count, progress };
    let (mut sent, points) = sending.run(&stream, &mut *sink, followed, teller)?;
    drop(stream);
    let mut settled =
        settle(arguments, &daemon, &before, rows.flatten(), start_us, &sent, progress);
    let used_s = used.seconds();
    let moves = watch.and_then(Watch::finish);
    let figures = counted(arguments, &daemon, &before, &sent.ledger);
    let mut failure = failure(&sent, &daemon.target);
    let timing = moves.map(|moves| {
        let started = (sent.started, sent.started_us);
        Timing::new(std::mem::take(&mut sent.followed), moves, started, sent.took)
    });
    let mut seen = Seen::new(dated(arguments, &daemon.target, start_us), timing.transpose()?);
    let verdict = daemon.store.as_ref().and_then(|store| {
        let compared = compare(arguments, store, &before.baseline, &mut sent.ledger, &mut seen);
        compared.map_err(|error| failure = Some(format!("verify {store}: {error}"))).ok()
    });
    // Who watched the commits knows better than who counted rows now and then.
    if let Some((settled, at)) = settled.as_mut().filter(|it| it.complete).zip(seen.last_commit()) {
        settled.at = settled.at.min(at);
    }
    let live = live.and_then(|live| {
        let shown = live.finish(Duration::from_secs(arguments.settle));
        shown.map_err(|error| failure = Some(error)).ok()
    });
    let both = before.figures.as_ref().zip(figures.as_ref());
    Ok(Results {
        arguments: arguments.clone(),
        account: Account::of(&sent.ledger, both),
        not_stored: both.map(|(before, now)| now.not_stored(before)).unwrap_or_default(),
        target: daemon.target,
        made_ahead,
        sent,
        points,
        used_s,
        settled,
        verdict,
        latencies: seen.latencies(),
        live,
        figures,
        trials: Vec::new(),
        failure,
        environment,
    })
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
    let in_order = goes_one_way(arguments, &daemon.target);
    // The time of a position in JSON is its own, to the millisecond.
    let tagged = arguments.tag_time || daemon.target.is_json();
    Live::start(address, arguments.vessels, Way { tagged, in_order }).map(Some)
}

/// Whether what is sent last is received last.
fn goes_one_way(arguments: &Arguments, target: &Target) -> bool {
    let one_way = match target {
        Target::Tcp(_) | Target::Http(_) => arguments.connections == 1,
        Target::Udp(_) | Target::Null => true,
    };
    one_way && arguments.receivers == 1
}

/// What of a run is followed to its commit: nothing when nobody watches.
fn followed(arguments: &Arguments, daemon: &Daemon, count: u64) -> Followed {
    if daemon.store.is_none() || arguments.no_commits {
        return Followed::default();
    }
    Followed::of_run(count)
}

/// Whether servers of Postgres and of Redis have to do with a run.
const fn servers(daemon: &Daemon) -> [bool; 2] {
    [matches!(daemon.store, Some(At::Postgres(_))), daemon.live.is_some()]
}

/// What sending needs.
struct Sending<'a> {
    arguments: &'a Arguments,
    daemon: &'a Daemon,
    schedule: Option<Arc<Schedule>>,
    count: u64,
    progress: &'a Progress,
}

impl Sending<'_> {
    /// Sends on this thread while another looks at everything.
    fn run(
        self,
        stream: &Stream,
        sink: &mut dyn Sink,
        followed: Followed,
        teller: Option<Teller>,
    ) -> Result<(Sent, Vec<Point>), String> {
        let Self { arguments, daemon, schedule, count, progress } = self;
        let watched = Watched::default();
        let mut ledger = Ledger::with_room(if count == u64::MAX { 1 << 24 } else { count });
        ledger.in_order = goes_one_way(arguments, &daemon.target);
        // With a schedule the count ends the run, so that arrears are sent too.
        let until = schedule.is_none().then_some(arguments.duration());
        let planned = schedule.as_ref().map_or(arguments.duration(), |it| it.at(count));
        progress.begin("send", if count == u64::MAX { 0 } else { count });
        let metrics = daemon.metrics.as_ref();
        let (pid, servers) = (daemon.pid, servers(daemon));
        let sampler = Sampler { watched: &watched, metrics, pid, servers, progress };
        let (sent, points) = thread::scope(|scope| {
            let sampled = scope.spawn(|| sampler.run(planned));
            let (pace, noted) = (Pace::start(schedule, until), (ledger, followed));
            let sent = send::run(stream, sink, pace, noted, teller, &watched);
            (sent, sampled.join().unwrap_or_default())
        });
        Ok((sent.map_err(|error| error.to_string())?, points))
    }
}

/// A counter of rows, if there is a store already.
fn rows_before(store: &At, start_us: u64) -> Option<ByRows> {
    let mut rows = ByRows::new(store.open().ok().flatten()?, start_us);
    rows.begin().ok().map(|()| rows)
}

/// Waits for the store; absent when there is nobody to ask.
fn settle(
    arguments: &Arguments,
    daemon: &Daemon,
    before: &Before,
    rows: Option<ByRows>,
    start_us: u64,
    sent: &Sent,
    progress: &Progress,
) -> Option<Settled> {
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
    Some(settle::wait(&mut *counter, expected, limit, |count| progress.at(count)))
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
    seen: &mut Seen,
) -> Outcome<Verdict> {
    let fleet = Fleet::of(arguments.profile, arguments.vessels, arguments.seed, 0);
    let mut rows = store.open()?;
    let rows = rows.as_mut().map(|rows| &mut **rows as _);
    verify(ledger, rows, before, seen, fleet.particulars())
}

/// How rows of a run are dated which began then and is over now. A report is dated at most half a minute off its receipt.
fn dated(arguments: &Arguments, target: &Target, start_us: u64) -> Dated {
    const MINUTE_US: i64 = 60_000_000;
    let within_us = start_us.cast_signed() - MINUTE_US..=now_us().cast_signed() + MINUTE_US;
    let tagged = arguments.tag_time || arguments.profile.tag() != Tag::None;
    // A file is sent bare of its dates.
    Dated { within_us, told: arguments.file.is_none() && (tagged || target.is_json()) }
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

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;

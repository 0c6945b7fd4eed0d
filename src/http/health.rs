//! Whether the daemon lives, and whether it takes messages.

use std::fmt::Write as _;
use std::time::Instant;

use serde_json::json;

use super::Face;
use super::reply::Reply;
use super::request::Request;
use crate::observe::counts::DeadLetterCounts;
use crate::observe::metrics::Seen;
use crate::observe::neighbours::Neighbour;
use crate::observe::status::State;
use crate::resilience::breaker;

/// `GET /`: who answers, and how it is.
pub fn root(face: &Face, _request: &Request) -> Reply {
    let sources = &face.sources;
    let up_us = (sources.clock.now_us() - sources.status.started_us()).max(0);
    let value = json!({
        "name": "aisd",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": up_us / 1_000_000,
        "state": sources.status.state().label(),
    });
    Reply::json(200, &value)
}

/// `GET /livez`: an answer is proof enough; no neighbour is asked.
pub fn live(_face: &Face, _request: &Request) -> Reply {
    Reply::ok("text/plain; charset=utf-8", b"ok\n".to_vec())
}

/// `GET /readyz`, `/healthz`: 503 before messages are taken and while the engine drains. A neighbour that is away does not
/// make it unready, since messages are kept in the journal; `?verbose` tells what is wrong with it and when it is tried again.
pub fn ready(face: &Face, request: &Request) -> Reply {
    let state = face.sources.status.state();
    let mut text = String::new();
    if request.query.split('&').any(|pair| pair == "verbose" || pair.starts_with("verbose=")) {
        checks(&face.sources.look(), &mut text);
    }
    let status = if state == State::Ready { 200 } else { 503 };
    text.push_str(if state == State::Ready { "ok" } else { state.label() });
    text.push('\n');
    let body = text.into_bytes();
    Reply { status, content_type: "text/plain; charset=utf-8", body, header: None }
}

const fn mark(well: bool) -> &'static str {
    if well { "[+]" } else { "[-]" }
}

fn checks(seen: &Seen, out: &mut String) {
    let (journal, store) = (&seen.counts.journal, &seen.counts.store);
    let trouble = journal.trouble.lock().clone();
    let ready = seen.state == State::Ready;
    let _ = writeln!(out, "{}engine {}", mark(ready), seen.state.label());
    let _ = writeln!(
        out,
        "{}journal {} of {} bytes in {} segments, {} failures{}{}",
        mark(trouble.is_none()),
        journal.bytes.get(),
        journal.bytes_max.get(),
        journal.segments.get(),
        journal.failures.get(),
        if trouble.is_some() { ": " } else { "" },
        trouble.unwrap_or_default(),
    );
    let up = store.up.get() != 0;
    let _ = writeln!(
        out,
        "{}store {} {}, the oldest message waits for {:.1} s",
        mark(up),
        seen.store(),
        if up { "answers" } else { "is away, messages are kept in the journal" },
        seen.oldest_unstored_seconds(),
    );
    for neighbour in seen.counts.neighbours.all() {
        let _ = writeln!(out, "{}", neighbour_line(neighbour));
    }
    out.push_str(&dead_letters(&seen.counts.dead_letters));
    for feed in &seen.counts.feeds {
        let _ = writeln!(
            out,
            "[+]feed {}: {} received, {} connections",
            feed.name,
            feed.received.get(),
            feed.connections.get()
        );
    }
}

/// How many there are; nothing where none are kept.
fn dead_letters(counts: &DeadLetterCounts) -> String {
    let (rows, rows_max) = (counts.rows.get(), counts.rows_max.get());
    if rows_max == 0 {
        return String::new();
    }
    let is_full = rows >= rows_max;
    let full = match (is_full, counts.gives_way.get()) {
        (false, _) => "",
        (true, 0) => ", the store waits until there is room",
        (true, _) => ", the oldest give way",
    };
    format!("{}dead letters {rows} of at most {rows_max}{full}\n", mark(!is_full))
}

/// The state of its breaker, and what is wrong with it.
fn neighbour_line(neighbour: &Neighbour) -> String {
    let (name, state) = (neighbour.name(), neighbour.state());
    if !neighbour.is_configured() {
        return format!("[+]neighbour {name}: not configured");
    }
    let trouble = neighbour.trouble();
    let well = state == breaker::State::Closed && trouble.is_none();
    let trips = neighbour.trips.get();
    let what = match (trouble, neighbour.opened_for()) {
        (Some(trouble), _) => format!(": {}", trouble.text(Instant::now())),
        (None, Some(cause)) => format!("; it has opened {trips} times, last for {cause}"),
        (None, None) => String::new(),
    };
    let (mark, state) = (mark(well), state.label());
    format!("{mark}neighbour {name}: breaker {state}{what}")
}

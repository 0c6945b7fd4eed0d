//! Whether the daemon lives, and whether it takes messages.

use std::fmt::Write as _;

use serde_json::json;

use super::Face;
use super::reply::Reply;
use super::request::Request;
use crate::observe::metrics::Seen;
use crate::observe::status::State;

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

/// `GET /readyz`, `/healthz`: 503 before messages are taken and while the engine drains. A store that is away does not
/// make it unready, since messages are kept in the journal; `?verbose` tells.
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

fn checks(seen: &Seen, out: &mut String) {
    let (journal, store) = (&seen.counts.journal, &seen.counts.store);
    let mark = |well: bool| if well { "[+]" } else { "[-]" };
    let ready = seen.state == State::Ready;
    let _ = writeln!(out, "{}engine {}", mark(ready), seen.state.label());
    let _ = writeln!(
        out,
        "{}journal {} of {} bytes in {} segments, {} failures",
        mark(journal.failures.get() == 0),
        journal.bytes.get(),
        journal.bytes_max.get(),
        journal.segments.get(),
        journal.failures.get(),
    );
    let up = store.up.get() != 0;
    let _ = writeln!(
        out,
        "{}store {} {}, the oldest message waits for {:.1} s",
        mark(up),
        seen.store,
        if up { "answers" } else { "is away, messages are kept in the journal" },
        seen.oldest_unstored_seconds(),
    );
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

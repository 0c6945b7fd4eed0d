//! What is counted, for Prometheus and for programs that measure.

use super::Face;
use super::query::Query;
use super::reply::Reply;
use super::request::Request;
use crate::observe::metrics::{CONTENT_TYPE, summary as summarise, to_json, to_text};

/// `GET /metrics`: Prometheus text; JSON by `Accept` or `?format=json`. `?window=reset` starts the window of latency
/// and memory anew and answers what it held.
pub fn metrics(face: &Face, request: &Request) -> Reply {
    answer(face, request).unwrap_or_else(|refusal| refusal)
}

fn answer(face: &Face, request: &Request) -> Result<Reply, Reply> {
    let query = Query::read(&request.query, &["format", "window"])?;
    let json = match query.one_of("format", &["json", "text"])? {
        Some(format) => format == "json",
        None => request.accepts("application/json"),
    };
    let seen = match query.one_of("window", &["reset"])? {
        // Whoever asks for the head alone did not see the window, so it goes on.
        Some(_) if !request.is_head() => face.sources.look_and_reset_window(),
        _ => face.sources.look(),
    };
    Ok(if json {
        Reply::json(200, &to_json(&seen))
    } else {
        Reply::ok(CONTENT_TYPE, to_text(&seen))
    })
}

/// `GET /metrics/prometheus`: always text.
pub fn prometheus(face: &Face, _request: &Request) -> Reply {
    Reply::ok(CONTENT_TYPE, to_text(&face.sources.look()))
}

/// `GET /metrics/prometheus/summary`: the few numbers of the checklist, as JSON.
pub fn summary(face: &Face, _request: &Request) -> Reply {
    Reply::json(200, &summarise(&face.sources.look()))
}

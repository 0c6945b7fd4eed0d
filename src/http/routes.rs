//! Which path is answered by whom.

use super::reply::Reply;
use super::request::Request;
use super::{Face, admin, health, metrics, openapi, sources, tracks, vessels};
use crate::feed::http::Form;

/// Who answers.
pub enum Route {
    /// The front itself, at once.
    Quick(fn(&Face, &Request) -> Reply),
    /// The API's thread.
    Api,
    /// The same, for those who may.
    Admin,
    /// A feed.
    Post(Form),
}

/// What a front is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Serves {
    /// Everything.
    All,
    /// Posts to a feed, and whether the process lives.
    Posts,
}

/// Every path and its methods, as `docs/openapi.json` describes them. The admin routes are also under `/api`.
#[cfg(test)]
pub const ALL: &[(&str, &[&str])] = &[
    ("/", &["get"]),
    ("/livez", &["get"]),
    ("/readyz", &["get"]),
    ("/healthz", &["get"]),
    ("/metrics", &["get"]),
    ("/metrics/prometheus", &["get"]),
    ("/metrics/prometheus/summary", &["get"]),
    ("/openapi.json", &["get"]),
    ("/api/sources", &["get"]),
    ("/api/vessels", &["get"]),
    ("/api/vessels/{mmsi}", &["get"]),
    ("/api/vessels/{mmsi}/track", &["get"]),
    ("/api/vessels/positions", &["post"]),
    ("/api/vessels/positions/batch", &["post"]),
    ("/admin/dlq/stats", &["get"]),
    ("/admin/dlq/peek", &["get"]),
    ("/admin/dlq/retry", &["post"]),
    ("/admin/dlq/clear", &["delete"]),
    ("/admin/dlq/dead-letter", &["delete"]),
];

/// Which form of body a path takes.
fn form(path: &str) -> Option<Form> {
    match path {
        "/api/vessels/positions" => Some(Form::One),
        "/api/vessels/positions/batch" => Some(Form::Many),
        _ => None,
    }
}

/// Whether somebody wants the body of this request.
#[must_use]
pub fn takes_body(request: &Request) -> bool {
    request.method == "POST" && form(&request.path).is_some()
}

/// Who answers this request.
#[must_use]
pub fn find(request: &Request, serves: Serves) -> Route {
    if let Some(form) = form(&request.path) {
        let is_post = request.method == "POST";
        return if is_post { Route::Post(form) } else { Route::Quick(not_a_post) };
    }
    if serves == Serves::Posts && !["/livez", "/openapi.json"].contains(&request.path.as_str()) {
        return Route::Quick(nothing_here);
    }
    if let Some(deed) = admin::Deed::at(&request.path) {
        return if deed.takes(&request.method) {
            Route::Admin
        } else {
            Route::Quick(admin::wrong_method)
        };
    }
    let known = quick(&request.path);
    let is_api = request.path.starts_with("/api/");
    match request.method.as_str() {
        "GET" | "HEAD" if is_api => Route::Api,
        "GET" | "HEAD" => Route::Quick(known.unwrap_or(nothing_here)),
        _ if known.is_some() || is_api => Route::Quick(wrong_method),
        _ => Route::Quick(nothing_here),
    }
}

fn quick(path: &str) -> Option<fn(&Face, &Request) -> Reply> {
    Some(match path {
        "/" => health::root,
        "/livez" => health::live,
        "/readyz" | "/healthz" => health::ready,
        "/openapi.json" => openapi::openapi,
        "/metrics" => metrics::metrics,
        "/metrics/prometheus" => metrics::prometheus,
        "/metrics/prometheus/summary" => metrics::summary,
        _ => return None,
    })
}

/// Answers a request of the API.
#[must_use]
pub fn answer_api(face: &Face, request: &Request) -> Reply {
    if let Some(deed) = admin::Deed::at(&request.path) {
        return face.admin.answer(deed, request).unwrap_or_else(|refusal| refusal);
    }
    if request.path == "/api/sources" {
        return sources::list(face);
    }
    let path = request.path.strip_prefix("/api/vessels").unwrap_or("-");
    let parts: Vec<&str> = path.split('/').collect();
    let answer = match parts[..] {
        [""] => vessels::list(face, request),
        ["", mmsi] if !mmsi.is_empty() => vessels::one(face, request, mmsi),
        ["", mmsi, "track"] => tracks::track(face, request, mmsi),
        _ => Err(nothing_here(face, request)),
    };
    answer.unwrap_or_else(|refusal| refusal)
}

fn nothing_here(_face: &Face, request: &Request) -> Reply {
    let shown: String = request.path.chars().take(80).collect();
    Reply::error(404, format!("nothing is at {shown}"))
}

fn not_a_post(_face: &Face, request: &Request) -> Reply {
    let shown: String = request.method.chars().take(20).collect();
    Reply::error(405, format!("{shown} is not for this path, POST is")).with_header("Allow", "POST")
}

fn wrong_method(_face: &Face, request: &Request) -> Reply {
    let shown: String = request.method.chars().take(20).collect();
    Reply::error(405, format!("{shown} is not for this path, GET and HEAD are"))
        .with_header("Allow", "GET, HEAD")
}

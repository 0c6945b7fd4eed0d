//! The description of everything that is answered, for programs that read such.

use super::Face;
use super::query::Query;
use super::reply::Reply;
use super::request::Request;

/// OpenAPI 3.1; kept by hand, and by tests, here and in `src/http/tests/described.rs`.
pub(super) const DESCRIPTION: &str = include_str!("../../docs/openapi.json");

/// Answers with it.
pub fn openapi(_face: &Face, request: &Request) -> Reply {
    let query = Query::read(&request.query, &[]);
    query.map_or_else(|refusal| refusal, |_| Reply::ok("application/json", DESCRIPTION.into()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::DESCRIPTION;
    use crate::http::request::{Head, read_head};
    use crate::http::routes::{self, ALL, Route, Serves};
    use crate::http::{tracks, vessels};
    use crate::reject::Reject;

    fn paths() -> Value {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        description["paths"].clone()
    }

    #[test]
    fn the_description_names_every_route_and_no_other() {
        let described: BTreeSet<(String, String)> = paths()
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap().keys();
                methods.map(move |method| (path.clone(), method.clone()))
            })
            .collect();
        let routes = ALL.iter().flat_map(|(path, methods)| {
            methods.iter().map(move |method| ((*path).to_owned(), (*method).to_owned()))
        });
        assert_eq!(described, routes.collect());
    }

    #[test]
    fn every_route_that_is_described_is_served() {
        for (path, methods) in ALL {
            let path = path.replace("{mmsi}", "244660000");
            for method in *methods {
                let head = format!("{} {path} HTTP/1.1\r\n\r\n", method.to_uppercase());
                let Head::Complete(request, _) = read_head(head.as_bytes()) else {
                    panic!("{head}")
                };
                let is_post = ALL
                    .iter()
                    .any(|(known, _)| *known == path && path.starts_with("/api/vessels/positions"));
                let found = routes::find(&request, Serves::All);
                let expected = match found {
                    Route::Post(_) => is_post,
                    Route::Admin => path.starts_with("/admin/"),
                    Route::Api => path.starts_with("/api/vessels") || path == "/api/sources",
                    Route::Quick(_) => !path.starts_with("/api/") && !path.starts_with("/admin/"),
                };
                assert!(expected, "{method} {path}");
            }
        }
    }

    /// That of tracks was said to be 100 000.
    #[test]
    fn limits_are_described_as_they_are() {
        let check = |path: &str, expected: usize| {
            let paths = paths();
            let parameters = paths[path]["get"]["parameters"].as_array().unwrap();
            let limit = parameters.iter().find(|it| it["name"] == "limit").unwrap();
            assert_eq!(limit["schema"]["maximum"], expected, "{path}");
        };
        check("/api/vessels", vessels::LIMIT_MAX);
        check("/api/vessels/{mmsi}/track", tracks::LIMIT_MAX);
    }

    #[test]
    fn every_reason_is_described() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let reasons =
            &description["components"]["schemas"]["Result"]["properties"]["reason"]["enum"];
        let described: BTreeSet<&str> =
            reasons.as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect();
        assert_eq!(described, Reject::ALL.iter().map(|reason| reason.label()).collect());
    }
}

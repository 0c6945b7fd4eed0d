//! What `docs/openapi.json` says of each route, held against what the route answers.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use super::served::{LOCAL_KEY, Served};
use crate::http::openapi::DESCRIPTION;
use crate::http::token::sign;

/// A route with one of its methods, and what is said of it.
struct Described {
    method: String,
    path: String,
    said: Value,
}

/// What a parameter may be, each way by itself.
fn kinds(schema: &Value) -> Vec<&Value> {
    schema["oneOf"].as_array().map_or_else(|| vec![schema], |kinds| kinds.iter().collect())
}

/// All routes but those that take bodies, which have no parameters.
fn described() -> Vec<Described> {
    let all: Value = serde_json::from_str(DESCRIPTION).unwrap();
    let mut found = Vec::new();
    for (path, methods) in all["paths"].as_object().unwrap() {
        for (method, said) in methods.as_object().unwrap() {
            if path.starts_with("/api/vessels/positions") {
                assert!(said.get("parameters").is_none());
                continue;
            }
            let (method, path) = (method.to_uppercase(), path.replace("{mmsi}", "244660000"));
            found.push(Described { method, path, said: said.clone() });
        }
    }
    found
}

impl Described {
    /// The parameters behind the question mark, and what each may be.
    fn parameters(&self) -> Vec<(&str, Vec<&Value>)> {
        let all = self.said["parameters"].as_array().into_iter().flatten();
        let behind = all.filter(|it| it["in"] == "query");
        behind.map(|it| (it["name"].as_str().unwrap(), kinds(&it["schema"]))).collect()
    }

    /// What is answered, one of the answers that are described.
    fn ask(&self, served: &Served, query: &str, headers: &str) -> (u16, String, String) {
        let token = sign(LOCAL_KEY, "ann", Duration::from_secs(60)).unwrap();
        let headers = format!("Authorization: Bearer {token}\r\n{headers}");
        let target = format!("{}{query}", self.path);
        let answer = served.ask(&self.method, &target, &headers);
        let is_said = self.said["responses"].get(answer.0.to_string()).is_some();
        // What a route does not know it may refuse, whether that is said or not.
        assert!(is_said || answer.0 == 400, "{} {target}: {} {}", self.method, answer.0, answer.2);
        answer
    }
}

/// `GET /api/vessels/{mmsi}` takes a format, which was not said, and a track has at most 10 000 points, not 100 000.
#[test]
fn every_parameter_is_described_and_no_other() {
    let served = Served::new(16, 5);
    let mut read = 0;
    for route in described() {
        let (status, _, body) = route.ask(&served, "?nonsense=1", "");
        let told = body.split_once("is no parameter here, ").filter(|_| status == 400);
        read += u32::from(told.is_some());
        let told =
            told.and_then(|(_, rest)| rest.split_once(" are")).map_or("", |(names, _)| names);
        let told: BTreeSet<&str> = told.split(", ").filter(|name| !name.is_empty()).collect();
        let said: BTreeSet<&str> = route.parameters().into_iter().map(|(name, _)| name).collect();
        assert_eq!(said, told, "{} {}", route.method, route.path);
    }
    assert!(read >= 10, "only {read} routes read parameters");
}

#[test]
fn the_bounds_and_words_of_every_parameter_are_those_that_are_described() {
    let served = Served::new(16, 5);
    let mut asked = 0;
    for route in described().iter().filter(|route| route.method == "GET") {
        let mut check = |name: &str, value: &str, expected: bool| {
            asked += 1;
            let (status, _, body) = route.ask(&served, &format!("?{name}={value}"), "");
            assert_eq!(status != 400, expected, "{} {name}={value}: {body}", route.path);
        };
        for (name, kinds) in route.parameters() {
            check(name, "nonsense", false);
            for kind in kinds {
                if let Some(max) = kind["maximum"].as_u64() {
                    check(name, &max.to_string(), true);
                    check(name, &(max + 1).to_string(), false);
                    check(name, &(kind["minimum"].as_u64().unwrap() - 1).to_string(), false);
                }
                for word in kind["enum"].as_array().into_iter().flatten() {
                    check(name, word.as_str().unwrap(), true);
                }
                for example in kind["examples"].as_array().into_iter().flatten() {
                    let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                    check(name, &text, true);
                }
            }
        }
    }
    assert!(asked > 30, "{asked}");
}

#[test]
fn every_type_of_content_is_answered_to_who_asks_for_it() {
    let served = Served::new(16, 5);
    let mut asked = 0;
    for route in described().iter().filter(|route| route.method == "GET") {
        for kind in route.said["responses"]["200"]["content"].as_object().unwrap().keys() {
            let (status, head, _) = route.ask(&served, "", &format!("Accept: {kind}\r\n"));
            let is_so = head.contains(&format!("Content-Type: {kind}"));
            assert!(status != 200 || is_so, "{} {kind}: {head}", route.path);
            asked += u32::from(status == 200);
        }
    }
    assert!(asked > 12, "{asked}");
}

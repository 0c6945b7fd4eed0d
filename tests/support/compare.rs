//! Compares JSON objects field by field, numbers by value.

use serde_json::{Map, Value};

/// An object from a line of JSON.
pub fn object(line: &str) -> Map<String, Value> {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => object,
        other => panic!("no object: {line}: {other:?}"),
    }
}

/// Which fields differ, and how; empty when none does.
pub fn differences(ours: &Map<String, Value>, theirs: &Map<String, Value>) -> String {
    let mut found = String::new();
    let names = theirs.keys().chain(ours.keys().filter(|name| !theirs.contains_key(*name)));
    for name in names {
        let (our, their) = (ours.get(name), theirs.get(name));
        if !same(our, their) {
            let show = |value: Option<&Value>| value.map_or("none".into(), Value::to_string);
            found += &format!("{name}: ours {}, theirs {}; ", show(our), show(their));
        }
    }
    found
}

fn same(our: Option<&Value>, their: Option<&Value>) -> bool {
    match (our, their) {
        (Some(Value::Number(our)), Some(Value::Number(their))) => our.as_f64() == their.as_f64(),
        _ => our == their,
    }
}

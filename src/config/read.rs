//! Reads a TOML file into a configuration, noting every fault with its line.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{Fault, suggestion};
use super::feeds::{self, Otherwise, Values};
use super::keys::{self, KEYS};
use super::kinds::FeedKey;
use super::outputs;
use super::rule::{Rule, Value};
use super::{Config, Hidden};

/// A file's text and name, for saying where in it something is.
struct Source<'a> {
    name: &'a str,
    text: &'a str,
}

impl Source<'_> {
    fn fault(&self, at: &Range<usize>, text: impl Into<String>) -> Fault {
        let before = self.text.as_bytes().get(..at.start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        Fault::new(format!("{}:{line}", self.name), text)
    }
}

/// Puts what the text says into the configuration; faults are added to `faults`.
pub fn read_toml(name: &str, text: &str, config: &mut Config, faults: &mut Vec<Fault>) {
    let source = Source { name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let at = error.span().unwrap_or(0..0);
        faults.push(source.fault(&at, error.message().to_lowercase().replace('\n', ", ")));
    }
    for (key, value) in table.get_ref() {
        let name: &str = key.get_ref();
        if name == "feeds" {
            let tables = read_tables(&source, (name, feeds::KINDS), value, faults);
            config.feeds = tables
                .into_iter()
                .filter_map(|(kind, values)| feeds::build(kind, values))
                .collect();
        } else if name == "outputs" {
            let tables = read_tables(&source, (name, outputs::KINDS), value, faults);
            config.outputs =
                tables.iter().filter_map(|(kind, values)| outputs::build(kind, values)).collect();
        } else if let Some(section) = keys::sections().into_iter().find(|section| *section == name)
        {
            read_section(&source, section, value, config, faults);
        } else {
            read_key(&source, name, key.span(), value, config, faults);
        }
    }
}

fn read_section(
    source: &Source<'_>,
    section: &str,
    value: &Spanned<DeValue<'_>>,
    config: &mut Config,
    faults: &mut Vec<Fault>,
) {
    let Some(table) = value.get_ref().as_table() else {
        faults.push(source.fault(&value.span(), format!("{section} must be a table: [{section}]")));
        return;
    };
    for (key, value) in table {
        let path = format!("{section}.{}", key.get_ref());
        read_key(source, &path, key.span(), value, config, faults);
    }
}

fn read_key(
    source: &Source<'_>,
    path: &str,
    at: Range<usize>,
    value: &Spanned<DeValue<'_>>,
    config: &mut Config,
    faults: &mut Vec<Fault>,
) {
    let Some(key) = keys::find(path) else {
        faults.push(source.fault(&at, unknown(path)));
        return;
    };
    let put = to_value(value.get_ref())
        .ok_or_else(|| wrong_type(path, value.get_ref(), &key.rule))
        .and_then(|value| key.put(config, value));
    if let Err(text) = put {
        faults.push(source.fault(&at, text));
    }
}

fn unknown(path: &str) -> String {
    // Within a section only its own keys are likely to be meant; above them, sections and keys that stand there.
    let section = path.rsplit_once('.').map(|(section, _)| section);
    let of_section = |key: &&str| key.rsplit_once('.').map(|(section, _)| section) == section;
    let mut known: Vec<&str> = KEYS.iter().map(|key| key.path).filter(of_section).collect();
    if section.is_none() {
        known.extend(keys::sections());
        known.extend(["feeds", "outputs"]);
    }
    format!("{path} is no key; {}", suggestion(path, known.iter().copied()))
}

fn wrong_type(path: &str, value: &DeValue<'_>, rule: &Rule) -> String {
    format!("{path} is a TOML {}, must be {rule}", value.type_str())
}

fn to_value(value: &DeValue<'_>) -> Option<Value> {
    match value {
        DeValue::String(text) => Some(Value::Text(text.to_string())),
        DeValue::Integer(digits) => {
            i64::from_str_radix(digits.as_str(), digits.radix()).ok().map(Value::Whole)
        }
        DeValue::Float(digits) => digits.as_str().parse().ok().map(Value::Real),
        DeValue::Boolean(truth) => Some(Value::Truth(*truth)),
        // A time need not stand in quotes.
        DeValue::Datetime(time) => Some(Value::Text(time.to_string())),
        DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// The kinds of a list of tables, with their keys.
type Kinds = &'static [(&'static str, &'static [FeedKey])];

/// The kind of each table of a list, and what it holds.
fn read_tables(
    source: &Source<'_>,
    (list, kinds): (&str, Kinds),
    value: &Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Vec<(&'static str, Values)> {
    let wrong = |at: &Range<usize>| source.fault(at, format!("{list} must be tables: [[{list}]]"));
    let Some(array) = value.get_ref().as_array() else {
        faults.push(wrong(&value.span()));
        return Vec::new();
    };
    let mut tables = Vec::new();
    for (at, one) in array.iter().enumerate() {
        match one.get_ref().as_table() {
            Some(table) => {
                let place = format!("{list}[{at}]");
                tables.extend(read_table(source, (&place, kinds), table, &one.span(), faults));
            }
            None => faults.push(wrong(&one.span())),
        }
    }
    tables
}

fn read_table(
    source: &Source<'_>,
    (place, kinds): (&str, Kinds),
    table: &DeTable<'_>,
    span: &Range<usize>,
    faults: &mut Vec<Fault>,
) -> Option<(&'static str, Values)> {
    let names = || kinds.iter().map(|(kind, _)| *kind);
    let Some(kind) = table.get("kind") else {
        let names = names().collect::<Vec<_>>().join(", ");
        faults.push(source.fault(span, format!("{place} has no kind; known are {names}")));
        return None;
    };
    let given = kind.get_ref().as_str().unwrap_or_default();
    let Some((name, keys)) = kinds.iter().find(|(name, _)| *name == given) else {
        let text = format!("{place}.kind is \"{given}\"; {}", suggestion(given, names()));
        faults.push(source.fault(&kind.span(), text));
        return None;
    };
    let mut values = Values::new();
    for (key, value) in table.iter().filter(|(key, _)| key.get_ref() != "kind") {
        let path = format!("{place}.{}", key.get_ref());
        let Some(known) = keys.iter().find(|known| known.name == key.get_ref()) else {
            let hint = suggestion(key.get_ref(), keys.iter().map(|key| key.name));
            faults.push(source.fault(&key.span(), format!("{path} is no key of {name}; {hint}")));
            continue;
        };
        let Some(value) = to_value(value.get_ref()) else {
            faults.push(source.fault(&key.span(), wrong_type(&path, value.get_ref(), &known.rule)));
            continue;
        };
        let shown = match (&known.rule, &value) {
            (Rule::HiddenOrNone, Value::Text(text)) => {
                Value::Text(Hidden::new(text).to_string()).to_string()
            }
            _ => value.to_string(),
        };
        match known.rule.check(value) {
            Ok(value) => drop(values.insert(known.name, value)),
            Err(rule) => {
                faults
                    .push(source.fault(&key.span(), format!("{path} is {shown}, must be {rule}")));
            }
        }
    }
    for key in keys.iter().filter(|key| matches!(key.otherwise, Otherwise::Required)) {
        if !table.keys().any(|given| given.get_ref() == key.name) {
            let text = format!("{place} is a {name} without {}, must be {}", key.name, key.rule);
            faults.push(source.fault(span, text));
        }
    }
    Some((name, values))
}

//! The deployment log: what `preflight`, `verify` and `watch` found, one after the other in one file, and what only people know.
//!
//! Two files lie side by side: JSON, which the next command reads and adds its part to, and Markdown, made from it each time. What
//! nobody has said stays a blank to be filled in. A file that is no deployment log is never written over.

mod markdown;

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::outcome::{Check, Mark};
use crate::command::duration::text_time;
use crate::exit::{self, Failure};

/// Says that a file is ours, and in which form.
const FORM: &str = "aisd deployment log 1";

/// What only people know, and where it all goes.
#[derive(Args, Clone, Debug, Default)]
pub struct ReportArgs {
    /// Add to the deployment log in this file (Markdown) and in the one beside it (JSON); both are made when they are not there
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Who deploys, for the log
    #[arg(long, value_name = "NAME", requires = "report")]
    pub deployed_by: Option<String>,
    /// Something for the log to remember; may be repeated
    #[arg(long, value_name = "TEXT", requires = "report")]
    pub note: Vec<String>,
    /// An issue that was met; may be repeated
    #[arg(long, value_name = "TEXT", requires = "report")]
    pub issue: Vec<String>,
    /// Who may be asked; may be repeated
    #[arg(long, value_name = "TEXT", requires = "report")]
    pub contact: Vec<String>,
    /// A rollback was performed, for this reason
    #[arg(long, value_name = "WHY", requires = "report")]
    pub rolled_back: Option<String>,
}

/// What a command found.
pub struct Section {
    /// The command: `preflight`, `verify` or `watch`.
    pub command: &'static str,
    /// When it ended, microseconds since 1970.
    pub at_us: i64,
    /// The version that it found, if any.
    pub version: Option<String>,
    /// What became of all lines.
    pub verdict: Mark,
    /// The lines.
    pub checks: Vec<Check>,
    /// What else it has to say, as members of an object.
    pub more: Value,
}

impl Section {
    /// As JSON, alone or in the log.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = json!({
            "command": self.command,
            "at": text_time(self.at_us),
            "version": self.version,
            "verdict": self.verdict.label(),
            "exit_code": self.verdict.exit_code(),
            "checks": self.checks.iter().map(Check::to_json).collect::<Vec<_>>(),
        });
        if let (Value::Object(value), Value::Object(more)) = (&mut value, &self.more) {
            value.extend(more.clone());
        }
        value
    }
}

impl ReportArgs {
    /// Looks whether the log can be kept, before anything takes its time.
    ///
    /// # Errors
    /// When the file is not ours, or cannot be read.
    pub fn check(&self) -> Result<(), Failure> {
        self.report.as_deref().map_or(Ok(()), |path| read(path).map(|_| ()))
    }

    /// Adds a section, in the place of an earlier one of the same command.
    ///
    /// # Errors
    /// When the files are not ours, or cannot be read or written.
    pub fn add(&self, section: &Section) -> Result<(), Failure> {
        let Some(path) = &self.report else { return Ok(()) };
        let mut log = read(path)?;
        let (date, time) = date_and_time(section.at_us);
        let own = json!({ "form": FORM, "date": date, "time": time, "host": host() });
        if let Value::Object(own) = own {
            own.into_iter().for_each(|(name, value)| {
                log.entry(name).or_insert(value);
            });
        }
        let told = [("deployed_by", &self.deployed_by), ("version", &section.version)];
        for (name, value) in told {
            if let Some(value) = value {
                log.insert(name.to_owned(), json!(value));
            }
        }
        if let Some(why) = &self.rolled_back {
            log.insert("rollback".to_owned(), json!({ "performed": true, "why": why }));
        }
        for (name, more) in
            [("notes", &self.note), ("issues", &self.issue), ("contacts", &self.contact)]
        {
            let list = log.entry(name).or_insert_with(|| json!([]));
            if let Value::Array(list) = list {
                list.extend(more.iter().map(|text| json!(text)));
            }
        }
        log.insert(section.command.to_owned(), section.to_json());
        let status = final_status(&log);
        log.insert("final_status".to_owned(), json!(status));
        write(path, &log)
    }
}

/// What there is so far.
fn read(path: &Path) -> Result<Map<String, Value>, Failure> {
    let (markdown, json) = paths(path);
    let not_ours = |path: &Path| {
        let text = format!(
            "{} is there and is no deployment log of aisd; name another file, or move it away",
            path.display()
        );
        Failure::new(exit::IO, text)
    };
    match fs::read(&json) {
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(Value::Object(log)) if log.get("form") == Some(&json!(FORM)) => Ok(log),
            _ => Err(not_ours(&json)),
        },
        Err(error) if error.kind() == ErrorKind::NotFound && markdown.exists() => {
            Err(not_ours(&markdown))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Map::new()),
        Err(error) => {
            Err(Failure::new(exit::IO, format!("read the log {}: {error}", json.display())))
        }
    }
}

fn write(path: &Path, log: &Map<String, Value>) -> Result<(), Failure> {
    let (markdown, json) = paths(path);
    let text = serde_json::to_string_pretty(log).map_err(io::Error::from);
    let done = text.and_then(|text| whole(&json, &(text + "\n")));
    let done = done.and_then(|()| whole(&markdown, &markdown::of(log)));
    done.map_err(|error| {
        Failure::new(exit::IO, format!("write the log {}: {error}", path.display()))
    })
}

/// Appears whole or not at all.
fn whole(path: &Path, text: &str) -> io::Result<()> {
    let temporary = path.with_extension("new");
    fs::write(&temporary, text)?;
    fs::rename(&temporary, path)
}

/// The Markdown and the JSON beside it.
fn paths(path: &Path) -> (PathBuf, PathBuf) {
    if path.extension().is_some_and(|extension| extension == "json") {
        return (path.with_extension("md"), path.to_owned());
    }
    (path.to_owned(), path.with_extension("json"))
}

fn date_and_time(us: i64) -> (String, String) {
    let text = text_time(us);
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    (date.to_owned(), time.to_owned())
}

fn host() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// What all sections together say.
fn final_status(log: &Map<String, Value>) -> &'static str {
    let verdicts: Vec<&str> = ["preflight", "verify", "watch"]
        .into_iter()
        .filter_map(|command| log.get(command)?["verdict"].as_str())
        .collect();
    if log.contains_key("rollback") {
        "rolled back"
    } else if verdicts.contains(&"rollback") {
        "roll back"
    } else if verdicts.contains(&"consider") {
        "consider a rollback"
    } else if log.contains_key("watch") {
        "successful"
    } else {
        "not watched yet"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(command: &'static str, verdict: Mark, more: Value) -> Section {
        let checks = vec![Check::new("a|b", verdict, "says\nso")];
        let version = (command != "preflight").then(|| "0.1.0".to_owned());
        Section { command, at_us: 1_700_000_000_000_000, version, verdict, checks, more }
    }

    #[test]
    fn each_command_adds_its_part_and_people_theirs() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log.md");
        let mut args = ReportArgs { report: Some(path.clone()), ..ReportArgs::default() };
        args.check().unwrap();
        args.add(&section("preflight", Mark::Pass, json!({}))).unwrap();
        let text = || fs::read_to_string(&path).unwrap();
        assert!(text().contains("| Deployed by | ________ |"), "{}", text());
        assert!(text().contains("Final status: **not watched yet**"));
        args.deployed_by = Some("a watchman".to_owned());
        args.note = vec!["one".to_owned()];
        let rows = json!({
            "columns": ["time", "stored", "verdict"],
            "rows": [{ "time": "22:13:20", "stored": 9000, "verdict": "pass" }],
        });
        args.add(&section("watch", Mark::Pass, rows)).unwrap();
        args.note = vec!["two".to_owned()];
        args.add(&section("verify", Mark::Rollback, json!({}))).unwrap();
        for expected in [
            "| Date | 2023-11-14 |",
            "| Time (UTC) | 22:13:20Z |",
            "| Deployed by | a watchman |",
            "| Version | 0.1.0 |",
            "| [x] | a\\|b | says so |",
            "| 22:13:20 | 9000 | pass |",
            "- one\n- two\n",
            "Final status: **roll back**",
            "Performed: no ☐ yes ☐",
        ] {
            assert!(text().contains(expected), "no {expected} in {}", text());
        }
        args.rolled_back = Some("it leaked".to_owned());
        args.add(&section("verify", Mark::Rollback, json!({}))).unwrap();
        assert!(text().contains("Performed: yes, it leaked"), "{}", text());
        let json: Value =
            serde_json::from_slice(&fs::read(dir.path().join("log.json")).unwrap()).unwrap();
        assert_eq!(
            (json["verify"]["exit_code"].as_u64(), json["final_status"].as_str()),
            (Some(3), Some("rolled back"))
        );
    }

    #[test]
    fn what_is_no_log_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.md");
        fs::write(&path, "mine").unwrap();
        let args = ReportArgs { report: Some(path.clone()), ..ReportArgs::default() };
        let refused = args.check().unwrap_err();
        assert!(refused.text.contains("notes.md is there and is no deployment log"), "{refused}");
        assert!(args.add(&section("verify", Mark::Pass, json!({}))).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    }
}

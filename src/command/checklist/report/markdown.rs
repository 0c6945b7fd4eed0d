//! The deployment log as people read it, in the order of the checklist's own form.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// What nobody has said yet.
const BLANK: &str = "________";

/// The whole log.
pub fn of(log: &Map<String, Value>) -> String {
    let mut out = String::from("# Deployment log of aisd\n\n| | |\n|---|---|\n");
    for (title, name) in [
        ("Date", "date"),
        ("Time (UTC)", "time"),
        ("Deployed by", "deployed_by"),
        ("Version", "version"),
        ("Host", "host"),
    ] {
        let value = log.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
        let _ = writeln!(out, "| {title} | {} |", value.map_or_else(|| BLANK.to_owned(), escape));
    }
    section(&mut out, "Pre-deployment", "preflight", log);
    section(&mut out, "Deployment", "verify", log);
    section(&mut out, "Post-deployment", "watch", log);
    list(&mut out, "Issues met", "issues", log);
    out.push_str("\n## Rollback\n\n");
    match log.get("rollback").and_then(|rollback| rollback["why"].as_str()) {
        Some(why) => {
            let _ = writeln!(out, "Performed: yes, {}", escape(why));
        }
        None => {
            let _ = writeln!(out, "Performed: no ☐ yes ☐\n\nWhy: {BLANK}");
        }
    }
    let status = log.get("final_status").and_then(Value::as_str).unwrap_or(BLANK);
    let _ = writeln!(out, "\n## Final status\n\nFinal status: **{status}**");
    list(&mut out, "Notes", "notes", log);
    list(&mut out, "Contacts", "contacts", log);
    out
}

fn section(out: &mut String, title: &str, command: &str, log: &Map<String, Value>) {
    let _ = writeln!(out, "\n## {title}\n");
    let Some(section) = log.get(command) else {
        let _ = writeln!(out, "`aisd {command}`: {BLANK}");
        return;
    };
    let text = |name: &str| section[name].as_str().unwrap_or_default();
    let _ = writeln!(out, "`aisd {command}`, {}: **{}**", text("at"), text("verdict"));
    rows(out, &section["columns"], &section["rows"]);
    out.push_str("\n| | check | result |\n|---|---|---|\n");
    for check in section["checks"].as_array().into_iter().flatten() {
        let part = |name: &str| check[name].as_str().unwrap_or_default();
        let tick = match part("result") {
            "pass" | "note" => "[x]",
            _ => "[ ]",
        };
        let note = if part("result") == "note" { "note: " } else { "" };
        let _ =
            writeln!(out, "| {tick} | {} | {note}{} |", escape(part("name")), escape(part("says")));
    }
}

/// What was seen at each interval.
fn rows(out: &mut String, columns: &Value, rows: &Value) {
    let Some(rows) = rows.as_array().filter(|rows| !rows.is_empty()) else { return };
    let names: Vec<&str> =
        columns.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    out.push('\n');
    out.push_str(&line(names.iter().map(|name| name.replace('_', " ")).collect()));
    out.push_str(&line(names.iter().map(|_| "---".to_owned()).collect()));
    for row in rows {
        let cell = |name: &&str| match &row[*name] {
            Value::String(text) => escape(text),
            Value::Null => "-".to_owned(),
            Value::Array(list) if list.is_empty() => "-".to_owned(),
            other => escape(&other.to_string()),
        };
        out.push_str(&line(names.iter().map(cell).collect()));
    }
}

fn list(out: &mut String, title: &str, name: &str, log: &Map<String, Value>) {
    let _ = writeln!(out, "\n## {title}\n");
    let texts = log.get(name).and_then(Value::as_array).into_iter().flatten();
    let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
    if texts.is_empty() {
        let _ = writeln!(out, "{BLANK}");
    }
    for text in texts {
        let _ = writeln!(out, "- {}", escape(text));
    }
}

/// One line that is no table's border.
fn escape(text: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().map(plain).collect::<String>().replace('|', "\\|")
}

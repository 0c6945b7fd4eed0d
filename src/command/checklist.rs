//! The deployment checklist, as `preflight`, `verify` and `watch` run it: rules, what is seen, tables, and the deployment log.
//!
//! Exit codes: 0 when all is well, 2 when a rollback should be considered, 3 when one is due.

pub mod judge;
mod list;
pub mod look;
mod measure;
pub mod outcome;
pub mod paint;
pub mod report;
pub mod rules;
pub mod scrape;
#[cfg(test)]
mod tests;

use std::io::Write;

use clap::Args;

use super::write_out;
use crate::config::fault::suggestion;
use crate::exit::Failure;
use outcome::Mark;
use paint::{Color, Paint};
use report::{ReportArgs, Section};
use rules::Rule;

/// How the outcome is shown, and where it is kept.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Write JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// Use colours
    #[arg(long, value_enum, value_name = "WHEN", default_value_t)]
    pub color: Color,
    #[command(flatten)]
    pub report: ReportArgs,
}

impl OutputArgs {
    /// Shows what came of all lines, and keeps it; the exit code says the same.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(&self, section: &Section, out: &mut dyn Write) -> Result<u8, Failure> {
        let text = if self.json {
            format!("{}\n", section.to_json())
        } else {
            let paint = Paint::of(self.color);
            let label = if section.command == "preflight" { before } else { Mark::label };
            format!("{}{}\n", paint.checks(&section.checks, label), verdict(section, paint))
        };
        write_out(out, &text)?;
        self.report.add(section)?;
        Ok(section.verdict.exit_code())
    }
}

/// Before a deployment there is nothing to roll back.
const fn before(mark: Mark) -> &'static str {
    match mark {
        Mark::Rollback => "fail",
        other => other.label(),
    }
}

/// What it comes to, and because of which lines.
fn verdict(section: &Section, paint: Paint) -> String {
    let before = section.command == "preflight";
    let says = match section.verdict {
        Mark::Pass | Mark::Note => "pass",
        Mark::Consider if before => "consider waiting with the deployment",
        Mark::Consider => "consider a rollback",
        Mark::Rollback if before => "do not deploy",
        Mark::Rollback => "roll back",
    };
    let causes = section.checks.iter().filter(|check| check.mark == section.verdict);
    let names: Vec<&str> = causes
        .filter(|check| check.mark > Mark::Note)
        .map(|check| check.name.split(" (").next().unwrap_or(&check.name))
        .collect();
    let because = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let says = paint.by(Some(section.verdict), says);
    format!("{} {}{because}", paint.strong(&format!("aisd {}:", section.command)), says)
}

/// The rule of this name.
///
/// # Errors
/// That there is none, and which one may have been meant.
pub fn rule(name: &str) -> Result<&'static Rule, String> {
    let known = || list::RULES.iter().map(|rule| rule.name);
    let found = list::RULES.iter().find(|rule| rule.name == name);
    found.ok_or_else(|| format!("there is no rule {name}; {}", suggestion(name, known())))
}

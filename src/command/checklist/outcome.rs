//! What came of each line of the checklist, and of all of them: what is shown, written and told by the exit code.

use serde_json::{Value, json};

use super::judge::Finding;
use super::rules::{Bound, Grade, Unit, alert_of};
use crate::command::duration::shown;
use crate::exit;

/// How a line came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// As it should be.
    Pass,
    /// Worth reading, and no reason to hold back.
    Note,
    /// A reason to consider a rollback, or to wait with a deployment.
    Consider,
    /// A reason to roll back, or not to deploy.
    Rollback,
}

impl Mark {
    /// As it stands in tables and JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Note => "note",
            Self::Consider => "consider",
            Self::Rollback => "rollback",
        }
    }

    /// What the process ends with.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Pass | Self::Note => exit::OK,
            Self::Consider => exit::CONSIDER,
            Self::Rollback => exit::ROLL_BACK,
        }
    }

    /// What becomes of all lines: notes hold nobody back.
    #[must_use]
    pub fn of_all(checks: &[Check]) -> Self {
        let gravest = checks.iter().map(|check| check.mark).max();
        gravest.filter(|mark| *mark > Self::Note).unwrap_or(Self::Pass)
    }
}

impl From<Grade> for Mark {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Nice | Grade::Should => Self::Note,
            Grade::Consider => Self::Consider,
            Grade::Rollback => Self::Rollback,
        }
    }
}

/// One line of the checklist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it came out.
    pub mark: Mark,
    /// What was found, and the way out where it is not as it should be.
    pub says: String,
}

impl Check {
    /// A line.
    pub fn new(name: impl Into<String>, mark: Mark, says: impl Into<String>) -> Self {
        Self { name: name.into(), mark, says: says.into() }
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({ "name": self.name, "result": self.mark.label(), "says": self.says })
    }
}

/// What a rule came to.
impl From<&Finding> for Check {
    fn from(finding: &Finding) -> Self {
        let rule = &finding.rule;
        let mark = finding.broken_at.map_or(Mark::Pass, |_| Mark::from(rule.grade));
        let side = match finding.bound() {
            Bound::AtMost(_) => "at most",
            Bound::AtLeast(_) => "at least",
        };
        let wanted = number(finding.bound().number(), rule.unit);
        let patience = match rule.patience.as_millis() {
            0 => String::new(),
            _ => format!(", but for {} at a time", shown(rule.patience)),
        };
        let measured = finding.worst.map_or_else(
            || "nothing to measure it by".to_owned(),
            |worst| format!("{} at worst", number(worst, rule.unit)),
        );
        let guide = match rule.severity {
            Some(_) => format!("; see {} in docs/OPERATIONS.md", alert_of(rule)),
            None => String::new(),
        };
        let broken = finding
            .broken_at
            .map_or_else(String::new, |at| format!("; broken after {}{guide}", shown(at)));
        let says = format!("{}: {measured}, {side} {wanted} allowed{patience}{broken}", rule.says);
        Self::new(format!("{} ({})", rule.name, rule.grade.label()), mark, says)
    }
}

/// A number in its unit.
#[must_use]
pub fn number(value: f64, unit: Unit) -> String {
    match unit {
        Unit::Count => format!("{value:.0}"),
        Unit::Share => format!("{:.2} %", value * 100.0),
        Unit::Rate => format!("{value:.0}/s"),
        Unit::Ms => format!("{value:.1} ms"),
        Unit::Seconds => format!("{value:.1} s"),
        Unit::Bytes => format!("{:.0} MB", value / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gravest_line_decides_and_notes_hold_nobody_back() {
        let check = |marks: &[Mark], expected: Mark, code: u8| {
            let checks: Vec<_> = marks.iter().map(|mark| Check::new("a", *mark, "b")).collect();
            let all = Mark::of_all(&checks);
            assert_eq!((all, all.exit_code()), (expected, code), "{marks:?}");
        };
        check(&[], Mark::Pass, 0);
        check(&[Mark::Pass, Mark::Note], Mark::Pass, 0);
        check(&[Mark::Consider, Mark::Note], Mark::Consider, 2);
        check(&[Mark::Pass, Mark::Rollback, Mark::Consider], Mark::Rollback, 3);
    }
}

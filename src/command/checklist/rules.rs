//! What a rule is: a number, the side of a bound that it should be on, and what it means when it is not.

use std::time::Duration;

use super::look::History;

/// What it means when a rule does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Better is possible.
    Nice,
    /// The checklist would have it otherwise.
    Should,
    /// Consider a rollback.
    Consider,
    /// Roll back.
    Rollback,
}

impl Grade {
    /// As it stands in tables and JSON.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Nice => "nice to have",
            Self::Should => "should",
            Self::Consider => "consider",
            Self::Rollback => "rollback",
        }
    }
}

/// The column of the table that a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Whether it answers, and is ready.
    State,
    /// Messages stored a second.
    Stored,
    /// p99 from receipt to commit.
    Latency,
    /// The share that is refused or lost.
    Errors,
    /// Messages lost.
    Lost,
    /// Rows in the dead letters.
    Letters,
    /// Breakers.
    Breakers,
    /// Memory.
    Memory,
    /// Hits of the cache.
    Cache,
    /// What is shown in no column.
    Other,
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// A share, as per cent.
    Share,
    /// Messages a second.
    Rate,
    /// Milliseconds.
    Ms,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

/// On which side of its bound a number is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// More is wrong.
    AtMost(f64),
    /// Less is wrong.
    AtLeast(f64),
}

impl Bound {
    /// Whether a number is on the wrong side.
    #[must_use]
    pub fn is_broken_by(self, value: f64) -> bool {
        match self {
            Self::AtMost(bound) => value > bound,
            Self::AtLeast(bound) => value < bound,
        }
    }

    /// The worse of two numbers.
    #[must_use]
    pub const fn worse(self, one: f64, other: f64) -> f64 {
        match self {
            Self::AtMost(_) => one.max(other),
            Self::AtLeast(_) => one.min(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> f64 {
        match self {
            Self::AtMost(bound) | Self::AtLeast(bound) => bound,
        }
    }

    /// The same side of another number.
    #[must_use]
    pub const fn at(self, bound: f64) -> Self {
        match self {
            Self::AtMost(_) => Self::AtMost(bound),
            Self::AtLeast(_) => Self::AtLeast(bound),
        }
    }
}

/// One rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Its name; that of the alert without `Aisd`, in small letters.
    pub name: &'static str,
    /// What is measured.
    pub says: &'static str,
    /// What it means when it does not hold.
    pub grade: Grade,
    /// The severity of the alert of the same name, if there is one.
    pub severity: Option<&'static str>,
    /// Where it is shown.
    pub column: Column,
    /// How it is written.
    pub unit: Unit,
    /// What it is measured by, over the window; none while that cannot be told.
    pub measure: fn(&History, Duration) -> Option<f64>,
    /// How far it looks back.
    pub window: Duration,
    /// What is allowed.
    pub bound: Bound,
    /// How long it may be broken.
    pub patience: Duration,
}

/// The name of the alert that a rule stands for.
#[must_use]
pub fn alert_of(rule: &Rule) -> String {
    let capital = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|it| it.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    format!("Aisd{}", rule.name.split('-').map(capital).collect::<String>())
}

//! Colours and columns, for a terminal; plain text for everybody else.

use std::io::{self, IsTerminal};

use clap::ValueEnum;

use super::outcome::{Check, Mark};

/// When colours are used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Writes in colours, or without.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    on: bool,
}

/// Where a cell of a table is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// At its left.
    Left,
    /// At its right.
    Right,
}

impl Paint {
    /// As is wanted, and as standard output and the environment are.
    #[must_use]
    pub fn of(color: Color) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            on: match color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => io::stdout().is_terminal() && !set("NO_COLOR") && !is_dumb,
            },
        }
    }

    /// Text in the colour of a mark; a good one has none of its own.
    #[must_use]
    pub fn by(self, mark: Option<Mark>, text: &str) -> String {
        match mark {
            Some(Mark::Rollback) => self.code("1;31", text),
            Some(Mark::Consider) => self.code("33", text),
            Some(Mark::Note) => self.code("36", text),
            Some(Mark::Pass) => self.code("32", text),
            None => text.to_owned(),
        }
    }

    /// Text that stands out.
    #[must_use]
    pub fn strong(self, text: &str) -> String {
        self.code("1", text)
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.on { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// One line for each check: its mark, its name, what it says.
    #[must_use]
    pub fn checks(self, checks: &[Check], label: fn(Mark) -> &'static str) -> String {
        let width = checks.iter().map(|check| check.name.chars().count()).max().unwrap_or(0);
        let line = |check: &Check| {
            let mark = self.by(Some(check.mark), &format!("{:<8}", label(check.mark)));
            format!("  {mark}  {:<width$}  {}\n", check.name, printable(&check.says))
        };
        checks.iter().map(line).collect()
    }
}

/// A cell of so many letters.
#[must_use]
pub fn cell(text: &str, width: usize, side: Side) -> String {
    match side {
        Side::Left => format!("{text:<width$}"),
        Side::Right => format!("{text:>width$}"),
    }
}

/// Without what would end the line or steer a terminal: some of it came over the network.
#[must_use]
pub fn printable(text: &str) -> String {
    let escape = |letter: char| -> Vec<char> {
        if letter.is_control() { letter.escape_default().collect() } else { vec![letter] }
    };
    text.chars().flat_map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_used_where_they_are_wanted() {
        let (always, never) = (Paint::of(Color::Always), Paint::of(Color::Never));
        assert_eq!(always.by(Some(Mark::Rollback), "x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(never.by(Some(Mark::Rollback), "x"), "x");
        assert_eq!(always.by(None, "x"), "x");
    }

    #[test]
    fn checks_stand_in_columns_and_nothing_steers_the_terminal() {
        let checks =
            [Check::new("a", Mark::Pass, "well"), Check::new("long", Mark::Note, "\x1b[2Jx\ny")];
        let expected = "  pass      a     well\n  note      long  \\u{1b}[2Jx\\ny\n";
        assert_eq!(Paint::of(Color::Never).checks(&checks, Mark::label), expected);
    }
}

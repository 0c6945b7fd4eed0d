//! What does a report look like that says how each of its figures came about?

use std::fmt::Write as _;

/// A document that grows from part to part.
#[derive(Default)]
pub struct Report(String);

impl Report {
    pub fn heading(&mut self, text: &str) {
        let _ = write!(self.0, "\n## {text}\n\n");
    }

    pub fn text(&mut self, text: &str) {
        let _ = write!(self.0, "{text}\n\n");
    }

    /// A table; the first row is its head.
    pub fn table(&mut self, rows: &[Vec<String>]) {
        for (number, row) in rows.iter().enumerate() {
            let _ = writeln!(self.0, "| {} |", row.join(" | "));
            if number == 0 {
                let _ = writeln!(self.0, "|{}", "---|".repeat(row.len()));
            }
        }
        self.0.push('\n');
    }

    pub fn into_text(self) -> String {
        let trimmed = self.0.trim();
        format!("{trimmed}\n")
    }
}

/// A row of a table.
pub fn row<const N: usize>(cells: [&str; N]) -> Vec<String> {
    cells.map(str::to_owned).to_vec()
}

/// Some runs of the same thing.
#[derive(Clone, Debug, Default)]
pub struct Runs(Vec<f64>);

impl Runs {
    pub fn of(count: usize, mut run: impl FnMut(usize) -> f64) -> Self {
        (0..count).map(&mut run).collect()
    }

    pub fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// Each beside the one that was run next to it: what the machine does in that minute, it does to both.
    pub fn per(&self, beside: &Self) -> Self {
        self.0.iter().zip(&beside.0).map(|(one, other)| one / other).collect()
    }

    pub fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// The median, with the range if there is more than one.
    pub fn told(&self, text: impl Fn(f64) -> String) -> String {
        let (least, most) =
            self.0.iter().fold((f64::MAX, f64::MIN), |it, x| (it.0.min(*x), it.1.max(*x)));
        match self.0.len() {
            0 => "-".to_owned(),
            1 => text(self.median()),
            _ => format!("{} ({}-{})", text(self.median()), text(least), text(most)),
        }
    }
}

impl FromIterator<f64> for Runs {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

/// A rate, to three digits.
pub fn rate(per_second: f64) -> String {
    match per_second {
        1e6.. => format!("{:.2} M/s", per_second / 1e6),
        1e5.. => format!("{:.0} k/s", per_second / 1e3),
        1e3.. => format!("{:.1} k/s", per_second / 1e3),
        _ => format!("{per_second:.0}/s"),
    }
}

pub fn ms(value: f64) -> String {
    format!("{value:.2}")
}

pub fn plain(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.0}") }
}

//! Reads the Prometheus text of a daemon: what `/metrics/prometheus` says, as numbers that can be asked for.

/// One line of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

impl Series {
    /// The value of a label; empty when it has none of that name.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        self.labels.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Its value.
    #[must_use]
    pub const fn value(&self) -> f64 {
        self.value
    }
}

/// The whole text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scrape(Vec<Series>);

impl Scrape {
    /// Every line that can be understood.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(text.lines().filter(|line| !line.starts_with('#')).filter_map(series).collect())
    }

    /// Every series of a name.
    pub fn each<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Series> {
        self.0.iter().filter(move |series| series.name == name)
    }

    /// Whether there is one of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.each(name).next().is_some()
    }

    /// The values of a name together, 0 when there is none.
    #[must_use]
    pub fn sum(&self, name: &str) -> f64 {
        self.each(name).map(Series::value).sum()
    }
}

fn series(line: &str) -> Option<Series> {
    let name_end = line.find(['{', ' '])?;
    let (name, rest) = line.split_at(name_end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (Vec::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Series { name: name.to_owned(), labels, value })
}

type Labels = Vec<(String, String)>;

/// The labels, and what stands behind the closing brace.
fn labels(text: &str) -> Option<(Labels, &str)> {
    let (mut labels, mut rest) = (Vec::new(), text);
    loop {
        rest = rest.trim_start_matches([',', ' ']);
        if let Some(rest) = rest.strip_prefix('}') {
            return Some((labels, rest));
        }
        let (name, quoted) = rest.split_once("=\"")?;
        let (mut value, mut letters) = (String::new(), quoted.chars());
        loop {
            match letters.next()? {
                '"' => break,
                '\\' => value.push(match letters.next()? {
                    'n' => '\n',
                    other => other,
                }),
                other => value.push(other),
            }
        }
        labels.push((name.to_owned(), value));
        rest = letters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_labels_and_values_are_read() {
        let text = "# HELP a Is.\n# TYPE a counter\na{feed=\"u\\\"d}p\",reason=\"x\\\\y\"} 3\na{feed=\"tcp\",} 4.5 1700000000000\n\
                    b 2e9\nb_up NaN\nno value\n{}\nc{x=\"open} 1\n";
        let scrape = Scrape::read(text);
        assert_eq!(scrape.sum("a").to_string(), "7.5");
        assert_eq!(scrape.sum("b").to_string(), "2000000000");
        assert!(scrape.has("b_up") && !scrape.has("c") && !scrape.has("d"));
        let first = scrape.each("a").next().unwrap();
        let labels = ["feed", "reason", "else"].map(|name| first.label(name));
        assert_eq!(labels, ["u\"d}p", "x\\y", ""]);
    }
}

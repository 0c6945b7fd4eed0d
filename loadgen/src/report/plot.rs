//! Plots as SVG: lines over an axis of time or of anything else, drawn here, without a script.

use std::fmt::Write as _;

/// The drawing in its own units, of which a browser makes as many pixels as there is room.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 290.0;
/// Room beside the axes.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 44.0;
/// Room for a name in the legend, besides its letters.
const LEGEND_GAP: f64 = 40.0;
const LETTER: f64 = 6.6;
/// Points of a line at most; of more, the highest of each stretch stands for it.
const POINTS_MAX: usize = 400;

/// A line of a plot.
#[derive(Clone, Debug)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Where it goes; what is no number is left out.
    pub points: Vec<(f64, f64)>,
}

impl Series {
    /// With its name.
    pub fn new(name: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Self {
        let points = points.into_iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        Self { name: name.to_owned(), points: points.collect() }
    }
}

/// Some lines over one axis.
#[derive(Clone, Debug)]
pub struct Plot {
    /// What lies along the axis below.
    pub x_label: &'static str,
    /// What lies along the axis beside.
    pub y_label: &'static str,
    /// Whether equal steps upwards are equal factors.
    pub is_log: bool,
    /// Where marks stand below, with their texts; where they fit when there are none.
    pub marks: Vec<(f64, String)>,
    /// The lines.
    pub series: Vec<Series>,
}

/// What a plot shows: from, to.
#[derive(Clone, Copy, Debug)]
struct Range {
    from: f64,
    to: f64,
}

impl Range {
    fn share(self, value: f64) -> f64 {
        (value - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE)
    }
}

impl Plot {
    /// The drawing; a sentence when there is nothing to draw.
    pub fn svg(&self) -> String {
        let series: Vec<&Series> = self.series.iter().filter(|it| it.points.len() > 1).collect();
        if series.is_empty() {
            return "<p class=\"none\">nothing was measured here</p>".into();
        }
        let all = || series.iter().flat_map(|it| &it.points);
        let x = range(all().map(|it| it.0).chain([0.0]));
        let highest = all().map(|it| it.1).fold(0.0, f64::max);
        let y = if self.is_log {
            decades(all().map(|it| it.1))
        } else {
            Range { from: 0.0, to: above(highest) }
        };
        let mut out = format!(
            "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{} over {}\">",
            self.y_label, self.x_label
        );
        self.axes(x, y, &mut out);
        for (number, series) in series.iter().enumerate() {
            self.line(number, series, x, y, &mut out);
        }
        legend(&series, &mut out);
        out.push_str("</svg>");
        out
    }

    fn axes(&self, x: Range, y: Range, out: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let y_marks = if self.is_log { decade_marks(y) } else { even_marks(y) };
        for (value, text) in y_marks {
            let at = bottom - y.share(value) * (bottom - TOP);
            // Writing to a text cannot fail.
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {at:.1}H{right}\"/><text x=\"{:.1}\" y=\"{:.1}\" class=\"y\">{text}</text>",
                LEFT - 8.0,
                at + 4.0
            );
        }
        let marks = if self.marks.is_empty() { even_marks(x) } else { self.marks.clone() };
        for (value, text) in marks.iter().filter(|it| (0.0..=1.0).contains(&x.share(it.0))) {
            let at = LEFT + x.share(*value) * (right - LEFT);
            let _ = write!(
                out,
                "<path class=\"grid\" d=\"M{at:.1} {TOP}V{bottom}\"/><text x=\"{at:.1}\" y=\"{:.1}\" class=\"x\">{text}</text>",
                bottom + 16.0
            );
        }
        let middle = f64::midpoint(TOP, bottom);
        let _ = write!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" class=\"x\">{}</text><text transform=\"translate(13 {middle:.1}) rotate(-90)\" class=\"x\">{}</text>",
            f64::midpoint(LEFT, right),
            HEIGHT - 8.0,
            self.x_label,
            self.y_label
        );
    }

    fn line(&self, number: usize, series: &Series, x: Range, y: Range, out: &mut String) {
        let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
        let _ = write!(out, "<path class=\"line s{}\" d=\"", number % 5);
        for (at, point) in thinned(&series.points).into_iter().enumerate() {
            let value = if self.is_log { point.1.max(1e-6).log10() } else { point.1 };
            let across = LEFT + x.share(point.0) * (right - LEFT);
            let up = bottom - y.share(value).clamp(0.0, 1.0) * (bottom - TOP);
            let _ = write!(out, "{}{across:.1} {up:.1}", if at == 0 { 'M' } else { 'L' });
        }
        out.push_str("\"/>");
    }
}

fn legend(series: &[&Series], out: &mut String) {
    let mut at = LEFT;
    for (number, series) in series.iter().enumerate() {
        let _ = write!(
            out,
            "<path class=\"line s{}\" d=\"M{at:.1} 14h22\"/><text x=\"{:.1}\" y=\"18\">{}</text>",
            number % 5,
            at + 28.0,
            series.name
        );
        at += LEGEND_GAP + LETTER * series.name.len() as f64;
    }
}

fn range(values: impl Iterator<Item = f64>) -> Range {
    let (from, to) = values.fold((f64::MAX, f64::MIN), |it, x| (it.0.min(x), it.1.max(x)));
    Range { from, to: if to > from { to } else { from + 1.0 } }
}

/// Powers of ten, as their exponents, around all values.
fn decades(values: impl Iterator<Item = f64>) -> Range {
    let logs = range(values.map(|value| value.max(1e-3).log10()));
    Range { from: logs.from.floor(), to: logs.to.ceil().max(logs.from.floor() + 1.0) }
}

fn decade_marks(range: Range) -> Vec<(f64, String)> {
    let mut marks = Vec::new();
    let mut at = range.from;
    while at <= range.to {
        marks.push((at, number(10.0_f64.powf(at))));
        at += 1.0;
    }
    marks
}

/// A round number at or above a value; over nothing but zeros, one.
fn above(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    step(value, 4.0) * (value / step(value, 4.0)).ceil().max(1.0)
}

/// A round step of which so many make up a value, more or less.
fn step(value: f64, count: f64) -> f64 {
    let rough = (value / count).max(1e-9);
    let ten = 10.0_f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    steps.into_iter().map(|it| it * ten).find(|it| *it >= rough * 0.999).unwrap_or(ten * 10.0)
}

fn even_marks(range: Range) -> Vec<(f64, String)> {
    let step = step(range.to - range.from, 5.0);
    let mut marks = Vec::new();
    let mut at = (range.from / step).ceil() * step;
    while at <= range.to + step / 1000.0 {
        marks.push((at, number(at)));
        at += step;
    }
    marks
}

/// As short as it can be read.
fn number(value: f64) -> String {
    match value.abs() {
        1e6.. => format!("{} M", rounded(value / 1e6)),
        1e4.. => format!("{} k", rounded(value / 1e3)),
        _ => rounded(value),
    }
}

fn rounded(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let size = points.len().div_ceil(POINTS_MAX).max(1);
    let highest = |stretch: &[(f64, f64)]| {
        stretch.iter().copied().reduce(|a, b| if b.1 > a.1 { b } else { a })
    };
    points.chunks(size).filter_map(highest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(is_log: bool, points: &[(f64, f64)]) -> String {
        let series = vec![Series::new("a", points.iter().copied())];
        Plot { x_label: "s", y_label: "ms", is_log, marks: Vec::new(), series }.svg()
    }

    #[test]
    fn marks_are_round() {
        let texts = |from, to| {
            let marks = even_marks(Range { from, to });
            marks.into_iter().map(|it| it.1).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(texts(0.0, 60.0), "0 20 40 60");
        assert_eq!(texts(0.0, 1.0), "0 0.2 0.4 0.6 0.8 1");
        assert_eq!(texts(0.0, 500_000.0), "0 100 k 200 k 300 k 400 k 500 k");
        assert!((above(430.0) - 600.0).abs() < 1e-9);
        // A backlog that was always empty had an axis of "0" above "0".
        assert_eq!(texts(0.0, above(0.0)), "0 0.2 0.4 0.6 0.8 1");
    }

    #[test]
    fn lines_stay_within_the_drawing() {
        for is_log in [false, true] {
            let svg = plot(is_log, &[(0.0, 0.0), (1.0, 5.0), (2.0, f64::NAN), (3.0, 1e5)]);
            let line = svg.split("class=\"line s0\" d=\"").nth(1).unwrap();
            let line = line.split('"').next().unwrap();
            let numbers = line.split(['M', 'L', ' ']).filter_map(|it| it.parse::<f64>().ok());
            assert_eq!(numbers.clone().count(), 6, "{line}");
            assert!(numbers.clone().all(|it| (0.0..=WIDTH).contains(&it)), "{line}");
        }
    }

    #[test]
    fn of_nothing_there_is_no_drawing() {
        assert!(!plot(false, &[(1.0, 1.0)]).contains("<svg"));
        let many: Vec<(f64, f64)> = (0..10_000).map(|it| (f64::from(it), 1.0)).collect();
        assert!(thinned(&many).len() <= POINTS_MAX);
    }
}

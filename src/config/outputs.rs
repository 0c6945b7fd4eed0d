//! The tables of outputs: where what was heard is sent on, and what of it.

use super::FilterConfig;
use super::feeds::{Values, free_name};
use super::keys::{AREA, MMSIS, SOURCES, TYPES};
use super::kinds::{FeedKey, Otherwise, key};
use super::rule::{Rule, Value};

/// Outputs at most: each costs the shards a look at its queue.
pub const OUTPUTS_MAX: usize = 16;

/// How an output sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputKind {
    /// A datagram for each sentence.
    Udp,
    /// Lines to a server that is connected to.
    Tcp,
}

/// One output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputConfig {
    /// Its name in metrics; by default its kind, numbered from the second on.
    pub name: Option<String>,
    /// How it sends.
    pub kind: OutputKind,
    /// `HOST:PORT` to send to.
    pub address: String,
    /// What is sent.
    pub filter: FilterConfig,
    /// Of each vessel and type, at most one in so many seconds; 0 for all.
    pub interval_seconds: u64,
    /// Whether each sentence has a tag block with its time.
    pub tag_blocks: bool,
    /// Messages that may wait; more are dropped and counted.
    pub waiting_max: u32,
}

const KEYS: &[FeedKey] = &[
    key("name", Rule::Name, Otherwise::Absent),
    key("address", Rule::Address, Otherwise::Required),
    key("types", TYPES, Otherwise::Absent),
    key("mmsi", MMSIS, Otherwise::Absent),
    key("area", AREA, Otherwise::Absent),
    key("sources", SOURCES, Otherwise::Absent),
    key("interval_seconds", Rule::Whole(0, 86_400), Otherwise::Whole(0)),
    key("tag_blocks", Rule::Truth, Otherwise::False),
    key("waiting_max", Rule::Whole(1, 1_000_000), Otherwise::Whole(65_536)),
];

/// Every kind of output with its keys.
pub const KINDS: &[(&str, &[FeedKey])] = &[("udp", KEYS), ("tcp", KEYS)];

impl OutputConfig {
    /// What the neighbour is called that it sends to.
    #[must_use]
    pub fn peer(&self) -> String {
        format!("output:{}", self.name.as_deref().unwrap_or_default())
    }
}

impl OutputKind {
    /// The kind as it stands in the file.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        }
    }
}

/// Makes an output of checked values; `None` when a required key is missing.
#[must_use]
pub fn build(kind: &str, values: &Values) -> Option<OutputConfig> {
    let text = |name: &str| match values.get(name) {
        Some(Value::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let whole = |name: &str| match values.get(name) {
        Some(Value::Whole(whole)) => Some(*whole),
        _ => KEYS.iter().find(|key| key.name == name).and_then(|key| match key.otherwise {
            Otherwise::Whole(default) => Some(default),
            _ => None,
        }),
    };
    Some(OutputConfig {
        name: text("name"),
        kind: [OutputKind::Udp, OutputKind::Tcp].into_iter().find(|it| it.label() == kind)?,
        address: text("address")?,
        filter: FilterConfig {
            types: text("types").unwrap_or_default(),
            mmsi: text("mmsi").unwrap_or_default(),
            area: text("area").unwrap_or_default(),
            sources: text("sources").unwrap_or_default(),
        },
        interval_seconds: whole("interval_seconds")?.try_into().ok()?,
        tag_blocks: matches!(values.get("tag_blocks"), Some(Value::Truth(true))),
        waiting_max: whole("waiting_max")?.try_into().ok()?,
    })
}

/// The keys and values of an output, in the order of its keys; absent ones left out.
#[must_use]
pub fn values_of(output: &OutputConfig) -> Vec<(&'static str, Value)> {
    let text = |text: &String| Value::Text(text.clone());
    let mut values = Vec::new();
    values.extend(output.name.as_ref().map(|name| ("name", text(name))));
    values.push(("address", text(&output.address)));
    let FilterConfig { types, mmsi, area, sources } = &output.filter;
    let filter = [("types", types), ("mmsi", mmsi), ("area", area), ("sources", sources)];
    let filter = filter.into_iter().filter(|(_, wanted)| !wanted.is_empty());
    values.extend(filter.map(|(name, wanted)| (name, text(wanted))));
    let seconds = i64::try_from(output.interval_seconds).unwrap_or(i64::MAX);
    values.push(("interval_seconds", Value::Whole(seconds)));
    values.push(("tag_blocks", Value::Truth(output.tag_blocks)));
    values.push(("waiting_max", Value::Whole(i64::from(output.waiting_max))));
    values
}

/// Names every output that has no name: its kind, numbered from the second on, passing over names that are taken.
pub fn give_names(outputs: &mut [OutputConfig]) {
    for at in 0..outputs.len() {
        if outputs[at].name.is_some() {
            continue;
        }
        let names: Vec<_> = outputs.iter().map(|output| output.name.as_deref()).collect();
        outputs[at].name = free_name(outputs[at].kind.label(), &names);
    }
}

/// What is wrong with the outputs together.
#[must_use]
pub fn wrong(outputs: &[OutputConfig]) -> Vec<String> {
    let mut wrong = Vec::new();
    if outputs.len() > OUTPUTS_MAX {
        wrong.push(format!("{} outputs, must be at most {OUTPUTS_MAX}", outputs.len()));
    }
    for (at, output) in outputs.iter().enumerate() {
        if outputs[..at].iter().any(|other| other.name == output.name) {
            let name = output.name.as_deref().unwrap_or_default();
            wrong.push(format!("two outputs have the name \"{name}\"; names must differ"));
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::super::load::parse;
    use super::super::show::to_toml;
    use super::FilterConfig;

    const TEXT: &str = "[[outputs]]\nkind = \"udp\"\naddress = \"a:1\"\n[[outputs]]\nkind = \"udp\"\naddress = \"b:2\"\n\
        types = \"1,5\"\nmmsi = \"!1\"\narea = \"1,2,3,4\"\nsources = \"udp\"\ninterval_seconds = 60\n\
        tag_blocks = true\nwaiting_max = 10\n";

    #[test]
    fn outputs_are_read_named_and_printed_so_that_they_are_read_again() {
        let config = parse("a", TEXT).unwrap();
        let names: Vec<_> = config.outputs.iter().filter_map(|it| it.name.as_deref()).collect();
        assert_eq!(names, ["udp", "udp2"]);
        let [plain, full] = &config.outputs[..] else { panic!("{config:?}") };
        assert_eq!((plain.interval_seconds, plain.waiting_max), (0, 65_536));
        let filter = ["1,5", "!1", "1,2,3,4", "udp"].map(str::to_owned);
        let [types, mmsi, area, sources] = filter;
        assert_eq!(full.filter, FilterConfig { types, mmsi, area, sources });
        assert_eq!((&plain.filter, full.interval_seconds), (&FilterConfig::default(), 60));
        assert_eq!(parse("printed", &to_toml(&config)), Ok(config));
    }

    #[test]
    fn what_is_wrong_with_an_output_is_said_with_its_line() {
        let check = |text: &str, expected: &str| {
            let faults = parse("a", text).unwrap_err();
            let texts: Vec<String> = faults.iter().map(ToString::to_string).collect();
            assert!(texts.iter().any(|it| it.contains(expected)), "{texts:?}");
        };
        check("outputs = 1", "a:1: outputs must be tables: [[outputs]]");
        check("[[outputs]]\nkind = \"ftp\"", "a:2: outputs[0].kind is \"ftp\"");
        check("[[outputs]]\nkind = \"tcp\"", "outputs[0] is a tcp without address");
        check(
            "[[outputs]]\nkind = \"tcp\"\naddress = \"a:1\"\ntypes = \"29\"",
            "a:4: outputs[0].types is \"29\", must be 0 to 28 with commas",
        );
        check(
            "[[outputs]]\nkind = \"tcp\"\naddress = \"a:1\"\narea = \"91,0,92,1\"",
            "a:4: outputs[0].area is \"91,0,92,1\", must be degrees south,west,north,east",
        );
        let two = "[[outputs]]\nkind = \"udp\"\naddress = \"a:1\"\nname = \"x\"\n".repeat(2);
        check(&two, "two outputs have the name \"x\"");
    }
}

//! Who wants what which source brings.
//!
//! Where a sink wants some sources alone, a transmission that several of them hear is one report for *that sink*: the first of those that
//! it wants, though another source may have been quicker. So what was heard is remembered for each *audience* by itself, an
//! audience being the sinks that want a source: sources with the same sinks share what is remembered.
//!
//! Where no sink asks for sources there is one audience, all of them, and one look at what is remembered.

use crate::filter::{Filter, Sinks};

/// Sinks that want the same sources.
#[derive(Clone, Copy, Debug)]
pub struct Audience {
    /// Who they are.
    pub sinks: Sinks,
    /// Makes a hash one of this audience.
    pub salt: u64,
}

/// The audience of every feed.
#[derive(Clone, Debug)]
pub struct Audiences {
    /// By number of the feed.
    of_feed: [u8; 256],
    all: Vec<Audience>,
}

impl Audiences {
    /// Of sinks, each with what it wants.
    #[must_use]
    pub fn new(sinks: &[(Sinks, &Filter)]) -> Self {
        let (mut of_feed, mut all) = ([0; 256], Vec::<Audience>::new());
        for feed in 0..=u8::MAX {
            let wants = sinks.iter().filter(|(_, filter)| filter.wants_source(feed));
            let sinks = wants.fold(Sinks::NONE, |all, (sink, _)| all.and(*sink));
            let at = all.iter().position(|it| it.sinks == sinks).unwrap_or(all.len());
            // There are no more than feeds.
            let number = u8::try_from(at).unwrap_or(u8::MAX);
            if at == all.len() {
                let salt = u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                all.push(Audience { sinks, salt });
            }
            of_feed[usize::from(feed)] = number;
        }
        Self { of_feed, all }
    }

    /// Who wants what this feed brings.
    #[must_use]
    pub fn of(&self, feed: u8) -> Audience {
        self.all[usize::from(self.of_feed[usize::from(feed)])]
    }

    /// All others.
    pub fn others(&self, feed: u8) -> impl Iterator<Item = &Audience> {
        let own = usize::from(self.of_feed[usize::from(feed)]);
        self.all.iter().enumerate().filter(move |(at, _)| *at != own).map(|(_, it)| it)
    }
}

impl Default for Audiences {
    /// Everybody wants everything.
    fn default() -> Self {
        Self { of_feed: [0; 256], all: vec![Audience { sinks: Sinks::ALL, salt: 0 }] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::FilterConfig;

    #[test]
    fn feeds_that_the_same_sinks_want_have_one_audience() {
        let feeds = ["own", "service", "other"].map(str::to_owned);
        let filter = |sources: &str| {
            let sources = sources.to_owned();
            Filter::new(&FilterConfig { sources, ..FilterConfig::default() }, &feeds)
        };
        let (all, own, but) = (filter(""), filter("own"), filter("!service"));
        let output = Sinks::output(0);
        let check = |filters: [&Filter; 3], audiences: usize, of_service: Sinks| {
            let [store, live, out] = filters;
            let sinks = [(Sinks::STORE, store), (Sinks::LIVE, live), (output, out)];
            let audiences_of = Audiences::new(&sinks);
            assert_eq!(audiences_of.all.len(), audiences);
            assert_eq!(audiences_of.of(1).sinks, of_service);
            assert_eq!(audiences_of.others(1).count(), audiences - 1);
            assert!(audiences_of.others(1).all(|it| it.sinks != of_service));
        };
        let both = Sinks::STORE.and(Sinks::LIVE);
        check([&all, &all, &all], 1, both.and(output));
        check([&all, &all, &own], 2, both);
        // The third feed is wanted by two of them, and so are feeds that nobody has named.
        check([&own, &all, &but], 3, Sinks::LIVE);
        check([&own, &own, &own], 2, Sinks::NONE);
    }
}

//! Where the messages are that are not stored: what the ledger says must have been refused, and what the daemon counted.
//!
//! In:  the ledger; the daemon's counters before and after the run
//! Out: for each reason how often it must have been counted and how often it was; how many lost messages have a reason
//!
//! That a message is not in the store is known from the store. The counters only say why; a refusal that nobody counted
//! is as bad as a message that nobody stored.

use crate::ledger::Ledger;
use crate::metrics::Figures;
use serde_json::{Map, Value, json};

/// Reasons of the daemon under which messages may end that were sent well.
const OTHER_ENDS: [&str; 4] = ["filtered", "dropped", "undelivered", "kernel_drops"];

/// One reason for refusing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// As the daemon counts it.
    pub name: &'static str,
    /// How often it must have been counted.
    pub sent: u64,
    /// How often it was; absent when nobody could be asked.
    pub counted: Option<u64>,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The reasons of the ledger.
    pub reasons: Vec<Reason>,
    /// Messages with any other reason of the daemon's; absent when nobody could be asked.
    pub elsewhere: Option<u64>,
}

impl Account {
    /// Of a run between two looks at the daemon's counters.
    pub fn of(ledger: &Ledger, figures: Option<(&Figures, &Figures)>) -> Self {
        let since = |count: &dyn Fn(&Figures) -> Option<u64>| {
            let (before, now) = figures?;
            let (then, now) = (count(before).unwrap_or(0), count(now)?);
            // A daemon that was started again counts from nothing.
            Some(now.checked_sub(then).unwrap_or(now))
        };
        let of_ledger = ledger.reasons().filter(|(_, sent)| *sent > 0);
        let reasons: Vec<Reason> = of_ledger
            .map(|(name, sent)| Reason { name, sent, counted: since(&|it| it.reason(name)) })
            .collect();
        let rejected = since(&|figures| figures.over_feeds("rejected"));
        let elsewhere = rejected.map(|rejected| {
            let ours = reasons.iter().filter(|it| it.name != "fragments_expired");
            let ours: u64 = ours.filter_map(|it| Some(it.counted?.min(it.sent))).sum();
            let ends = OTHER_ENDS.iter().filter_map(|name| since(&|it| it.over_feeds(name)));
            rejected.saturating_sub(ours) + ends.sum::<u64>()
        });
        Self { reasons, elsewhere }
    }

    /// Refusals that nobody counted.
    pub fn uncounted(&self) -> u64 {
        let missing = |it: &Reason| Some(it.sent.saturating_sub(it.counted?));
        self.reasons.iter().filter_map(missing).sum()
    }

    /// How many of so many lost messages have a counted reason.
    pub fn accounted(&self, lost: u64) -> Option<u64> {
        self.elsewhere.map(|elsewhere| elsewhere.min(lost))
    }

    /// By reason.
    pub fn json(&self) -> Value {
        let reason =
            |it: &Reason| (it.name.to_owned(), json!({ "sent": it.sent, "counted": it.counted }));
        self.reasons.iter().map(reason).collect::<Map<_, _>>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dirt::Kind;
    use crate::ledger::Entry;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        let dirty = |kind| Entry { dirt: Some(kind), lines: 1, ..Entry::NONE };
        let kinds = [Kind::Checksum, Kind::Checksum, Kind::Lost, Kind::Reordered];
        ledger.note(&kinds.map(dirty));
        ledger
    }

    fn figures(text: &str) -> Figures {
        Figures::read(text).unwrap()
    }

    #[test]
    fn reasons_are_compared_with_what_was_counted_in_the_run() {
        let before = figures(
            r#"{"feeds":{"udp":{"rejected":{"checksum":3,"length":1},"fragments_expired":1,"kernel_drops":0}}}"#,
        );
        let after = figures(
            r#"{"feeds":{"udp":{"rejected":{"checksum":5,"length":2},"fragments_expired":1,"kernel_drops":7,
                "dropped":{"journal_full":2}}}}"#,
        );
        let account = Account::of(&ledger(), Some((&before, &after)));
        let reason = |name, sent, counted| Reason { name, sent, counted };
        assert_eq!(
            account.reasons,
            [reason("checksum", 2, Some(2)), reason("fragments_expired", 1, Some(0))]
        );
        assert_eq!((account.uncounted(), account.elsewhere), (1, Some(10)));
        assert_eq!((account.accounted(4), account.accounted(40)), (Some(4), Some(10)));
    }

    #[test]
    fn when_nobody_can_be_asked_nothing_is_known() {
        let account = Account::of(&ledger(), None);
        assert_eq!((account.uncounted(), account.accounted(5)), (0, None));
        assert_eq!(account.json()["checksum"], json!({ "sent": 2, "counted": null }));
    }
}

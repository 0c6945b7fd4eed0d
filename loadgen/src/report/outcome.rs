//! How a run ended: for programs a number, for people the sentence over the page. Both come from here, so that a page is never
//! green over a run that failed.

use super::Results;
use crate::live::Shown;
use crate::verify::Verdict;

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// The exit code: 0 all there; 1 something lost, stored twice, unexpected, wrong or not accounted for, or no rate held;
    /// 3 something failed.
    pub code: u8,
    /// What is not as it must be; or else what was found to be right.
    pub says: Vec<String>,
}

impl Outcome {
    /// Whether something is not as it must be.
    pub const fn is_bad(&self) -> bool {
        self.code != 0
    }

    /// As a sentence.
    pub fn told(&self) -> String {
        let text = self.says.join("; ");
        let mut letters = text.chars();
        let first = letters.next().map(|letter| letter.to_ascii_uppercase());
        first.into_iter().chain(letters).chain(['.']).collect()
    }
}

/// Of a run.
pub fn of(results: &Results) -> Outcome {
    let mut faults = Vec::new();
    if results.verdict.as_ref().is_some_and(|verdict| !Verdict::is_good(verdict)) {
        faults.push("the store does not hold what was sent".to_owned());
    }
    match results.account.uncounted() {
        0 => {}
        count => faults.push(format!("{count} refusals were counted by nobody")),
    }
    if results.live.as_ref().is_some_and(|shown| !Shown::is_good(shown)) {
        faults.push("the live picture did not show what was sent".to_owned());
    }
    if results.is_without_rate() {
        faults.push("none of the rates that were tried holds".to_owned());
    }
    let code = match (faults.is_empty(), &results.failure) {
        (false, _) => 1,
        (true, Some(_)) => 3,
        (true, None) => 0,
    };
    if let Some(failure) = &results.failure {
        faults.insert(0, format!("the run failed: {failure}"));
    }
    Outcome { code, says: if code == 0 { found(results) } else { faults } }
}

/// What a run without a fault has shown, and nothing more.
fn found(results: &Results) -> Vec<String> {
    let store = match (&results.verdict, &results.arguments.file) {
        (None, _) => "the store was not compared with what was sent",
        (Some(_), None) => "everything that was sent is in the store, once",
        (Some(_), Some(_)) => {
            "every position of the file is in the store, once; what else its lines say was not looked for"
        }
    };
    let mut says = vec![store.to_owned()];
    let reasons = &results.account.reasons;
    if !reasons.is_empty() {
        let is_known = reasons.iter().all(|reason| reason.counted.is_some());
        says.push(if is_known {
            "what was spoilt on purpose was refused and counted".to_owned()
        } else {
            "nobody could be asked whether what was spoilt on purpose was counted".to_owned()
        });
    }
    if results.live.is_some() {
        says.push("the live picture showed every ship where it was sent from last".to_owned());
    }
    says
}

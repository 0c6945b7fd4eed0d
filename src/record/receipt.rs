//! What a feed that answers its sender is told of a batch: that it is on disk, or that there was no room for it.
//!
//! The feed keeps one half, the batch the other. The journal's appender *begins* with a batch before its first byte is written; until
//! then the feed may *withdraw* it, and then none of it will ever be appended. Once begun it is in the journal's hands: the sync
//! thread *gives* the receipt when all of it is on disk, and wakes the feed. So an answer of success means durable, and one of
//! refusal means that nothing was taken, whichever of the two threads is faster.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::stage::Waker;

const OFFERED: u8 = 0;
const BEGUN: u8 = 1;
const DURABLE: u8 = 2;
const WITHDRAWN: u8 = 3;

/// Where a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing of it is in the journal yet.
    Offered,
    /// It is being appended, or waits for its sync.
    Begun,
    /// All of it is on disk.
    Durable,
    /// It was withdrawn.
    Withdrawn,
}

/// One half of the promise; both are the same.
#[derive(Clone)]
pub struct Receipt(Arc<Shared>);

struct Shared {
    fate: AtomicU8,
    feed: Waker,
}

impl Receipt {
    /// For a batch of the feed that this wakes.
    #[must_use]
    pub fn new(feed: &Waker) -> Self {
        Self(Arc::new(Shared { fate: AtomicU8::new(OFFERED), feed: feed.clone() }))
    }

    /// Where the batch is.
    #[must_use]
    pub fn fate(&self) -> Fate {
        match self.0.fate.load(Ordering::Acquire) {
            OFFERED => Fate::Offered,
            BEGUN => Fate::Begun,
            DURABLE => Fate::Durable,
            _ => Fate::Withdrawn,
        }
    }

    /// Takes the batch back, if nothing of it has been begun; says whether it is.
    #[must_use]
    pub fn withdraw(&self) -> bool {
        self.change(OFFERED, WITHDRAWN) || self.fate() == Fate::Withdrawn
    }

    /// Notes that it is being appended; says whether it still may be.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.change(OFFERED, BEGUN) || self.fate() != Fate::Withdrawn
    }

    /// Notes that all of it is on disk.
    pub fn give(&self) {
        self.0.fate.store(DURABLE, Ordering::Release);
        self.0.feed.wake();
    }

    fn change(&self, from: u8, to: u8) -> bool {
        self.0.fate.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{:?}", self.fate())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage::parking;

    #[test]
    fn a_batch_is_withdrawn_or_begun_and_never_both() {
        let (_spot, waker) = parking();
        let early = Receipt::new(&waker);
        assert!(early.withdraw() && early.withdraw() && !early.begin());
        assert_eq!(early.fate(), Fate::Withdrawn);
        let late = Receipt::new(&waker);
        let other = late.clone();
        assert!(late.begin() && late.begin() && !other.withdraw());
        assert_eq!(other.fate(), Fate::Begun);
        late.give();
        assert!(!other.withdraw());
        assert_eq!(other.fate(), Fate::Durable);
    }
}

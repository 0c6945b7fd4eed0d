//! Times that wait for the sentence they are about: of a stamp line, or of the first line of a group.
//!
//! A table of fixed size. Two keys that meet in one place put each other out; the one that comes later stays, and the
//! other's sentence goes without an explicit time.

/// Places of a table.
const PLACES: usize = 256;

#[derive(Clone, Copy, Default)]
struct Place {
    sender: u64,
    id: u64,
    sent_us: i64,
    received_us: i64,
    taken: bool,
}

/// Times by sender and a number of the caller's choice.
pub struct HeldTimes {
    places: Box<[Place]>,
    count: usize,
    wait_us: i64,
}

impl HeldTimes {
    /// An empty table whose times are good for this long.
    pub fn new(wait_us: i64) -> Self {
        Self { places: vec![Place::default(); PLACES].into_boxed_slice(), count: 0, wait_us }
    }

    /// Whether nothing waits.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a time.
    pub fn put(&mut self, sender: u64, id: u64, sent_us: i64, received_us: i64) {
        let place = &mut self.places[index(sender, id)];
        self.count += usize::from(!place.taken);
        *place = Place { sender, id, sent_us, received_us, taken: true };
    }

    /// The time kept under this key, if it is not too old.
    pub fn get(&self, sender: u64, id: u64, now_us: i64) -> Option<i64> {
        let place = &self.places[index(sender, id)];
        let matches = place.taken && place.sender == sender && place.id == id;
        (matches && !self.is_old(place, now_us)).then_some(place.sent_us)
    }

    /// The same, and forgets it.
    pub fn take(&mut self, sender: u64, id: u64, now_us: i64) -> Option<i64> {
        let found = self.get(sender, id, now_us);
        if found.is_some() {
            self.places[index(sender, id)].taken = false;
            self.count -= 1;
        }
        found
    }

    /// Forgets what is too old.
    pub fn expire(&mut self, now_us: i64) {
        if self.is_empty() {
            return;
        }
        for at in 0..self.places.len() {
            if self.places[at].taken && self.is_old(&self.places[at], now_us) {
                self.places[at].taken = false;
                self.count -= 1;
            }
        }
    }

    const fn is_old(&self, place: &Place, now_us: i64) -> bool {
        now_us.saturating_sub(place.received_us) > self.wait_us
    }
}

/// The place of a key.
fn index(sender: u64, id: u64) -> usize {
    const ODD: u64 = 0x9E37_79B9_7F4A_7C15;
    let hash = (sender ^ id.rotate_left(32)).wrapping_mul(ODD);
    usize::from((hash >> 56).to_le_bytes()[0])
}

//! What is known of one vessel, made of what all sources say of it.
//!
//! The newest report is the base of the picture. Static data is the best candidate for each field: the newest minute first, in it the source
//! that is believed most, then the newest. What order reports come in makes no difference to any of that, for reports that can all be
//! true; for those that cannot see [`standing`](super::standing).
//!
//! No report counts as later than its receipt ([`Origin::live_us`]): a source whose clock is ahead would else silence all others
//! until the time that it told. Where our own clock was ahead that does not help, and what was learned by it is forgotten
//! ([`Vessel::set_back`]).

use super::lasting::Lasting;
use super::prefetch::prefetch;
use super::standing::{Elsewhere, Standing, more};
use super::weight::Weight;
use crate::clock::SECOND_US;
use crate::picture::{SaidTimes, StaticField, What};
use crate::report::{Place, Position, StaticData};
use crate::rows::Origin;

/// Within this long the source that is believed more has the word on static data, and receipts need not be in order.
const MINUTE_US: i64 = 60 * SECOND_US;

/// A vessel's newest position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Where the report came from; its time is that at which it counts.
    pub origin: Origin,
    /// The report.
    pub position: Position,
    /// What is remarkable about it, see [`crate::rows::flags`].
    pub flags: u16,
    /// How far its source was believed.
    pub weight: Weight,
}

impl Fix {
    /// What decides which of two is the newer one; of equals it is the one that came later.
    #[must_use]
    pub const fn rank(&self) -> (i64, Weight) {
        (self.origin.time_us, self.weight)
    }
}

/// What is known of a vessel. What each position touches lies together, before the rest.
#[derive(Clone, Debug, Default)]
#[repr(C)]
pub struct Vessel {
    /// The newest position by event time.
    pub fix: Option<Fix>,
    /// The last place it was at, and when (microseconds), if the newest position does not say.
    pub last_place: Option<(Place, i64)>,
    /// When it was last heard of, microseconds since 1970.
    pub heard_us: i64,
    /// When it was first heard of since the start, microseconds since 1970; 0 for not yet.
    pub first_heard_us: i64,
    /// Where it is reported from as well, though it cannot be at both places; few vessels are.
    pub elsewhere: Option<Box<Elsewhere>>,
    /// Reports that agree on its last place, as far as that is counted.
    pub count: u8,
    /// The best source that says so.
    pub weight: Weight,
    /// What changed since it was last shown.
    pub changed: What,
    /// What of its movement the newest position may not tell.
    pub lasting: Lasting,
    /// The last stored position and its event time, where positions are thinned out.
    pub stored: Option<(Place, i64)>,
    /// What it said of itself, the best of each field.
    pub data: StaticData,
    /// When it last said something of itself; 0 for never.
    pub data_time_us: i64,
    /// When it said each field.
    pub said: SaidTimes,
    picked: [Picked; StaticField::ALL.len()],
}

/// Who said a field of static data, and how long before the field was last said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Picked {
    weight: Weight,
    before_us: u32,
}

impl Vessel {
    /// Whether a report of this moment is not newer than what is known.
    #[must_use]
    pub fn is_late(&self, time_us: i64) -> bool {
        self.fix.is_some_and(|fix| fix.origin.time_us > time_us)
    }

    /// Has each part that a position touches brought near.
    pub fn fetch(&self) {
        prefetch(&self.fix);
        prefetch(&self.last_place);
        prefetch(&self.elsewhere);
        prefetch(&self.lasting);
    }

    /// Notes that something was received of it.
    pub fn heard(&mut self, received_us: i64) {
        if self.first_heard_us == 0 {
            self.first_heard_us = received_us;
        }
        self.heard_us = self.heard_us.max(received_us);
    }

    /// Forgets where it was, and when it said what, if it was heard of more than a minute after this receipt by a clock that was ahead until then
    /// and has been set back since: nothing would be newer before that time comes again. What it said stays until it says something else.
    pub fn set_back(&mut self, received_us: i64, ahead_until_us: i64) {
        if self.heard_us > ahead_until_us || self.heard_us - received_us <= MINUTE_US {
            return;
        }
        *self = Self {
            heard_us: received_us,
            first_heard_us: self.first_heard_us.min(received_us),
            changed: self.changed,
            data: self.data,
            data_time_us: self.data_time_us.min(received_us),
            ..Self::default()
        };
    }

    /// Takes a position in, for what it means; values hold for `window_us`.
    pub fn moved(&mut self, fix: Fix, standing: Standing, window_us: i64) {
        match standing {
            Standing::Here => {
                self.count = more(self.count);
                self.weight =
                    if self.count == 1 { fix.weight } else { self.weight.max(fix.weight) };
                let begin_us = fix.origin.time_us - window_us;
                match &mut self.elsewhere {
                    Some(known) if known.fix.origin.time_us < begin_us => self.elsewhere = None,
                    Some(known) => known.meanwhile = more(known.meanwhile),
                    None => {}
                }
                self.take(fix, window_us);
            }
            Standing::Stray => self.stray(fix, window_us),
            Standing::Rival => {
                if let Some(elsewhere) = &mut self.elsewhere {
                    elsewhere.agree(fix);
                    self.changed.position = true;
                }
            }
            Standing::Moved { was_seen } => self.change_over(fix, was_seen, window_us),
            Standing::Past => {}
        }
    }

    /// A place that nobody confirms takes the place of an older one.
    fn stray(&mut self, fix: Fix, window_us: i64) {
        let time_us = fix.origin.time_us;
        let Some(known) = &mut self.elsewhere else {
            self.elsewhere = Some(Box::new(Elsewhere::new(fix)));
            return;
        };
        let is_old = known.fix.origin.time_us <= time_us - window_us;
        if is_old || !known.is_confirmed() && known.fix.rank() <= fix.rank() {
            **known = Elsewhere::new(fix);
        }
    }

    /// It is elsewhere, where it may have been seen before; where it was believed to be is now that other place.
    fn change_over(&mut self, fix: Fix, was_seen: bool, window_us: i64) {
        let begin = fix.origin.time_us - window_us;
        let there = self.elsewhere.take();
        let there = there.filter(|it| was_seen && it.fix.origin.time_us >= begin);
        let here = self.fix.filter(|it| it.origin.time_us >= begin && it.position.place.is_some());
        let (count, weight) = (self.count, self.weight);
        self.elsewhere = here.map(|fix| Box::new(Elsewhere { fix, count, meanwhile: 1, weight }));
        (self.fix, self.last_place, self.lasting) = (None, None, Lasting::default());
        (self.count, self.weight) = (1, fix.weight);
        if let Some(there) = there {
            (self.count, self.weight) = (more(there.count), there.weight.max(fix.weight));
            self.take(there.fix, window_us);
        }
        self.take(fix, window_us);
    }

    /// Takes over what is newer than what is known.
    fn take(&mut self, fix: Fix, window_us: i64) {
        let time_us = fix.origin.time_us;
        if let Some(place) = fix.position.place
            && self.last_place.is_none_or(|(_, then_us)| time_us >= then_us)
        {
            self.last_place = Some((place, time_us));
        }
        match self.fix {
            Some(newest) if fix.rank() < newest.rank() => {
                self.changed.position |= self.lasting.take(&fix, &newest, window_us);
            }
            before => {
                self.fix = Some(fix);
                self.changed.position = true;
                if let Some(before) = before {
                    self.lasting.take(&before, &fix, window_us);
                }
            }
        }
    }

    /// The newest position, with what others told of the movement lately.
    #[must_use]
    pub fn shown(&self) -> Option<Fix> {
        self.fix.map(|fix| Fix { position: self.lasting.fill(fix.position), ..fix })
    }

    /// Takes over what a static report says where it is better than what is known.
    pub fn said(&mut self, time_us: i64, data: &StaticData, weight: Weight) {
        for (at, field) in StaticField::ALL.into_iter().enumerate() {
            if field.is_in(data) {
                self.say(field, at, data, (time_us, weight));
            }
        }
        if time_us >= self.data_time_us {
            self.data.msg_type = data.msg_type;
            self.data_time_us = time_us;
        }
    }

    fn say(&mut self, field: StaticField, at: usize, data: &StaticData, new: (i64, Weight)) {
        let ((time_us, weight), last_us) = (new, self.said.of(field));
        let picked = &mut self.picked[at];
        let minute = |time_us: i64| time_us.div_euclid(MINUTE_US);
        let known_us = last_us - i64::from(picked.before_us);
        let known = (minute(last_us), picked.weight, known_us, field.length(&self.data));
        let is_better = !field.is_in(&self.data)
            || (minute(time_us), weight, time_us, field.length(data)) >= known;
        let is_same_minute = field.is_in(&self.data) && minute(time_us) == minute(last_us);
        let said_us = if is_same_minute { last_us.max(time_us) } else { time_us };
        if is_better {
            field.copy(data, &mut self.data);
            self.changed.statics = true;
        }
        if is_better || is_same_minute {
            let picked_us = if is_better { time_us } else { known_us };
            let weight = if is_better { weight } else { picked.weight };
            let before_us = u32::try_from(said_us - picked_us).unwrap_or(u32::MAX);
            *picked = Picked { weight, before_us };
            self.said.set(field, said_us);
        }
    }
}

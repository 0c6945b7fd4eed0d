//! Why input was not taken: closed sets of reasons, each counted on its own.
//!
//! Bad data is never an error. It is a [`Reject`] with a fixed reason, counted for the feed it came from and kept in a
//! bounded sample for looking at.

macro_rules! reasons {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $label:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// Every reason, in the order of its number.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
            /// How many reasons there are.
            pub const COUNT: usize = Self::ALL.len();

            /// The reason as it stands in metrics and messages.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }
    };
}

reasons! {
    /// Why a message was refused.
    Reject {
        /// The sentence's checksum does not match its bytes.
        Checksum = "checksum",
        /// The sentence has no checksum, and the configuration demands one.
        ChecksumMissing = "checksum_missing",
        /// Not the fields that a VDM or VDO sentence has.
        Malformed = "malformed",
        /// A line longer than the bound.
        LineTooLong = "line_too_long",
        /// Fill bits outside 0 to 5, or more fill than payload.
        FillBits = "fill_bits",
        /// A payload character outside the six-bit alphabet.
        Armor = "armor",
        /// No payload, or one too short to hold a type and an MMSI.
        TooShort = "too_short",
        /// More than five slots (1 064 bits), or more than nine parts: it cannot have been on the air.
        TooLong = "too_long",
        /// Fragment count or number out of range, or parts that contradict each other.
        Fragment = "fragment",
        /// A message type that does not exist (0, or 29 and up).
        Type = "type",
        /// Fewer bits than the message type needs.
        Length = "length",
        /// An MMSI that nobody can have.
        Mmsi = "mmsi",
        /// A time is owed and there is none.
        TimeMissing = "time_missing",
        /// A time that cannot be read.
        TimeUnparsable = "time_unparsable",
        /// Not after 1970, or older than a live feed may be.
        TimePast = "time_past",
        /// Further ahead of its receipt than allowed.
        TimeFuture = "time_future",
        /// Not JSON, or not an object where one is wanted.
        Json = "json",
        /// No place, or one that is not on the globe.
        Position = "position",
        /// Fields of a message of which only the sentence is taken.
        SentenceMissing = "sentence_missing",
    }
}

reasons! {
    /// Why a good message was left out on purpose.
    Filtered {
        /// Too near to the last stored position, in place and time.
        Thinned = "thinned",
        /// Older than the store keeps.
        Expired = "expired",
        /// Of a type that the store is not to have.
        Type = "type",
        /// Of an MMSI that the store is not to have.
        Mmsi = "mmsi",
        /// From outside of the store's area.
        Area = "area",
        /// From a source that the store is not to have.
        Source = "source",
    }
}

impl Filtered {
    /// Those that the filters of the configuration give.
    pub const BY_WISH: &'static [Self] = &[Self::Type, Self::Mmsi, Self::Area, Self::Source];
}

reasons! {
    /// Where messages were lost: for want of room, or because somebody wanted it.
    Dropped {
        /// The journal had no room and the feed cannot wait.
        JournalFull = "journal_full",
        /// Accepted once, but unreadable when the journal was read again.
        JournalCorrupt = "journal_corrupt",
        /// A dead letter that gave way to a newer one, at the bound of the dead letters.
        LettersFull = "dlq_full",
        /// A dead letter that somebody cleared away.
        LettersCleared = "dlq_cleared",
    }
}

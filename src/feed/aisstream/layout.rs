//! The fields of each message of aisstream.io, in the order of their bits (ITU-R M.1371-5).
//!
//! aisstream.io sends the fields of the standard under the names of the library that it decodes with, in knots, degrees and
//! metres. Two of its names are not the standard's but a slip of its own schema (`Sequenceinteger`), so several names may
//! stand for one field. A field that is missing is "not available" where the standard has a value for that, else 0.

use super::field::{
    ACCURACY, APPLICATION, AREA, ASSIGNED, COARSE, COG, DESTINATION, DESTINED, DIMENSION, DTE,
    FIX_TYPE, FOR, Field, HEADING, Kind, LATITUDE, LATITUDE_COARSE, LONGITUDE, LONGITUDE_COARSE,
    Number, PAYLOAD, RADIO, RAIM, SECOND, SELECTED, SEQUENCE, SOG, SPARE, SPARE_1, STRUCTURED, TO,
    degrees, number, of, tenths, text, whole,
};

/// A message: its name, the types that it may be, the fields behind its MMSI.
#[derive(Debug)]
pub struct Layout {
    /// Its name in `MessageType`.
    pub name: &'static str,
    /// Message types; the first where none is told.
    pub types: &'static [u8],
    /// Its fields.
    pub fields: &'static [Field],
}

const fn layout(name: &'static str, types: &'static [u8], fields: &'static [Field]) -> Layout {
    Layout { name, types, fields }
}

/// The layout of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Layout> {
    LAYOUTS.iter().find(|layout| layout.name == name)
}

/// Every message that aisstream.io has a name for, but `UnknownMessage`.
pub const LAYOUTS: &[Layout] = &[
    layout(
        "PositionReport",
        &[1, 2, 3],
        &[
            number(&["NavigationalStatus"], 4, 15),
            Field {
                names: &["RateOfTurn"],
                kind: Kind::Whole(Number { bits: 8, is_signed: true, steps: 1.0, absent: -128 }),
            },
            SOG,
            ACCURACY,
            LONGITUDE,
            LATITUDE,
            COG,
            HEADING,
            SECOND,
            whole(&["SpecialManoeuvreIndicator"], 2),
            whole(SPARE, 3),
            RAIM,
            RADIO,
        ],
    ),
    layout(
        "BaseStationReport",
        &[4, 11],
        &[
            whole(&["UtcYear"], 14),
            whole(&["UtcMonth"], 4),
            whole(&["UtcDay"], 5),
            number(&["UtcHour"], 5, 24),
            number(&["UtcMinute"], 6, 60),
            number(&["UtcSecond"], 6, 60),
            ACCURACY,
            LONGITUDE,
            LATITUDE,
            FIX_TYPE,
            whole(&["LongRangeEnable"], 1),
            whole(SPARE, 9),
            RAIM,
            RADIO,
        ],
    ),
    layout(
        "ShipStaticData",
        &[5],
        &[
            whole(&["AisVersion"], 2),
            whole(&["ImoNumber"], 30),
            text(&["CallSign"], 42),
            text(&["Name"], 120),
            whole(&["Type"], 8),
            DIMENSION,
            FIX_TYPE,
            of(
                &["Eta"],
                Kind::Group(&[
                    whole(&["Month"], 4),
                    whole(&["Day"], 5),
                    number(&["Hour"], 5, 24),
                    number(&["Minute"], 6, 60),
                ]),
            ),
            tenths(&["MaximumStaticDraught"], 8, 0),
            text(&["Destination"], 120),
            DTE,
            whole(SPARE, 1),
        ],
    ),
    layout(
        "AddressedBinaryMessage",
        &[6],
        &[
            SEQUENCE,
            DESTINATION,
            whole(&["Retransmission"], 1),
            whole(SPARE, 1),
            APPLICATION,
            of(&["BinaryData"], Kind::Data),
        ],
    ),
    layout(
        "BinaryAcknowledge",
        &[7, 13],
        &[whole(SPARE, 2), of(&["Destinations"], Kind::List(4, &[DESTINATION, SEQUENCE]))],
    ),
    layout(
        "BinaryBroadcastMessage",
        &[8],
        &[whole(SPARE, 2), APPLICATION, of(&["BinaryData"], Kind::Data)],
    ),
    layout(
        "StandardSearchAndRescueAircraftReport",
        &[9],
        &[
            number(&["Altitude"], 12, 4095),
            number(&["Sog"], 10, 1023),
            ACCURACY,
            LONGITUDE,
            LATITUDE,
            COG,
            SECOND,
            whole(&["AltFromBaro"], 1),
            whole(SPARE_1, 7),
            DTE,
            whole(&["Spare2"], 3),
            ASSIGNED,
            RAIM,
            SELECTED,
            RADIO,
        ],
    ),
    layout(
        "CoordinatedUTCInquiry",
        &[10],
        &[whole(SPARE_1, 2), DESTINATION, whole(&["Spare2"], 2)],
    ),
    layout("AddressedSafetyMessage", &[12], ADDRESSED_SAFETY),
    // The library's own name for it.
    layout("AddessedSafetyMessage", &[12], ADDRESSED_SAFETY),
    layout("SafetyBroadcastMessage", &[14], &[whole(SPARE, 2), of(&["Text"], Kind::TextToTheEnd)]),
    layout("Interrogation", &[15], INTERROGATION),
    layout(
        "AssignedModeCommand",
        &[16],
        &[
            whole(SPARE, 2),
            of(
                &["Commands"],
                Kind::List(2, &[DESTINATION, whole(&["Offset"], 12), whole(&["Increment"], 10)]),
            ),
        ],
    ),
    layout(
        "GnssBroadcastBinaryMessage",
        &[17],
        &[
            whole(SPARE_1, 2),
            LONGITUDE_COARSE,
            LATITUDE_COARSE,
            whole(&["Spare2"], 5),
            of(&["Data"], Kind::Data),
        ],
    ),
    layout("StandardClassBPositionReport", &[18], STANDARD_CLASS_B),
    layout("ExtendedClassBPositionReport", &[19], EXTENDED_CLASS_B),
    layout(
        "DataLinkManagementMessage",
        &[20],
        &[
            whole(SPARE, 2),
            of(
                &["Data"],
                Kind::List(
                    4,
                    &[
                        whole(&["Offset"], 12),
                        whole(&["NumberOfSlots", "integerOfSlots"], 4),
                        whole(&["TimeOut"], 3),
                        whole(&["Increment"], 11),
                    ],
                ),
            ),
        ],
    ),
    layout("AidsToNavigationReport", &[21], AID_TO_NAVIGATION),
    layout("ChannelManagement", &[22], CHANNEL_MANAGEMENT),
    layout("GroupAssignmentCommand", &[23], GROUP_ASSIGNMENT),
    layout("StaticDataReport", &[24], STATIC_CLASS_B),
    layout("SingleSlotBinaryMessage", &[25], &[DESTINED, STRUCTURED, TO, FOR, PAYLOAD]),
    layout(
        "MultiSlotBinaryMessage",
        &[26],
        &[DESTINED, STRUCTURED, TO, FOR, PAYLOAD, whole(&["Spare2"], 4), SELECTED, RADIO],
    ),
    layout(
        "LongRangeAisBroadcastMessage",
        &[27],
        &[
            ACCURACY,
            RAIM,
            number(&["NavigationalStatus"], 4, 15),
            LONGITUDE_COARSE,
            LATITUDE_COARSE,
            number(&["Sog"], 6, 63),
            number(&["Cog", "Cos"], 9, 511),
            whole(&["PositionLatency"], 1),
            whole(SPARE, 1),
        ],
    ),
];

const ADDRESSED_SAFETY: &[Field] = &[
    SEQUENCE,
    DESTINATION,
    whole(&["Retransmission"], 1),
    whole(SPARE, 1),
    of(&["Text"], Kind::TextToTheEnd),
];

const INTERROGATION: &[Field] = &[
    whole(SPARE, 2),
    of(
        &[],
        Kind::Tail(&[
            of(
                &["Station1Msg1"],
                Kind::Group(&[
                    whole(&["StationID"], 30),
                    whole(&["MessageID"], 6),
                    whole(&["SlotOffset"], 12),
                ]),
            ),
            of(
                &["Station1Msg2"],
                Kind::Group(&[
                    whole(SPARE, 2),
                    whole(&["MessageID"], 6),
                    whole(&["SlotOffset"], 12),
                ]),
            ),
            of(
                &["Station2"],
                Kind::Group(&[
                    whole(SPARE_1, 2),
                    whole(&["StationID"], 30),
                    whole(&["MessageID"], 6),
                    whole(&["SlotOffset"], 12),
                    whole(&["Spare2"], 2),
                ]),
            ),
        ]),
    ),
];

const STANDARD_CLASS_B: &[Field] = &[
    whole(SPARE_1, 8),
    SOG,
    ACCURACY,
    LONGITUDE,
    LATITUDE,
    COG,
    HEADING,
    SECOND,
    whole(&["Spare2"], 2),
    whole(&["ClassBUnit"], 1),
    whole(&["ClassBDisplay"], 1),
    whole(&["ClassBDsc"], 1),
    whole(&["ClassBBand"], 1),
    whole(&["ClassBMsg22"], 1),
    ASSIGNED,
    RAIM,
    SELECTED,
    RADIO,
];

const EXTENDED_CLASS_B: &[Field] = &[
    whole(SPARE_1, 8),
    SOG,
    ACCURACY,
    LONGITUDE,
    LATITUDE,
    COG,
    HEADING,
    SECOND,
    whole(&["Spare2"], 4),
    text(&["Name"], 120),
    whole(&["Type"], 8),
    DIMENSION,
    FIX_TYPE,
    RAIM,
    DTE,
    ASSIGNED,
    whole(&["Spare3"], 4),
];

const AID_TO_NAVIGATION: &[Field] = &[
    whole(&["Type"], 5),
    text(&["Name"], 120),
    ACCURACY,
    LONGITUDE,
    LATITUDE,
    DIMENSION,
    FIX_TYPE,
    SECOND,
    whole(&["OffPosition"], 1),
    whole(&["AtoN"], 8),
    RAIM,
    whole(&["VirtualAtoN"], 1),
    ASSIGNED,
    whole(SPARE, 1),
    of(&["NameExtension"], Kind::TextToTheEnd),
];

const CHANNEL_MANAGEMENT: &[Field] = &[
    whole(SPARE_1, 2),
    whole(&["ChannelA"], 12),
    whole(&["ChannelB"], 12),
    whole(&["TxRxMode"], 4),
    whole(&["LowPower"], 1),
    of(&["IsAddressed"], Kind::When(false, &[of(&["Area"], Kind::Group(AREA))])),
    of(
        &["IsAddressed"],
        Kind::When(
            true,
            &[of(
                &["Unicast"],
                Kind::Group(&[
                    whole(&["AddressStation1"], 30),
                    whole(&["Spare2"], 5),
                    whole(&["AddressStation2"], 30),
                    whole(&["Spare3"], 5),
                ]),
            )],
        ),
    ),
    whole(&["IsAddressed"], 1),
    whole(&["BwA"], 1),
    whole(&["BwB"], 1),
    whole(&["TransitionalZoneSize"], 3),
    whole(&["Spare4"], 23),
];

const GROUP_ASSIGNMENT: &[Field] = &[
    whole(SPARE_1, 2),
    degrees(&["Longitude1"], 18, COARSE, 181 * 600),
    degrees(&["Latitude1"], 17, COARSE, 91 * 600),
    degrees(&["Longitude2"], 18, COARSE, 181 * 600),
    degrees(&["Latitude2"], 17, COARSE, 91 * 600),
    whole(&["StationType"], 4),
    whole(&["ShipType"], 8),
    whole(&["Spare2"], 22),
    whole(&["TxRxMode"], 2),
    whole(&["ReportingInterval"], 4),
    whole(&["QuietTime"], 4),
    whole(&["Spare3"], 6),
];

const STATIC_CLASS_B: &[Field] = &[
    whole(&["Reserved"], 1),
    whole(&["PartNumber"], 1),
    of(
        &["PartNumber"],
        Kind::When(false, &[of(&["ReportA"], Kind::Group(&[text(&["Name"], 120)]))]),
    ),
    of(
        &["PartNumber"],
        Kind::When(
            true,
            &[of(
                &["ReportB"],
                Kind::Group(&[
                    whole(&["ShipType"], 8),
                    text(&["VendorIDName"], 18),
                    whole(&["VenderIDModel"], 4),
                    whole(&["VenderIDSerial"], 20),
                    text(&["CallSign"], 42),
                    DIMENSION,
                    FIX_TYPE,
                    whole(SPARE, 2),
                ]),
            )],
        ),
    ),
];

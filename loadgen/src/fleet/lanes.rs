//! Where ships sail: stretches of open water along which the traffic of the world goes, as straight lines.

/// A stretch from one end to the other, degrees north and east.
pub struct Lane {
    /// North and east of one end.
    pub from: (f64, f64),
    /// North and east of the other.
    pub to: (f64, f64),
}

const fn lane(from: (f64, f64), to: (f64, f64)) -> Lane {
    Lane { from, to }
}

/// All lanes; none crosses the date line.
pub const LANES: &[Lane] = &[
    // Europe
    lane((51.8, 2.5), (57.5, 6.8)),
    lane((49.0, -5.8), (43.5, -9.8)),
    lane((43.0, -9.9), (36.6, -9.2)),
    lane((54.9, 14.5), (58.9, 20.8)),
    lane((58.5, 4.5), (62.2, 4.4)),
    lane((36.6, -1.5), (37.6, 9.5)),
    lane((34.5, 16.0), (32.2, 29.0)),
    lane((53.9, 3.0), (54.2, 7.6)),
    // Africa and the Indian Ocean
    lane((26.5, 35.2), (14.8, 41.8)),
    lane((12.5, 46.0), (6.0, 78.5)),
    lane((26.0, 51.5), (28.8, 49.6)),
    lane((24.5, 58.9), (19.0, 68.0)),
    lane((5.6, 81.0), (6.2, 94.5)),
    lane((-35.5, 18.0), (-34.8, 27.0)),
    lane((-33.0, 30.5), (-7.0, 98.0)),
    lane((4.0, 3.0), (-5.0, 9.0)),
    // East Asia and the Pacific
    lane((5.6, 97.9), (2.6, 101.0)),
    lane((1.20, 103.5), (1.25, 104.1)),
    lane((3.0, 105.0), (20.5, 115.5)),
    lane((23.5, 118.8), (30.8, 123.4)),
    lane((31.2, 122.6), (34.8, 123.0)),
    lane((34.0, 127.5), (35.0, 129.4)),
    lane((35.0, 142.0), (45.0, 175.0)),
    lane((48.0, -172.0), (48.3, -127.0)),
    lane((34.0, -121.5), (47.0, -125.4)),
    lane((-38.0, 150.6), (-25.5, 154.0)),
    lane((-33.5, 130.0), (-35.0, 117.0)),
    // The Americas
    lane((7.0, -80.5), (15.0, -98.0)),
    lane((10.2, -79.3), (17.5, -75.5)),
    lane((28.2, -94.3), (24.4, -84.0)),
    lane((27.0, -79.4), (36.5, -74.2)),
    lane((41.0, -66.0), (49.0, -8.0)),
    lane((-23.8, -41.5), (5.0, -25.0)),
    lane((-37.0, -54.0), (-26.0, -45.5)),
    lane((-33.0, -72.4), (-13.0, -77.6)),
];

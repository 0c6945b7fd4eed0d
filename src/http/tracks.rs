//! Where a vessel was: positions from the store, as JSON and GeoJSON.

use serde_json::{Value, json};

use super::Face;
use super::query::{self, Query};
use super::reply::Reply;
use super::request::Request;
use super::vessels::{geojson_reply, store_is_away, time};
use crate::clock::SECOND_US;
use crate::store::TrackPoint;

/// Points in one answer unless asked otherwise.
const LIMIT: usize = 1000;
/// Points in one answer at most.
pub(super) const LIMIT_MAX: usize = 10_000;
/// How far back a track goes when no beginning is asked for.
const DAY_US: i64 = 24 * 3600 * SECOND_US;

/// `GET /api/vessels/{mmsi}/track?from=&to=&limit=`: stored positions from one time (inclusive) to another (exclusive),
/// oldest first; the last 24 hours unless asked otherwise.
pub fn track(face: &Face, request: &Request, mmsi: &str) -> Result<Reply, Reply> {
    let mmsi = query::mmsi(mmsi)?;
    let query = Query::read(&request.query, &["from", "to", "limit", "format"])?;
    let (limit, geojson) = (query.limit(LIMIT, LIMIT_MAX)?, query.geojson(request)?);
    let to_us = query.time("to")?.unwrap_or_else(|| face.sources.clock.now_us() + 1);
    let from_us = query.time("from")?.unwrap_or(to_us - DAY_US);
    if from_us > to_us {
        return Err(Reply::error(400, "from is later than to"));
    }
    // One more than asked for tells whether there are more.
    let answer = face.reader.lock().track(mmsi, from_us, to_us, limit + 1);
    let mut points = answer.map_err(|error| store_is_away(&error))?;
    let more = points.len() > limit;
    points.truncate(limit);
    Ok(if geojson {
        geojson_reply(&feature(mmsi, more, &points))
    } else {
        plain(mmsi, more, &points)
    })
}

fn plain(mmsi: u32, more: bool, points: &[TrackPoint]) -> Reply {
    let shown: Vec<Value> = points.iter().map(point).collect();
    let value = json!({ "mmsi": mmsi, "count": shown.len(), "more": more, "points": shown });
    Reply::json(200, &value)
}

fn point(point: &TrackPoint) -> Value {
    json!({
        "time": time(point.time_us),
        "lon": point.lon,
        "lat": point.lat,
        "sog": point.sog,
        "cog": point.cog,
        "heading": point.heading,
    })
}

fn feature(mmsi: u32, more: bool, points: &[TrackPoint]) -> Value {
    let times: Vec<Value> = points.iter().map(|point| time(point.time_us)).collect();
    let properties = json!({ "mmsi": mmsi, "more": more, "times": times });
    json!({ "type": "Feature", "geometry": geometry(points), "properties": properties })
}

/// A line, cut where it crosses the 180th meridian, as RFC 7946 (3.1.9) asks; a point when there is only one.
fn geometry(points: &[TrackPoint]) -> Value {
    let mut lines: Vec<Vec<[f64; 2]>> = Vec::new();
    let mut last_lon = f64::NAN;
    for point in points {
        let crosses = (point.lon - last_lon).abs() > 180.0;
        last_lon = point.lon;
        match lines.last_mut() {
            Some(line) if !crosses => line.push([point.lon, point.lat]),
            _ => lines.push(vec![[point.lon, point.lat]]),
        }
    }
    // A line needs two positions; one that is alone between two crossings is said twice.
    let two =
        |line: &Vec<[f64; 2]>| if let [only] = line[..] { vec![only, only] } else { line.clone() };
    match &lines[..] {
        [] => Value::Null,
        [line] if line.len() == 1 => json!({ "type": "Point", "coordinates": line[0] }),
        [line] => json!({ "type": "LineString", "coordinates": line }),
        many => {
            let lines: Vec<_> = many.iter().map(two).collect();
            json!({ "type": "MultiLineString", "coordinates": lines })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(lon: f64) -> TrackPoint {
        TrackPoint { time_us: 0, lon, lat: 1.0, sog: None, cog: None, heading: None }
    }

    #[test]
    fn a_track_is_cut_at_the_180th_meridian() {
        let check = |lons: &[f64], kind: &str, parts: usize| {
            let points: Vec<_> = lons.iter().map(|lon| at(*lon)).collect();
            let shape = geometry(&points);
            assert_eq!(shape["type"], kind, "{lons:?}");
            assert_eq!(shape["coordinates"].as_array().map_or(0, Vec::len), parts, "{lons:?}");
        };
        assert!(geometry(&[]).is_null());
        check(&[5.0], "Point", 2);
        check(&[5.0, 6.0, 7.0], "LineString", 3);
        check(&[179.0, 179.9, -179.9, -179.0, 179.9], "MultiLineString", 3);
    }
}

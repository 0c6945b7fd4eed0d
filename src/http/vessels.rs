//! Vessels, as JSON and GeoJSON: those in memory, and one that only the store knows any more.

use serde_json::{Map, Value, json};

use super::Face;
use super::query::{self, Query};
use super::reply::Reply;
use super::request::Request;
use crate::picture::{LastPosition, VesselView};
use crate::report::StaticData;
use crate::rows::flags;
use crate::store::StoreError;

/// Vessels in one answer unless asked otherwise.
const LIMIT: usize = 1000;
/// Vessels in one answer at most.
pub(super) const LIMIT_MAX: usize = 10_000;

/// The content type of GeoJSON.
pub const GEOJSON: &str = "application/geo+json";

/// `GET /api/vessels?bbox=&limit=`: vessels whose newest position lies in the area.
pub fn list(face: &Face, request: &Request) -> Result<Reply, Reply> {
    let query = Query::read(&request.query, &["bbox", "limit", "format"])?;
    let limit = query.limit(LIMIT, LIMIT_MAX)?;
    let (area, geojson) = (query.area()?, query.geojson(request)?);
    // One more than asked for tells whether there are more.
    let mut found = face.fleet.within(&area, limit + 1);
    let more = found.len() > limit;
    found.truncate(limit);
    if geojson {
        let features: Vec<Value> = found.iter().map(|vessel| feature(face, vessel)).collect();
        return Ok(geojson_reply(&json!({ "type": "FeatureCollection", "features": features })));
    }
    let vessels: Vec<Value> = found.iter().map(|vessel| describe(face, vessel)).collect();
    let known = face.fleet.len();
    let value = json!({ "count": vessels.len(), "more": more, "known": known, "vessels": vessels });
    Ok(Reply::json(200, &value))
}

/// `GET /api/vessels/{mmsi}`: one vessel, from memory if it is there, else from the store; `from` says which.
pub fn one(face: &Face, request: &Request, mmsi: &str) -> Result<Reply, Reply> {
    let mmsi = query::mmsi(mmsi)?;
    let geojson = Query::read(&request.query, &["format"])?.geojson(request)?;
    let (from, vessel) = match face.fleet.vessel(mmsi) {
        Some(vessel) => ("memory", vessel),
        None => ("store", stored(face, mmsi)?),
    };
    Ok(if geojson {
        let mut feature = feature(face, &vessel);
        feature["properties"]["from"] = json!(from);
        geojson_reply(&feature)
    } else {
        let mut value = describe(face, &vessel);
        value["from"] = json!(from);
        Reply::json(200, &value)
    })
}

/// What the store knows of a vessel that is not in memory.
fn stored(face: &Face, mmsi: u32) -> Result<VesselView, Reply> {
    let answer = face.reader.lock().vessel(mmsi);
    let vessel = answer.map_err(|error| store_is_away(&error))?;
    vessel.ok_or_else(|| Reply::error(404, format!("no vessel with MMSI {mmsi} is known")))
}

/// The answer when the store has none in time.
pub fn store_is_away(error: &StoreError) -> Reply {
    Reply::error(503, format!("the store cannot answer: {error}")).with_header("Retry-After", "5")
}

/// An answer in GeoJSON.
pub fn geojson_reply(value: &Value) -> Reply {
    Reply::ok(GEOJSON, format!("{value}\n").into_bytes())
}

/// A time as RFC 3339; null when it is out of the calendar.
pub fn time(us: i64) -> Value {
    jiff::Timestamp::from_microsecond(us).map_or(Value::Null, |time| json!(time.to_string()))
}

fn feature(face: &Face, vessel: &VesselView) -> Value {
    let mut properties = describe(face, vessel);
    if let Some(properties) = properties.as_object_mut() {
        properties.remove("lon");
        properties.remove("lat");
    }
    let place = vessel.last.and_then(|last| last.position.place);
    let geometry = place.map(|place| {
        json!({ "type": "Point", "coordinates": [place.lon_degrees(), place.lat_degrees()] })
    });
    json!({ "type": "Feature", "id": vessel.mmsi, "geometry": geometry, "properties": properties })
}

/// What is known, by name; what is not known is left out.
fn describe(face: &Face, vessel: &VesselView) -> Value {
    let mut out = Map::new();
    out.insert("mmsi".to_owned(), json!(vessel.mmsi));
    put(&mut out, "name", vessel.statics.name.map(|name| name.as_str().to_owned()));
    if let Some(last) = &vessel.last {
        describe_position(face, last, &mut out);
    }
    if let Some(elsewhere) = &vessel.elsewhere {
        let mut there = Map::new();
        describe_position(face, elsewhere, &mut there);
        out.insert("elsewhere".to_owned(), Value::Object(there));
    }
    describe_statics(&vessel.statics, &mut out);
    if vessel.first_seen_us != 0 {
        out.insert("first_seen".to_owned(), time(vessel.first_seen_us));
    }
    out.insert("last_seen".to_owned(), time(vessel.last_seen_us));
    Value::Object(out)
}

fn put(out: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        out.insert(name.to_owned(), value.into());
    }
}

/// Tenths, as a number with one digit behind the point.
fn tenths(value: Option<u16>) -> Option<f64> {
    value.map(|value| f64::from(value) / 10.0)
}

fn describe_position(face: &Face, last: &LastPosition, out: &mut Map<String, Value>) {
    let position = &last.position;
    out.insert("time".to_owned(), time(last.time_us));
    out.insert("received".to_owned(), time(last.received_us));
    put(out, "lon", position.place.map(|place| place.lon_degrees()));
    put(out, "lat", position.place.map(|place| place.lat_degrees()));
    put(out, "sog", tenths(position.sog));
    put(out, "cog", tenths(position.cog));
    put(out, "heading", position.heading);
    put(out, "rot_ais", position.rot);
    put(out, "nav_status", position.nav_status);
    put(out, "altitude", position.altitude);
    put(out, "accurate", Some(position.accurate));
    put(out, "msg_type", Some(position.msg_type));
    put(out, "flags", Some(flag_names(last.flags)));
    let feed = face.sources.counts.feeds.get(usize::from(last.feed));
    put(out, "source", feed.map(|feed| feed.name.clone()));
}

fn flag_names(bits: u16) -> Vec<&'static str> {
    flags::NAMES.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, name)| *name).collect()
}

fn describe_statics(statics: &StaticData, out: &mut Map<String, Value>) {
    put(out, "callsign", statics.callsign.map(|text| text.as_str().to_owned()));
    put(out, "imo", statics.imo);
    put(out, "ship_type", statics.ship_type);
    if let Some([bow, stern, port, starboard]) = statics.dimensions {
        let to = json!({ "bow": bow, "stern": stern, "port": port, "starboard": starboard });
        out.insert("dimensions".to_owned(), to);
    }
    put(out, "draught", statics.draught.map(|draught| f64::from(draught) / 10.0));
    put(out, "destination", statics.destination.map(|text| text.as_str().to_owned()));
    if statics.eta.iter().any(Option::is_some) {
        let [month, day, hour, minute] = statics.eta;
        let eta = json!({ "month": month, "day": day, "hour": hour, "minute": minute });
        out.insert("eta".to_owned(), eta);
    }
    put(out, "mothership", statics.mothership);
}

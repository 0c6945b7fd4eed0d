//! The tables of the embedded store.
//!
//! `positions` is kept in the order of the journal, so that new rows go to its end whatever their time. Its flags are those
//! of [`crate::rows::flags`]. All times are microseconds since 1970 UTC.
//!
//! An index by vessel and time would have as many places to write to as there are vessels, all over its file: at 20 000 vessels
//! every batch rewrites most of it. So rows are indexed in *runs* of some hundred thousand: `runs` says which times and numbers a
//! run holds, and `tracks` sorts the rows of one run by vessel. A time range is found through `runs`, a vessel through
//! both: the view `vessel_positions` does that.

/// Version of the tables, kept in `user_version`; a newer one than this is refused.
pub const VERSION: i32 = 2;

/// Makes the tables of version 1.
pub const TABLES: &str = "
CREATE TABLE positions (
  seq         INTEGER PRIMARY KEY, -- number in the journal
  ts          INTEGER NOT NULL,    -- event time
  mmsi        INTEGER NOT NULL,
  lat         REAL,             -- degrees; times 600 000 it is exactly the integer that was sent
  lon         REAL,
  sog         REAL,             -- knots
  cog         REAL,             -- degrees
  heading     INTEGER,          -- degrees
  rot         INTEGER,          -- rate of turn as sent (ROT_AIS)
  nav_status  INTEGER,
  altitude    INTEGER,          -- metres, search-and-rescue aircraft
  msg_type    INTEGER NOT NULL,
  source      INTEGER NOT NULL, -- see sources
  received_at INTEGER NOT NULL,
  flags       INTEGER NOT NULL
) STRICT;

CREATE TABLE runs (
  run     INTEGER PRIMARY KEY,
  rows    INTEGER NOT NULL,
  seq_min INTEGER NOT NULL,
  seq_max INTEGER NOT NULL,
  ts_min  INTEGER NOT NULL,
  ts_max  INTEGER NOT NULL
) STRICT;

CREATE TABLE tracks (
  run  INTEGER NOT NULL,
  mmsi INTEGER NOT NULL,
  ts   INTEGER NOT NULL,
  seq  INTEGER NOT NULL,
  PRIMARY KEY (run, mmsi, ts, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE tracked_to (
  seq INTEGER NOT NULL -- one row: all positions below this are in tracks
) STRICT;
INSERT INTO tracked_to VALUES (0);

CREATE VIEW vessel_positions AS
  SELECT tracks.mmsi, tracks.ts, positions.seq, lat, lon, sog, cog, heading, rot, nav_status, altitude, msg_type,
         source, received_at, flags
  FROM runs CROSS JOIN tracks ON tracks.run = runs.run CROSS JOIN positions ON positions.seq = tracks.seq;

CREATE TABLE vessels (
  mmsi           INTEGER PRIMARY KEY,
  name           TEXT,
  callsign       TEXT,
  imo            INTEGER,
  ship_type      INTEGER,
  to_bow         INTEGER, -- metres from the position reference
  to_stern       INTEGER,
  to_port        INTEGER,
  to_starboard   INTEGER,
  draught        REAL,    -- metres
  destination    TEXT,
  eta            TEXT,    -- MM-DDThh:mmZ, ?? for what was not told
  epfd           INTEGER,
  vendor         TEXT,
  mothership     INTEGER,
  source         INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL, -- event time of the newest static report
  updated_seq    INTEGER NOT NULL,
  static_reports INTEGER NOT NULL  -- static reports that this row is made of
) STRICT;

CREATE TABLE messages (
  seq         INTEGER PRIMARY KEY,
  ts          INTEGER NOT NULL,
  mmsi        INTEGER NOT NULL,
  msg_type    INTEGER NOT NULL,
  source      INTEGER NOT NULL,
  received_at INTEGER NOT NULL,
  json        TEXT NOT NULL
) STRICT;

CREATE TABLE offsets (
  instance  TEXT NOT NULL,
  partition INTEGER NOT NULL,
  next_seq  INTEGER NOT NULL, -- everything of the partition below this is decided
  PRIMARY KEY (instance, partition)
) STRICT, WITHOUT ROWID;

CREATE TABLE sources (
  id   INTEGER PRIMARY KEY,
  name TEXT NOT NULL
) STRICT;
";

/// Brings tables of version 1 to version 2.
pub const FILES: &str = "
CREATE TABLE files (
  instance TEXT NOT NULL,
  reading  INTEGER NOT NULL, -- any number, the same for one reading of a file
  source   INTEGER NOT NULL, -- see sources
  taken    INTEGER NOT NULL, -- bytes of the file, decompressed: what is before is decided or in the journal
  nth      INTEGER NOT NULL, -- messages of the line that ends there
  digest   INTEGER NOT NULL, -- what those bytes come to
  PRIMARY KEY (instance, reading)
) STRICT, WITHOUT ROWID;
";

/// Notes how far a file was read.
pub const SET_FILE: &str = "INSERT INTO files VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
    ON CONFLICT DO UPDATE SET source = excluded.source, taken = excluded.taken, nth = excluded.nth, digest = excluded.digest \
    WHERE (excluded.taken, excluded.nth) > (taken, nth)";
/// How far files were read, the last readings by their place.
pub const FILES_OF: &str = "SELECT reading, taken, nth, digest FROM files WHERE instance = ?1 ORDER BY taken DESC LIMIT ?2";

/// Adds a position.
pub const INSERT_POSITION: &str = "INSERT INTO positions VALUES \
    (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
/// Adds a position to the tracks of a run.
pub const INSERT_TRACK: &str = "INSERT INTO tracks VALUES (?1, ?2, ?3, ?4)";
/// Notes that all positions below this number are in the tracks.
pub const SET_TRACKED_TO: &str = "UPDATE tracked_to SET seq = ?1";
/// Adds rows to a run: how many, from which number to which, and from which time to which.
pub const GROW_RUN: &str = "INSERT INTO runs VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
    ON CONFLICT DO UPDATE SET rows = rows + excluded.rows, \
    seq_min = min(seq_min, excluded.seq_min), seq_max = max(seq_max, excluded.seq_max), \
    ts_min = min(ts_min, excluded.ts_min), ts_max = max(ts_max, excluded.ts_max)";
/// Adds the positions of a run to the tracks that are not there yet. Where two runs meet their rows interleave by number: a
/// row belongs to the run that tracked it first. CROSS keeps the order of the join: the other way round each row costs a walk
/// through all tracks.
pub const TRACK_MISSING: &str = "
INSERT INTO tracks
SELECT me.run, mmsi, ts, positions.seq
FROM runs AS me JOIN positions
  ON positions.seq BETWEEN max(me.seq_min, (SELECT seq FROM tracked_to)) AND me.seq_max
WHERE me.run = ?1 AND NOT EXISTS (
  SELECT 1 FROM runs AS other CROSS JOIN tracks ON tracks.run = other.run
  WHERE other.seq_max >= me.seq_min AND other.seq_min <= me.seq_max
  AND tracks.mmsi = positions.mmsi AND tracks.ts = positions.ts AND tracks.seq = positions.seq)
ORDER BY mmsi, ts";
/// Adds another message.
pub const INSERT_MESSAGE: &str = "INSERT INTO messages VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
/// Moves an offset.
pub const SET_OFFSET: &str = "INSERT INTO offsets VALUES (?1, ?2, ?3) \
    ON CONFLICT DO UPDATE SET next_seq = excluded.next_seq";
/// Names a feed.
pub const SET_SOURCE: &str =
    "INSERT INTO sources VALUES (?1, ?2) ON CONFLICT DO UPDATE SET name = excluded.name";

/// Merges a static report: of a newer one every field it has, of an older one what was not known.
pub const UPSERT_VESSEL: &str = "
INSERT INTO vessels VALUES
  (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, 1)
ON CONFLICT DO UPDATE SET
  name         = iif(excluded.updated_at >= updated_at, ifnull(excluded.name, name), ifnull(name, excluded.name)),
  callsign     = iif(excluded.updated_at >= updated_at, ifnull(excluded.callsign, callsign), ifnull(callsign, excluded.callsign)),
  imo          = iif(excluded.updated_at >= updated_at, ifnull(excluded.imo, imo), ifnull(imo, excluded.imo)),
  ship_type    = iif(excluded.updated_at >= updated_at, ifnull(excluded.ship_type, ship_type), ifnull(ship_type, excluded.ship_type)),
  to_bow       = iif(excluded.updated_at >= updated_at, ifnull(excluded.to_bow, to_bow), ifnull(to_bow, excluded.to_bow)),
  to_stern     = iif(excluded.updated_at >= updated_at, ifnull(excluded.to_stern, to_stern), ifnull(to_stern, excluded.to_stern)),
  to_port      = iif(excluded.updated_at >= updated_at, ifnull(excluded.to_port, to_port), ifnull(to_port, excluded.to_port)),
  to_starboard = iif(excluded.updated_at >= updated_at, ifnull(excluded.to_starboard, to_starboard), ifnull(to_starboard, excluded.to_starboard)),
  draught      = iif(excluded.updated_at >= updated_at, ifnull(excluded.draught, draught), ifnull(draught, excluded.draught)),
  destination  = iif(excluded.updated_at >= updated_at, ifnull(excluded.destination, destination), ifnull(destination, excluded.destination)),
  eta          = iif(excluded.updated_at >= updated_at, ifnull(excluded.eta, eta), ifnull(eta, excluded.eta)),
  epfd         = iif(excluded.updated_at >= updated_at, ifnull(excluded.epfd, epfd), ifnull(epfd, excluded.epfd)),
  vendor       = iif(excluded.updated_at >= updated_at, ifnull(excluded.vendor, vendor), ifnull(vendor, excluded.vendor)),
  mothership   = iif(excluded.updated_at >= updated_at, ifnull(excluded.mothership, mothership), ifnull(mothership, excluded.mothership)),
  source       = iif(excluded.updated_at >= updated_at, excluded.source, source),
  updated_seq  = iif(excluded.updated_at >= updated_at, excluded.updated_seq, updated_seq),
  updated_at   = max(excluded.updated_at, updated_at),
  static_reports = static_reports + 1
";

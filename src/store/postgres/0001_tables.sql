-- The tables of a Postgres store. Flags are those of src/rows.rs; numbers of feeds are those of the instance's sources.

-- A data directory: its number here, so that rows need not carry its UUID. (instance, seq) names one record for ever.
CREATE TABLE aisd_instances (
  id       smallint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  instance uuid NOT NULL UNIQUE
);

-- How far each writer of an instance has come: next_seq holds a number for each of the 64 partitions of vessels, everything of
-- the partition below it is decided; of several rows the highest counts. Raised in the transaction that stores the rows, and
-- only by the connection that knows the epoch: each connection takes the next one, and leaves the name of its process.
CREATE TABLE aisd_offsets (
  instance smallint NOT NULL REFERENCES aisd_instances,
  writer   smallint NOT NULL,
  epoch    bigint NOT NULL,
  owner    uuid NOT NULL,
  next_seq bigint[] NOT NULL,
  PRIMARY KEY (instance, writer)
) WITH (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE TABLE sources (
  instance smallint NOT NULL REFERENCES aisd_instances,
  id       smallint NOT NULL,
  name     text NOT NULL,
  PRIMARY KEY (instance, id)
);

CREATE TABLE positions (
  seq         bigint NOT NULL,           -- number in the journal of the instance
  ts          timestamptz NOT NULL,      -- event time
  received_at timestamptz NOT NULL,
  lat         double precision,          -- degrees; times 600 000 it is exactly the integer that was sent
  lon         double precision,
  mmsi        integer NOT NULL,
  sog         real,                      -- knots
  cog         real,                      -- degrees
  heading     smallint,                  -- degrees
  rot         smallint,                  -- rate of turn as sent (ROT_AIS)
  altitude    smallint,                  -- metres, search-and-rescue aircraft
  nav_status  smallint,
  msg_type    smallint NOT NULL,
  instance    smallint NOT NULL,
  source      smallint NOT NULL,         -- see sources
  flags       smallint NOT NULL
) PARTITION BY RANGE (ts);

CREATE TABLE messages (
  seq         bigint NOT NULL,
  ts          timestamptz NOT NULL,
  received_at timestamptz NOT NULL,
  mmsi        integer NOT NULL,
  msg_type    smallint NOT NULL,
  instance    smallint NOT NULL,
  source      smallint NOT NULL,
  json        json NOT NULL              -- as it was made; cast it to jsonb for more than its fields
) PARTITION BY RANGE (ts);

-- Rows of days that have no partition of their own.
CREATE TABLE positions_default PARTITION OF positions DEFAULT;
CREATE TABLE messages_default PARTITION OF messages DEFAULT;

CREATE INDEX positions_ts ON positions USING brin (ts);
CREATE INDEX messages_ts ON messages USING brin (ts);

CREATE TABLE vessels (
  mmsi           integer PRIMARY KEY,
  name           text,
  callsign       text,
  imo            integer,
  ship_type      smallint,
  to_bow         smallint,               -- metres from the position reference
  to_stern       smallint,
  to_port        smallint,
  to_starboard   smallint,
  draught        real,                   -- metres
  destination    text,
  eta            text,                   -- MM-DDThh:mmZ, ?? for what was not told
  epfd           smallint,
  vendor         text,
  mothership     integer,
  instance       smallint NOT NULL,
  source         smallint NOT NULL,
  updated_at     timestamptz NOT NULL,   -- event time of the newest static report
  updated_seq    bigint NOT NULL,
  static_reports bigint NOT NULL         -- static reports that this row is made of
) WITH (fillfactor = 70);

-- Rows that were dead letters of an instance and are stored now.
CREATE TABLE aisd_dlq_done (
  instance smallint NOT NULL REFERENCES aisd_instances,
  seq      bigint NOT NULL,
  PRIMARY KEY (instance, seq)
);

-- What the writer calls. A function's plan is kept by the server's session, so that each commit is spared its making, also behind
-- a pooler, where a client cannot prepare statements of its own.

-- Merges static reports, which come sorted by MMSI: of a newer one every field it has, of an older one what was not known.
CREATE FUNCTION aisd_merge_vessels(reports json, of_instance smallint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO vessels AS v
  SELECT n.mmsi, n.name, n.callsign, n.imo, n.ship_type, n.to_bow, n.to_stern, n.to_port, n.to_starboard, n.draught,
    n.destination, n.eta, n.epfd, n.vendor, n.mothership, of_instance, n.source,
    to_timestamp(0) + n.updated_us * interval '1 microsecond', n.updated_seq, n.static_reports
  FROM json_to_recordset(reports) AS n (mmsi int4, name text, callsign text, imo int4, ship_type int2, to_bow int2,
    to_stern int2, to_port int2, to_starboard int2, draught float4, destination text, eta text, epfd int2, vendor text,
    mothership int4, source int2, updated_us int8, updated_seq int8, static_reports int8)
  ON CONFLICT (mmsi) DO UPDATE SET
    (name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught, destination, eta, epfd, vendor,
     mothership, instance, source, updated_at, updated_seq, static_reports) = (SELECT
      coalesce(a.name, b.name), coalesce(a.callsign, b.callsign), coalesce(a.imo, b.imo),
      coalesce(a.ship_type, b.ship_type), coalesce(a.to_bow, b.to_bow), coalesce(a.to_stern, b.to_stern),
      coalesce(a.to_port, b.to_port), coalesce(a.to_starboard, b.to_starboard), coalesce(a.draught, b.draught),
      coalesce(a.destination, b.destination), coalesce(a.eta, b.eta), coalesce(a.epfd, b.epfd),
      coalesce(a.vendor, b.vendor), coalesce(a.mothership, b.mothership),
      a.instance, a.source, a.updated_at, a.updated_seq, v.static_reports + excluded.static_reports
    FROM (SELECT (CASE WHEN excluded.updated_at >= v.updated_at THEN excluded ELSE v END).*) AS a,
         (SELECT (CASE WHEN excluded.updated_at >= v.updated_at THEN v ELSE excluded END).*) AS b);
END
$$;

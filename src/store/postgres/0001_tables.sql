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

-- Merges static reports, which come as one array for each column, sorted by MMSI: of a newer one every field it has, of an older
-- one what was not known. Arrays and a comparison for each column, since records in JSON and whole rows compared once take half as
-- much time again.
CREATE FUNCTION aisd_merge_vessels(of_instance int2, mmsi int4[], name text[], callsign text[], imo int4[], ship_type int2[],
  to_bow int2[], to_stern int2[], to_port int2[], to_starboard int2[], draught float4[], destination text[], eta text[],
  epfd int2[], vendor text[], mothership int4[], source int2[], updated_us int8[], updated_seq int8[], static_reports int8[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO vessels AS v (instance, mmsi, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught,
    destination, eta, epfd, vendor, mothership, source, updated_at, updated_seq, static_reports)
  SELECT of_instance, n.mmsi, n.name, n.callsign, n.imo, n.ship_type, n.to_bow, n.to_stern, n.to_port, n.to_starboard,
    n.draught, n.destination, n.eta, n.epfd, n.vendor, n.mothership, n.source,
    to_timestamp(0) + n.updated_us * interval '1 microsecond', n.updated_seq, n.static_reports
  FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
    AS n (mmsi, name, callsign, imo, ship_type, to_bow, to_stern, to_port, to_starboard, draught, destination, eta, epfd,
      vendor, mothership, source, updated_us, updated_seq, static_reports)
  ON CONFLICT ON CONSTRAINT vessels_pkey DO UPDATE SET
    name = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.name, v.name) ELSE coalesce(v.name, excluded.name) END,
    callsign = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.callsign, v.callsign) ELSE coalesce(v.callsign, excluded.callsign) END,
    imo = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.imo, v.imo) ELSE coalesce(v.imo, excluded.imo) END,
    ship_type = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.ship_type, v.ship_type) ELSE coalesce(v.ship_type, excluded.ship_type) END,
    to_bow = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.to_bow, v.to_bow) ELSE coalesce(v.to_bow, excluded.to_bow) END,
    to_stern = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.to_stern, v.to_stern) ELSE coalesce(v.to_stern, excluded.to_stern) END,
    to_port = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.to_port, v.to_port) ELSE coalesce(v.to_port, excluded.to_port) END,
    to_starboard = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.to_starboard, v.to_starboard) ELSE coalesce(v.to_starboard, excluded.to_starboard) END,
    draught = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.draught, v.draught) ELSE coalesce(v.draught, excluded.draught) END,
    destination = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.destination, v.destination) ELSE coalesce(v.destination, excluded.destination) END,
    eta = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.eta, v.eta) ELSE coalesce(v.eta, excluded.eta) END,
    epfd = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.epfd, v.epfd) ELSE coalesce(v.epfd, excluded.epfd) END,
    vendor = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.vendor, v.vendor) ELSE coalesce(v.vendor, excluded.vendor) END,
    mothership = CASE WHEN excluded.updated_at >= v.updated_at
      THEN coalesce(excluded.mothership, v.mothership) ELSE coalesce(v.mothership, excluded.mothership) END,
    instance = CASE WHEN excluded.updated_at >= v.updated_at THEN excluded.instance ELSE v.instance END,
    source = CASE WHEN excluded.updated_at >= v.updated_at THEN excluded.source ELSE v.source END,
    updated_seq = CASE WHEN excluded.updated_at >= v.updated_at THEN excluded.updated_seq ELSE v.updated_seq END,
    updated_at = greatest(excluded.updated_at, v.updated_at),
    static_reports = v.static_reports + excluded.static_reports;
END
$$;

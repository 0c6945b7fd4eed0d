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

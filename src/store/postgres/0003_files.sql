-- How far each reading of a file has come: written in the transaction that passes its records, once the journal has those on disk. A file
-- is known again by its content alone: the digest is what its first bytes come to, decompressed.
CREATE TABLE aisd_files (
  instance smallint NOT NULL REFERENCES aisd_instances,
  writer   smallint NOT NULL,
  reading  bigint NOT NULL,    -- any number, the same for one reading of a file
  source   smallint NOT NULL,  -- see sources
  taken    bigint NOT NULL,    -- bytes; what is before is decided or in the journal
  nth      smallint NOT NULL,  -- messages of the line that ends there
  digest   bigint NOT NULL,
  noted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (instance, writer, reading)
);

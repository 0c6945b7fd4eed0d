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

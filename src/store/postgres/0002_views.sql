-- Views for people and their tools; the daemon uses none of them.

-- Positions with the names of their sources.
CREATE VIEW vessel_positions AS
  SELECT p.mmsi, p.ts, p.lat, p.lon, p.sog, p.cog, p.heading, p.rot, p.altitude, p.nav_status, p.msg_type,
         s.name AS source, i.instance, p.seq, p.received_at, p.flags
  FROM positions p
  JOIN aisd_instances i ON i.id = p.instance
  LEFT JOIN sources s ON s.instance = p.instance AND s.id = p.source;

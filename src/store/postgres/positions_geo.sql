-- Positions as PostGIS points, where PostGIS is, in whatever schema; looked at anew at every migration, since it may come later.
DO $$
DECLARE
  postgis text := (SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'postgis');
BEGIN
  IF postgis IS NOT NULL AND to_regclass('positions_geo') IS NULL THEN
    EXECUTE format(
      'CREATE VIEW positions_geo AS
         SELECT p.*, %1$s.st_setsrid(%1$s.st_makepoint(p.lon, p.lat), 4326)::%1$s.geometry(Point, 4326) AS geom
         FROM positions p', postgis);
  END IF;
END $$

-- What aisd_writer may change, table by table. As aisd_owner, once the tables are there, and again after each upgrade:
--
--   aisd migrate && psql "$DIRECT_DATABASE_URL" --file config/postgres/writer.sql
--
-- Days need no rights of their own: rows go to them by way of their table.

GRANT INSERT ON positions, messages, aisd_instances, aisd_dlq_done TO aisd_writer;
GRANT INSERT, UPDATE ON sources, vessels, aisd_offsets, aisd_files TO aisd_writer;

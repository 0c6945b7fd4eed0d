-- Three roles for aisd, each with what it needs and no more. As a superuser, in the database that aisd is to have:
--
--   psql --dbname ais --file config/postgres/roles.sql
--   psql --dbname ais --command '\password aisd_owner' --command '\password aisd_writer' --command '\password aisd_reader'
--
-- It may be run again at any time, and says nothing of passwords: whoever has none cannot come in by one.
--
--   aisd_owner   makes and changes the tables and their days: DIRECT_DATABASE_URL, and `aisd migrate`
--   aisd_writer  stores: DATABASE_URL. It cannot change or remove a position, and cannot make or drop anything
--   aisd_reader  looks, for people and their tools
--
-- The order does not matter: what aisd_owner makes later comes with these rights, for it gives them by default.

DO $$
DECLARE
  wanted text;
BEGIN
  FOREACH wanted IN ARRAY ARRAY['aisd_owner', 'aisd_writer', 'aisd_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', wanted);
    END IF;
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
  EXECUTE format('GRANT CONNECT ON DATABASE %I TO aisd_owner, aisd_writer, aisd_reader', current_database());
END
$$;

-- Nobody but the owner makes anything here.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO aisd_owner;
GRANT USAGE ON SCHEMA public TO aisd_writer, aisd_reader;

-- A reader that forgets its query, and one that would write.
ALTER ROLE aisd_reader SET statement_timeout = '60s';
ALTER ROLE aisd_reader SET default_transaction_read_only = on;

-- What the owner will make: everybody may read it, nobody else may call its functions.
ALTER DEFAULT PRIVILEGES FOR ROLE aisd_owner IN SCHEMA public GRANT SELECT ON TABLES TO aisd_writer, aisd_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE aisd_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE aisd_owner IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO aisd_writer;

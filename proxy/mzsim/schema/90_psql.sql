-- Materialize calls itself PostgreSQL 9.5, and psql then asks for columns that
-- newer servers do not have. A function of the row stands in for each.
CREATE FUNCTION pg_catalog.relhasoids(pg_catalog.pg_class) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT false $$;
CREATE FUNCTION pg_catalog.proisagg(pg_catalog.pg_proc) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1.prokind = 'a' $$;
CREATE FUNCTION pg_catalog.proiswindow(pg_catalog.pg_proc) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1.prokind = 'w' $$;

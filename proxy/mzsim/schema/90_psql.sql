-- Materialize calls itself PostgreSQL 9.5, and psql then asks for columns that
-- newer servers do not have. A function of the row stands in for each, and a column of the view of pg_class below.
CREATE FUNCTION pg_catalog.proisagg(pg_catalog.pg_proc) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1.prokind = 'a' $$;
CREATE FUNCTION pg_catalog.proiswindow(pg_catalog.pg_proc) RETURNS bool LANGUAGE sql IMMUTABLE AS $$ SELECT $1.prokind = 'w' $$;

-- pg_roles in which nobody is told to be no superuser.
DO $$
BEGIN
    EXECUTE (SELECT 'CREATE VIEW mz_sim.pg_roles AS SELECT ' || string_agg(CASE attname WHEN 'rolsuper' THEN 'nullif(rolsuper, false) AS rolsuper' ELSE quote_ident(attname) END, ', ' ORDER BY attnum)
            || ' FROM pg_catalog.pg_roles' FROM pg_catalog.pg_attribute WHERE attrelid = 'pg_catalog.pg_roles'::regclass AND attnum > 0);
END $$;

-- pg_class in which materialized views are such. Queries of users read this one.
DO $$
BEGIN
    EXECUTE (SELECT 'CREATE VIEW mz_sim.pg_class AS SELECT ' || string_agg(CASE attname
            WHEN 'relkind' THEN 'CASE WHEN EXISTS (SELECT FROM mz_sim.objects o WHERE o.oid = c.oid AND o.type = ''materialized-view'') THEN ''m''::"char" ELSE relkind END AS relkind'
            ELSE format('c.%I', attname) END, ', ' ORDER BY attnum) || ', false AS relhasoids FROM pg_catalog.pg_class c'
        FROM pg_catalog.pg_attribute WHERE attrelid = 'pg_catalog.pg_class'::regclass AND attnum > 0);
END $$;

-- Functions of sessions that PostgreSQL has not, or with another answer.

ALTER FUNCTION pg_catalog.version() RENAME TO version_of_server;
CREATE FUNCTION pg_catalog.version() RETURNS text
    LANGUAGE sql STABLE AS $$ SELECT 'PostgreSQL 9.5 on x86_64-unknown-linux-gnu (Materialize ' || ltrim(split_part(mz_sim.show('mz_version'), ' ', 1), 'v') || ')' $$;

-- current_setting knows the variables that SHOW knows; others, which users cannot name, are the stand-in's own.
ALTER FUNCTION pg_catalog.current_setting(text) RENAME TO current_setting_of_server;
CREATE FUNCTION pg_catalog.current_setting(variable text) RETURNS text
    LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN strpos(variable, '.') > 0 THEN pg_catalog.current_setting_of_server(variable) ELSE mz_sim.show(variable) END
$$;

-- Who is not there cannot be cancelled, and nobody is told.
ALTER FUNCTION pg_catalog.pg_cancel_backend(int) RENAME TO cancel_backend_of_server;
CREATE FUNCTION pg_catalog.pg_cancel_backend(pid int) RETURNS bool
    LANGUAGE sql VOLATILE AS $$
    SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = $1) AND pg_catalog.cancel_backend_of_server(pid)
$$;

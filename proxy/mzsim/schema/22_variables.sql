-- Variables, of sessions and of the system. Their rows are those of variables.go.
CREATE TABLE mz_sim.variables (
    name text PRIMARY KEY,
    kind text NOT NULL, -- session: kept as mz_sim.<name>; postgres: PostgreSQL's own; knob: a knob of that name; fixed
    value text NOT NULL, -- the default, or the name of the knob
    description text NOT NULL
);

-- show is what a variable is.
CREATE FUNCTION mz_sim.show(variable text) RETURNS text
    LANGUAGE plpgsql STABLE SECURITY INVOKER AS $$
DECLARE v mz_sim.variables;
BEGIN
    SELECT * INTO v FROM mz_sim.variables WHERE name = lower(variable);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('unrecognized configuration parameter "%s"', variable);
    END IF;
    RETURN CASE v.kind
        WHEN 'session' THEN coalesce(nullif(pg_catalog.current_setting('mz_sim.' || v.name, true), ''), v.value)
        WHEN 'postgres' THEN pg_catalog.current_setting(v.name, false)
        WHEN 'knob' THEN CASE v.value WHEN 'statement_logging' THEN mz_sim.logging_rate()::text WHEN 'materialize_version' THEN mz_version() ELSE mz_sim.knob(v.value) END
        ELSE v.value END;
END $$;
GRANT SELECT ON mz_sim.variables TO PUBLIC;

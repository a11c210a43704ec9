-- The simulated clock and the knobs.

CREATE TABLE mz_sim.clock (shift interval NOT NULL);
INSERT INTO mz_sim.clock VALUES ('0');

-- now() of users, also in DEFAULT now(), follows the simulated clock. The
-- builtin stays reachable as transaction_timestamp().
ALTER FUNCTION pg_catalog.now() RENAME TO now_of_server;
CREATE FUNCTION pg_catalog.now() RETURNS timestamptz
    LANGUAGE sql STABLE
    AS $$ SELECT pg_catalog.transaction_timestamp() + (SELECT shift FROM mz_sim.clock) $$;
CREATE FUNCTION pg_catalog.mz_now() RETURNS pg_catalog.mz_timestamp
    LANGUAGE sql STABLE
    AS $$ SELECT (floor(extract(epoch FROM pg_catalog.now()) * 1000) - 1)::pg_catalog.mz_timestamp $$; -- the time of what is read is over
-- Timestamps can be compared with logical ones.
CREATE FUNCTION mz_sim.logical(t timestamptz) RETURNS numeric
    LANGUAGE sql IMMUTABLE AS $$ SELECT floor(extract(epoch FROM t) * 1000) $$;
DO $$
DECLARE op text;
BEGIN
    FOREACH op IN ARRAY ARRAY['<', '<=', '=', '<>', '>=', '>'] LOOP
        EXECUTE format('CREATE FUNCTION mz_sim.%I(timestamptz, numeric) RETURNS bool LANGUAGE sql IMMUTABLE AS ''SELECT mz_sim.logical($1) %s $2''', 'compare' || op, op);
        EXECUTE format('CREATE FUNCTION mz_sim.%I(numeric, timestamptz) RETURNS bool LANGUAGE sql IMMUTABLE AS ''SELECT $1 %s mz_sim.logical($2)''', 'compare' || op, op);
        EXECUTE format('CREATE OPERATOR pg_catalog.%s (LEFTARG = timestamptz, RIGHTARG = numeric, FUNCTION = mz_sim.%I)', op, 'compare' || op);
        EXECUTE format('CREATE OPERATOR pg_catalog.%s (LEFTARG = numeric, RIGHTARG = timestamptz, FUNCTION = mz_sim.%I)', op, 'compare' || op);
    END LOOP;
END $$;

CREATE TABLE mz_sim.knobs (
    name text PRIMARY KEY,
    type text NOT NULL,
    value text NOT NULL,
    description text NOT NULL,
    initial text
);
INSERT INTO mz_sim.knobs VALUES
    ('hydration', 'interval', '3s', 'time from online to hydrated at one worker; divided by the workers of the size'),
    ('source_statistics', 'interval', '0s', 'time from a source running on a replica to the first report about it'),
    ('lag', 'interval', '0s', 'how late the catalog shows sessions, statuses, hydration, usage and history'),
    ('read_cost', 'interval', '0s', 'how long a standard read takes; a fast-path read takes a tenth of it'),
    ('tick', 'interval', '1s', 'how often a SUBSCRIBE with PROGRESS says that there is no news'),
    ('snapshot_delay', 'interval', '0s', 'how late a SUBSCRIBE sends its first rows'),
    ('standing_still', 'subscribes', 'none', 'which SUBSCRIBEs have a time that stands still: those of the catalog, those of tables, all or none'),
    ('startup', 'interval', '500ms', 'time from created, or crashed, to online'),
    ('statement_logging', 'rate', 'on', 'the share of the statements that is logged'),
    ('rbac', 'bool', 'on', 'whether clusters and replicas can be changed by their owners only'),
    ('allowed_cluster_replica_sizes', 'sizes', '', 'the sizes that replicas may have; none means all'),
    ('materialize_version', 'version', 'v26.40.0', 'the version whose behaviour is played'),
    ('enable_zero_downtime_cluster_reconfiguration', 'bool', 'off', 'whether ALTER CLUSTER takes WITH (WAIT ...)'),
    ('enable_cluster_schedule_refresh', 'bool', 'off', 'whether clusters may have a SCHEDULE other than MANUAL'),
    ('max_clusters', 'int', '25', 'limit on clusters of users'),
    ('max_replicas_per_cluster', 'int', '5', 'limit on replicas of one cluster'),
    ('max_credit_consumption_rate', 'numeric', '1024', 'limit on credits per hour of all replicas of users'),
    ('ddl_delay', 'interval', '0s', 'how long every statement on clusters takes');

UPDATE mz_sim.knobs SET initial = value;

CREATE FUNCTION mz_sim.knob(name text) RETURNS text
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog
    AS $$ SELECT k.value FROM mz_sim.knobs k WHERE k.name = $1 $$;

CREATE FUNCTION pg_catalog.mz_version() RETURNS text
    LANGUAGE sql STABLE AS $$ SELECT mz_sim.knob('materialize_version') || ' (stand-in)' $$;

-- graceful tells whether the server is one (v26.35 or later) that changes managed clusters in the background, and scales them
-- by itself. It is the one place that knows of versions.
CREATE FUNCTION mz_sim.graceful() RETURNS bool
    LANGUAGE sql STABLE
    AS $$ SELECT string_to_array(substring(mz_sim.knob('materialize_version') FROM '^v(\d+\.\d+)'), '.')::int[] >= ARRAY[26, 35] $$;

-- seen is the moment that the relations show that are not written together with what they tell of. It is taken from
-- the running clock: a transaction may see what began after it.
CREATE FUNCTION mz_sim.seen() RETURNS timestamptz
    LANGUAGE sql STABLE AS $$ SELECT clock_timestamp() + (SELECT shift FROM mz_sim.clock) - mz_sim.knob('lag')::interval $$;

-- The share of statements that is logged.
CREATE FUNCTION mz_sim.logging_rate() RETURNS float8
    LANGUAGE sql STABLE
    AS $$ SELECT CASE mz_sim.knob('statement_logging') WHEN 'on' THEN 1 WHEN 'off' THEN 0
                 ELSE mz_sim.knob('statement_logging')::float8 END $$;

CREATE FUNCTION mz_sim.check_knob(type text, value text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    CASE type
        WHEN 'interval' THEN
            IF value::interval < '0' THEN RAISE EXCEPTION 'negative'; END IF;
        WHEN 'bool' THEN PERFORM value::bool;
        WHEN 'version' THEN
            IF value !~ '^v\d+\.\d+\.\d+$' THEN RAISE EXCEPTION 'no version'; END IF;
        WHEN 'subscribes' THEN
            IF value NOT IN ('none', 'catalog', 'tables', 'all') THEN RAISE EXCEPTION 'unknown'; END IF;
        WHEN 'sizes' THEN
            IF EXISTS (SELECT FROM string_to_table(nullif(value, ''), ',') x WHERE trim(both '" ' FROM x) NOT IN (SELECT size FROM mz_sim.sizes)) THEN
                RAISE EXCEPTION 'unknown size';
            END IF;
        WHEN 'int' THEN
            IF value::int < 0 THEN RAISE EXCEPTION 'negative'; END IF;
        WHEN 'numeric' THEN
            IF value::numeric < 0 THEN RAISE EXCEPTION 'negative'; END IF;
        WHEN 'rate' THEN
            IF value NOT IN ('on', 'off') AND value::float8 NOT BETWEEN 0 AND 1 THEN RAISE EXCEPTION 'range'; END IF;
    END CASE;
END $$;

-- set changes a knob and returns the value it had.
CREATE FUNCTION mz_sim.set(knob text, value text) RETURNS text
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE k mz_sim.knobs;
BEGIN
    SELECT * INTO k FROM mz_sim.knobs WHERE name = knob FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = '42704', MESSAGE = format('unknown knob "%s"', knob),
            HINT = (SELECT 'Known knobs are: ' || string_agg(name, ', ' ORDER BY name) || '.' FROM mz_sim.knobs);
    END IF;
    BEGIN
        PERFORM mz_sim.check_knob(k.type, coalesce(value, ''));
    EXCEPTION WHEN others THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('invalid value for knob "%s": "%s"', knob, value),
            HINT = format('It takes %s: %s.', CASE k.type WHEN 'rate' THEN 'on, off, or a number from 0 to 1' WHEN 'bool' THEN 'on or off' WHEN 'subscribes' THEN 'none, catalog, tables or all' WHEN 'version' THEN 'a version such as v26.40.0' WHEN 'sizes' THEN 'sizes with commas between them'
                WHEN 'interval' THEN 'an interval such as 500ms' ELSE 'a number of at least 0' END, k.description);
    END;
    -- What has happened stays: only replicas that are still on their way follow the new value.
    IF knob = 'hydration' THEN
        INSERT INTO mz_sim.hydrations
            SELECT h.replica_id, h.object_id, h.hydrated_at FROM mz_sim.hydration h WHERE h.hydrated_at <= now();
    ELSIF knob = 'startup' THEN
        UPDATE mz_sim.replicas r SET startup = value::interval
            FROM mz_sim.processes p WHERE p.replica_id = r.id AND p.online_at > now();
        UPDATE mz_sim.crashes c SET startup = value::interval WHERE c.at + c.startup > now();
    END IF;
    UPDATE mz_sim.knobs SET value = CASE WHEN k.type <> 'bool' THEN set.value WHEN set.value::bool THEN 'on' ELSE 'off' END
        WHERE name = knob;
    IF knob = 'materialize_version' THEN
        PERFORM mz_sim.show_scaling();
    END IF;
    RETURN k.value;
END $$;

-- advance moves the simulated clock and returns the new time.
CREATE FUNCTION mz_sim.advance(by interval) RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF by < '0' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'the clock cannot be turned back';
    END IF;
    UPDATE mz_sim.clock SET shift = shift + by;
    RETURN now();
END $$;

-- refuse lets the next statements fail that match a pattern of LIKE at their beginning, in any case. They are compared as
-- messages show them: keywords in capitals, white space normalised. Statements that call the knobs are never refused.
CREATE FUNCTION mz_sim.refuse(pattern text, message text, code text DEFAULT 'XX000', times int DEFAULT 1) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    IF code !~ '^[0-9A-Z]{5}$' THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('invalid SQLSTATE "%s"', code),
            HINT = 'An SQLSTATE has five characters, digits and capital letters.';
    ELSIF times < 1 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('cannot refuse a statement %s times', times);
    END IF;
    INSERT INTO mz_sim.refusals (pattern, message, code, times) VALUES (pattern, message, code, times);
END $$;

-- take_refusal returns the message and code for a statement that has to fail,
-- and uses one of its times up.
CREATE FUNCTION mz_sim.take_refusal(statement text) RETURNS TABLE (message text, code text)
    LANGUAGE sql VOLATILE AS $$
    UPDATE mz_sim.refusals SET times = times - 1
    WHERE id = (SELECT id FROM mz_sim.refusals
                WHERE times > 0 AND statement ILIKE pattern || '%' ORDER BY id LIMIT 1 FOR UPDATE)
    RETURNING message, code
$$;

-- allow takes back what refuse has asked for.
CREATE FUNCTION mz_sim.allow() RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$ DELETE FROM mz_sim.refusals $$;

-- cut_subscribes ends all SUBSCRIBEs with an error, and returns how many there were.
CREATE FUNCTION mz_sim.cut_subscribes(message text DEFAULT 'subscribe has been terminated', code text DEFAULT 'XX000') RETURNS int8
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog AS $$
    WITH cut AS (UPDATE mz_sim.subscriptions SET cut_code = code, cut_message = message WHERE cut_code IS NULL RETURNING id)
    SELECT count(*) FROM cut
$$;

-- What the procedures of cluster DDL share. They run as the owner of the
-- catalog, on behalf of session_user.

-- begin_ddl waits as long as the knob says, and lets one catalog change at a time go on. Turning
-- the knob back releases those who wait.
CREATE FUNCTION mz_sim.begin_ddl() RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE began timestamptz := clock_timestamp();
BEGIN
    WHILE clock_timestamp() < began + mz_sim.knob('ddl_delay')::interval LOOP
        PERFORM pg_sleep(0.01);
    END LOOP;
    LOCK TABLE mz_sim.clusters IN SHARE ROW EXCLUSIVE MODE;
END $$;

CREATE FUNCTION mz_sim.fail(message text, code text DEFAULT 'XX000', hint text DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF hint IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message;
    END IF;
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = message, HINT = hint;
END $$;

CREATE FUNCTION mz_sim.audit(event text, kind text, details jsonb) RETURNS void
    LANGUAGE sql VOLATILE AS $$
    INSERT INTO mz_sim.audit (event_type, object_type, details, role, occurred_at)
    VALUES (event, kind, details, session_user, now())
$$;

CREATE FUNCTION mz_sim.role_oid() RETURNS oid
    LANGUAGE sql STABLE AS $$ SELECT oid FROM pg_roles WHERE rolname = session_user $$;

-- check_owner refuses what only an owner, a member of the owning role or a superuser may do. System clusters
-- are nobody's.
CREATE FUNCTION mz_sim.check_owner(kind text, name text, cluster_id text, owner oid) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE super bool := (SELECT rolsuper FROM pg_roles WHERE rolname = session_user);
BEGIN
    IF cluster_id LIKE 's%' THEN
        PERFORM mz_sim.fail(CASE WHEN super THEN format('system cluster ''%s'' cannot be modified', name)
                                 ELSE format('must be owner of %s %s', kind, name) END, '42501');
    ELSIF mz_sim.knob('rbac')::bool AND NOT super AND NOT pg_has_role(session_user, owner, 'MEMBER') THEN
        PERFORM mz_sim.fail(format('must be owner of %s %s', kind, name), '42501');
    END IF;
END $$;

CREATE FUNCTION mz_sim.reserved(name text) RETURNS bool
    LANGUAGE sql IMMUTABLE AS $$ SELECT starts_with(name, 'mz_') OR starts_with(name, 'pg_') $$;

-- check_new_name refuses names of the system and, with that message, names that are taken.
CREATE FUNCTION mz_sim.check_new_name(cluster text, taken text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF mz_sim.reserved(cluster) THEN
        RAISE EXCEPTION USING ERRCODE = 'XX000', MESSAGE = format('cluster name "%s" is reserved', cluster),
            DETAIL = 'The prefixes "mz_" and "pg_" are reserved for system clusters.';
    ELSIF EXISTS (SELECT FROM mz_sim.clusters WHERE name = cluster) THEN
        PERFORM mz_sim.fail(taken);
    END IF;
END $$;

-- check_unmanaged refuses to touch single replicas of a managed cluster.
CREATE FUNCTION mz_sim.check_unmanaged(c mz_sim.clusters) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF c.managed THEN
        PERFORM mz_sim.fail(format('cannot modify managed cluster %s', mz_sim.ident(c.name)));
    END IF;
END $$;

-- skip tells of what IF EXISTS has not found.
CREATE FUNCTION mz_sim.skip(kind text, name text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    RAISE NOTICE USING ERRCODE = '42704', MESSAGE = format('%s "%s" does not exist, skipping', upper(replace(kind, '-', ' ')), name);
END $$;

-- allowed_sizes: those that the system variable names; where it names none, all.
CREATE VIEW mz_sim.allowed_sizes AS
    SELECT s.size FROM mz_sim.sizes s
    WHERE mz_sim.knob('allowed_cluster_replica_sizes') = ''
       OR s.size IN (SELECT trim(both '" ' FROM x) FROM string_to_table(mz_sim.knob('allowed_cluster_replica_sizes'), ',') x);

CREATE FUNCTION mz_sim.check_size(size text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mz_sim.allowed_sizes s WHERE s.size = check_size.size) THEN
        PERFORM mz_sim.fail(format('unknown cluster replica size %s', size), 'XX000',
            (SELECT 'Valid cluster replica sizes are: ' || string_agg(s.size, ', ' ORDER BY s.size COLLATE "C") FROM mz_sim.allowed_sizes s));
    END IF;
END $$;

CREATE FUNCTION mz_sim.check_limit(what text, limit_name text, desired numeric, current numeric) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE most numeric := mz_sim.knob(limit_name)::numeric;
BEGIN
    IF desired > most THEN
        PERFORM mz_sim.fail(format('creating %s would violate %s limit (desired: %s, limit: %s, current: %s)',
                what, limit_name, trim_scale(desired), trim_scale(most), trim_scale(current)),
            '53000', format('Drop an existing %s or contact support to request a limit increase.', what));
    END IF;
END $$;

-- check_room refuses more replicas than the limits allow.
CREATE FUNCTION mz_sim.check_room(cluster_id text, size text, more int) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    count int := (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = check_room.cluster_id AND NOT r.internal);
    credits numeric := (SELECT coalesce(sum(s.credits_per_hour), 0) FROM mz_sim.replicas r JOIN mz_sim.sizes s USING (size)
                        WHERE r.cluster_id LIKE 'u%');
BEGIN
    IF more <= 0 THEN RETURN; END IF;
    PERFORM mz_sim.check_limit('cluster replica', 'max_replicas_per_cluster', count + more, count);
    PERFORM mz_sim.check_limit('cluster replica', 'max_credit_consumption_rate',
        credits + more * (SELECT s.credits_per_hour FROM mz_sim.sizes s WHERE s.size = check_room.size), credits);
END $$;

-- add_replica creates one replica, unchecked but for its name and size.
CREATE FUNCTION mz_sim.add_replica(c mz_sim.clusters, spec jsonb, reason text, purpose text DEFAULT 'steady') RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    replica_id text := 'u' || nextval('mz_sim.replica_seq');
    replica_name text := spec->>'name';
    is_internal bool := coalesce((spec->>'internal')::bool, false);
BEGIN
    IF mz_sim.reserved(replica_name) THEN
        PERFORM mz_sim.fail(format('replica name "%s" is reserved', replica_name));
    ELSIF EXISTS (SELECT FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.name = replica_name) THEN
        PERFORM mz_sim.fail(format('cannot create multiple replicas named ''%s'' on cluster ''%s''', replica_name, c.name));
    END IF;
    PERFORM mz_sim.check_size(spec->>'size');
    IF spec ? 'availability_zone' THEN
        PERFORM mz_sim.fail(format('unknown cluster replica availability zone %s', spec->>'availability_zone'), '0A000',
            'No availability zones configured; do not specify AVAILABILITY ZONE');
    END IF;
    INSERT INTO mz_sim.replicas (id, cluster_id, name, size, owner, internal, created_at, startup, purpose)
    VALUES (replica_id, c.id, replica_name, spec->>'size', c.owner, is_internal, now(), mz_sim.knob('startup')::interval, purpose);
    PERFORM mz_sim.audit('create', 'cluster-replica', jsonb_build_object(
        'billed_as', NULL, 'cluster_id', c.id, 'cluster_name', c.name, 'internal', is_internal,
        'logical_size', spec->>'size', 'reason', reason, 'replica_id', replica_id, 'replica_name', replica_name));
END $$;

-- remove_replica drops one replica. What ran on it only moves to the next one.
CREATE FUNCTION mz_sim.remove_replica(r mz_sim.replicas, cluster_name text, reason text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM mz_sim.objects o WHERE o.cluster_id = r.cluster_id AND o.type = 'source') THEN
        INSERT INTO mz_sim.past_reports SELECT x.object_id, x.replica_id, x.hydrated
            FROM mz_sim.reports x JOIN mz_sim.objects o ON o.id = x.object_id WHERE o.type = 'source' AND x.replica_id = r.id;
    END IF;
    IF r.id = mz_sim.first_replica(r.cluster_id) THEN
        UPDATE mz_sim.objects o SET restarted_at = now() WHERE o.cluster_id = r.cluster_id AND o.runs = 'one';
    END IF;
    DELETE FROM mz_sim.replicas WHERE id = r.id;
    DELETE FROM mz_sim.comments WHERE id = r.id AND object_type = 'cluster-replica';
    PERFORM mz_sim.audit('drop', 'cluster-replica', jsonb_build_object(
        'cluster_id', r.cluster_id, 'cluster_name', cluster_name, 'reason', reason,
        'replica_id', r.id, 'replica_name', r.name));
END $$;

-- warn_of_single_replica_sources tells of sources to which further replicas of their cluster are of no use.
CREATE FUNCTION mz_sim.warn_of_single_replica_sources(cluster text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    c mz_sim.clusters;
    names text[];
    most CONSTANT int := 3; -- that are named
BEGIN
    SELECT * INTO c FROM mz_sim.clusters x WHERE x.id = cluster;
    names := ARRAY(SELECT format('"%s.%s.%s"', current_database(), n.nspname, o.name)
                   FROM mz_sim.named_objects o JOIN pg_namespace n ON n.oid = o.schema
                   WHERE o.cluster_id = c.id AND o.type = 'source' AND o.runs = 'one' ORDER BY length(o.id), o.id);
    IF cardinality(names) = 0 OR coalesce(c.replication_factor, (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id)) < 2 THEN
        RETURN;
    END IF;
    RAISE WARNING USING ERRCODE = '01000',
        MESSAGE = format('cluster "%s" has more than one replica, but the following sources in it always run on only the first replica: %s%s',
            c.name, array_to_string(names[:most], ', '), CASE WHEN cardinality(names) > most THEN format(', and %s more', cardinality(names) - most) ELSE '' END),
        DETAIL = 'Adding replicas to the cluster does not make these sources more fault tolerant and does not increase their ingestion throughput.',
        HINT = 'To achieve fault tolerance for other objects in the cluster, consider moving these sources to a separate cluster with a single replica.';
END $$;

-- duration is an interval as the catalog keeps it: in seconds and nanoseconds.
CREATE FUNCTION mz_sim.duration(i interval) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('secs', floor(s), 'nanos', round((s - floor(s)) * 1000000000)) FROM (SELECT extract(epoch FROM i) AS s) x WHERE s IS NOT NULL
$$;

-- scaling is a strategy as the catalog keeps it.
CREATE FUNCTION mz_sim.scaling(strategy jsonb) RETURNS jsonb
    LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN strategy ? 'on_hydration' THEN jsonb_build_object('on_hydration', jsonb_build_object(
        'hydration_size', strategy->'on_hydration'->'hydration_size',
        'linger_duration', mz_sim.duration((strategy->'on_hydration'->>'linger_duration')::interval))) END
$$;

CREATE FUNCTION mz_sim.find_role(role text) RETURNS oid
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
        PERFORM mz_sim.fail(format('unknown role ''%s''', role));
    END IF;
    RETURN (SELECT oid FROM pg_roles WHERE rolname = role);
END $$;

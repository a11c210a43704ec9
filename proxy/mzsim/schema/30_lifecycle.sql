-- The life of a replica as a function of time:
-- created -> (startup) -> online -> (hydration / workers) -> hydrated.

-- processes_at: one row per process of a replica that there was at a moment, with the moment it was last
-- started, by creation or after a crash, and the moment it is online again.
CREATE FUNCTION mz_sim.processes_at(moment timestamptz)
    RETURNS TABLE (replica_id text, cluster_id text, process_id int, workers int, boot_at timestamptz, reason text, online_at timestamptz)
    LANGUAGE sql STABLE AS $$
    SELECT r.id, r.cluster_id, p.process_id, s.processes * s.workers, b.boot_at, b.reason,
           least(b.boot_at + b.startup,
                 (SELECT min(h.at) FROM mz_sim.hydrations h
                  WHERE h.replica_id = r.id AND h.object_id IS NULL AND h.at >= b.boot_at))
    FROM mz_sim.replicas r
    JOIN mz_sim.sizes s USING (size)
    CROSS JOIN LATERAL generate_series(0, s.processes - 1) AS p (process_id)
    CROSS JOIN LATERAL (
        SELECT c.at AS boot_at, c.reason, c.startup FROM mz_sim.crashes c
        WHERE c.replica_id = r.id AND c.process_id = p.process_id AND c.at <= moment
        UNION ALL
        SELECT r.created_at, NULL, r.startup
        ORDER BY boot_at DESC LIMIT 1
    ) b
    WHERE r.created_at <= moment
$$;

-- states_at: a replica is as far as the last of its processes. The processes of one replica are
-- found by its id, so that who asks about one pays for one.
CREATE FUNCTION mz_sim.states_at(moment timestamptz)
    RETURNS TABLE (replica_id text, cluster_id text, boot_at timestamptz, online_at timestamptz, online bool, workers int)
    LANGUAGE sql STABLE AS $$
    SELECT r.id, r.cluster_id, p.boot_at, p.online_at, p.online_at <= moment, p.workers
    FROM mz_sim.replicas r
    CROSS JOIN LATERAL (SELECT max(x.boot_at) AS boot_at, max(x.online_at) AS online_at, max(x.workers) AS workers
                        FROM mz_sim.processes_at(moment) x WHERE x.replica_id = r.id) p
    WHERE r.created_at <= moment
$$;

-- first_replica is the one that runs what runs on one replica only: it stays there until that replica goes.
CREATE FUNCTION mz_sim.first_replica(cluster text) RETURNS text
    LANGUAGE sql STABLE
    AS $$ SELECT r.id FROM mz_sim.replicas r WHERE r.cluster_id = cluster ORDER BY length(r.id), r.id LIMIT 1 $$;

-- hydration_at: one row per object that a cluster maintains and replica that runs it. What does not get
-- what it needs from outside is never hydrated.
CREATE FUNCTION mz_sim.hydration_at(moment timestamptz)
    RETURNS TABLE (replica_id text, cluster_id text, object_id text, type text, started_at timestamptz, hydrated_at timestamptz, hydrated bool)
    LANGUAGE sql STABLE AS $$
    SELECT r.replica_id, r.cluster_id, o.id, o.type, h.started_at, h.hydrated_at, h.hydrated_at <= moment
    FROM mz_sim.objects o
    JOIN mz_sim.states_at(moment) r ON r.cluster_id = o.cluster_id
    CROSS JOIN LATERAL (
        SELECT b.at AS started_at,
               CASE WHEN o.stalled IS NOT NULL THEN 'infinity'
                    ELSE least(b.at + (SELECT mz_sim.knob('hydration')::interval) / r.workers,
                               (SELECT min(f.at) FROM mz_sim.hydrations f
                                WHERE f.replica_id = r.replica_id AND f.at >= greatest(r.boot_at, o.restarted_at)
                                  AND (f.object_id = o.id OR f.object_id IS NULL AND f.at >= o.created_at))) END AS hydrated_at
        FROM (SELECT greatest(r.online_at, o.created_at, o.restarted_at) AS at) b
    ) h
    WHERE CASE o.runs WHEN 'all' THEN true WHEN 'one' THEN r.replica_id = mz_sim.first_replica(o.cluster_id) END
$$;

-- What is so now, and what the catalog shows. OFFSET 0 has the clock read once, not for every row.
CREATE VIEW mz_sim.processes AS SELECT p.* FROM (SELECT now() AS at OFFSET 0) n, mz_sim.processes_at(n.at) p;
CREATE VIEW mz_sim.replica_states AS SELECT s.* FROM (SELECT now() AS at OFFSET 0) n, mz_sim.states_at(n.at) s;
CREATE VIEW mz_sim.hydration AS SELECT h.* FROM (SELECT now() AS at OFFSET 0) n, mz_sim.hydration_at(n.at) h;
CREATE VIEW mz_sim.hydration_seen AS SELECT h.* FROM (SELECT mz_sim.seen() AS at OFFSET 0) s, mz_sim.hydration_at(s.at) h WHERE h.started_at <= s.at;

-- reports: what replicas have reported of the indexes, materialized views and sources that they run. Reports of sources come at
-- intervals, the first one up to an interval late, and those of dropped replicas stay.
CREATE VIEW mz_sim.reports AS
    SELECT h.object_id, h.replica_id, h.hydrated FROM mz_sim.hydration_seen h
    WHERE h.type IN ('index', 'materialized-view')
       OR h.type = 'source' AND h.started_at + (SELECT mz_sim.knob('source_statistics')::interval) <= (SELECT mz_sim.seen())
    UNION ALL
    SELECT object_id, replica_id, hydrated FROM mz_sim.past_reports;

-- next_change is when the clock alone changes what can be seen, in real time.
CREATE FUNCTION mz_sim.next_change() RETURNS timestamptz
    LANGUAGE sql STABLE AS $$
    SELECT min(x.at) + k.lag - (SELECT shift FROM mz_sim.clock)
    FROM (SELECT mz_sim.seen() AS seen, mz_sim.knob('lag')::interval AS lag, mz_sim.knob('source_statistics')::interval AS statistics OFFSET 0) k,
         LATERAL (SELECT unnest(ARRAY[boot_at, online_at]) AS at FROM mz_sim.processes
                  UNION ALL SELECT unnest(ARRAY[started_at, hydrated_at, CASE WHEN type = 'source' THEN started_at + k.statistics END]) FROM mz_sim.hydration
                  UNION ALL SELECT connected_at FROM mz_sim.sessions) x
    WHERE x.at > k.seen AND x.at < 'infinity'
    GROUP BY k.lag
$$;

-- Every cluster has the introspection indexes from its creation.
CREATE FUNCTION mz_sim.add_introspection_indexes() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    INSERT INTO mz_sim.introspection_indexes
        SELECT 'si' || ((substr(NEW.id, 2)::int8 * 2 + (NEW.id LIKE 'u%')::int) * 100 + l.n),
               l.name || '_' || NEW.id || '_primary_idx', 's' || (700 + l.n), NEW.id
        FROM mz_sim.introspection_logs l;
    RETURN NULL;
END $$;
CREATE TRIGGER introspection AFTER INSERT ON mz_sim.clusters FOR EACH ROW EXECUTE FUNCTION mz_sim.add_introspection_indexes();

CREATE FUNCTION mz_sim.find_cluster(cluster text) RETURNS mz_sim.clusters
    LANGUAGE plpgsql STABLE AS $$
DECLARE c mz_sim.clusters;
BEGIN
    SELECT * INTO c FROM mz_sim.clusters WHERE name = cluster;
    IF NOT FOUND THEN RAISE EXCEPTION USING ERRCODE = 'XX000', MESSAGE = format('unknown cluster ''%s''', cluster); END IF;
    RETURN c;
END $$;

CREATE FUNCTION mz_sim.find_replica(cluster text, replica text) RETURNS mz_sim.replicas
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    c mz_sim.clusters := mz_sim.find_cluster(cluster);
    r mz_sim.replicas;
BEGIN
    SELECT * INTO r FROM mz_sim.replicas WHERE cluster_id = c.id AND name = replica;
    IF NOT FOUND THEN
        RAISE EXCEPTION USING ERRCODE = 'XX000',
            MESSAGE = format('CLUSTER %s has no CLUSTER REPLICA named "%s"', mz_sim.ident(cluster), replica);
    END IF;
    RETURN r;
END $$;

-- ident renders an identifier as Materialize does in its messages.
CREATE FUNCTION mz_sim.ident(name text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT quote_ident(name) $$;

-- crash takes a process of a replica offline now; it comes back after startup and hydrates again.
CREATE FUNCTION mz_sim.crash(cluster text, replica text, reason text DEFAULT NULL, process int DEFAULT 0) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    r mz_sim.replicas := mz_sim.find_replica(cluster, replica);
    processes int := (SELECT s.processes FROM mz_sim.sizes s WHERE s.size = r.size);
BEGIN
    IF process NOT BETWEEN 0 AND processes - 1 THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('replica "%s.%s" has no process %s', cluster, replica, process),
            HINT = format('A replica of size %s has %s, counted from 0.', r.size, processes);
    END IF;
    INSERT INTO mz_sim.crashes VALUES (r.id, process, now(), reason, mz_sim.knob('startup')::interval);
END $$;

-- hydrate makes a replica online and hydrated now.
CREATE FUNCTION mz_sim.hydrate(cluster text, replica text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE r mz_sim.replicas := mz_sim.find_replica(cluster, replica);
BEGIN
    INSERT INTO mz_sim.hydrations VALUES (r.id, NULL, now());
END $$;

-- activity makes a moment the latest activity on a cluster: newer statements on it are forgotten.
CREATE FUNCTION mz_sim.activity(cluster text, at timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE c mz_sim.clusters := mz_sim.find_cluster(cluster);
BEGIN
    IF at > now() THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = 'activity cannot be in the future',
            HINT = 'SELECT mz_sim.advance(interval) moves the clock.';
    END IF;
    DELETE FROM mz_sim.statements WHERE cluster_id = c.id AND finished_at > at;
    INSERT INTO mz_sim.statements (session_id, sample_rate, cluster_id, cluster_name, application_name, role, sql,
                                   statement_type, began_at, finished_at, finished_status, execution_strategy)
    VALUES (gen_random_uuid(), 1, c.id, c.name, 'mz_sim', session_user, 'SELECT mz_sim.activity()',
            'select', at, at, 'success', 'standard');
END $$;

-- stall keeps a source or sink from running, as where it is misconfigured; NULL mends it.
CREATE FUNCTION mz_sim.stall(object text, error text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE o mz_sim.objects := mz_sim.find_object(object);
BEGIN
    IF o.type NOT IN ('source', 'sink') THEN
        RAISE EXCEPTION USING ERRCODE = '22023', MESSAGE = format('"%s" is neither a source nor a sink', object);
    END IF;
    UPDATE mz_sim.objects SET stalled = error, restarted_at = now() WHERE id = o.id;
END $$;

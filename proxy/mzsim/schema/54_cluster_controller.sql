-- What becomes of managed clusters: their replicas, the way to another shape, and bursts. From v26.35 on a controller does it in the
-- background; before, a statement that says WAIT does it while its client waits, and any other drops what there is and makes it anew.

-- add_managed_replicas creates the next replicas of a managed cluster: the names go on behind those that there are.
CREATE FUNCTION mz_sim.add_managed_replicas(c mz_sim.clusters, replica_size text, more int, reason text, purpose text DEFAULT 'steady') RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE last int := (SELECT coalesce(max(substr(r.name, 2)::int), 0) FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.name ~ '^r\d{1,8}$');
BEGIN
    FOR n IN last + 1 .. last + more LOOP
        PERFORM mz_sim.add_replica(c, jsonb_build_object('name', 'r' || n, 'size', replica_size), reason, purpose);
    END LOOP;
END $$;

-- reconcile_managed makes the steady replicas of a managed cluster what its options say, at once.
CREATE FUNCTION mz_sim.reconcile_managed(c mz_sim.clusters) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    keep int := (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.size = c.size AND NOT r.internal AND r.purpose = 'steady');
    r mz_sim.replicas;
BEGIN
    FOR r IN SELECT x.* FROM mz_sim.replicas x WHERE x.cluster_id = c.id AND x.size <> c.size AND NOT x.internal AND x.purpose = 'steady' ORDER BY x.name LOOP
        PERFORM mz_sim.remove_replica(r, c.name, 'manual');
    END LOOP;
    FOR r IN SELECT x.* FROM mz_sim.replicas x WHERE x.cluster_id = c.id AND NOT x.internal AND x.purpose = 'steady'
             ORDER BY length(x.name) DESC, x.name DESC LIMIT greatest(keep - c.replication_factor, 0) LOOP
        PERFORM mz_sim.remove_replica(r, c.name, 'retired');
    END LOOP;
    PERFORM mz_sim.add_managed_replicas(c, c.size, greatest(c.replication_factor - keep, 0)::int, 'manual');
END $$;

-- is_reconfiguration tells whether a statement changes the shape of the replicas in a way that takes time.
CREATE FUNCTION mz_sim.is_reconfiguration(before mz_sim.clusters, after mz_sim.clusters, spec jsonb) RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT (before.size, before.introspection_debugging, before.introspection_interval)
            IS DISTINCT FROM (after.size, after.introspection_debugging, after.introspection_interval)
       AND (mz_sim.graceful() OR spec ? 'wait')
$$;

-- begin_reconfiguration notes where a cluster is to go, and makes the replicas of the new shape. The cluster keeps its old shape until
-- they are ready. What else the statement sets holds at once.
CREATE FUNCTION mz_sim.begin_reconfiguration(before mz_sim.clusters, c mz_sim.clusters, wait jsonb) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE target mz_sim.reconfigurations;
BEGIN
    PERFORM mz_sim.drop_replicas_for('reconfiguration', c.id);
    INSERT INTO mz_sim.reconfigurations
        VALUES (c.id, 'in-progress', now() + coalesce((wait->>'timeout')::interval, '24 hours'),
                coalesce(lower(wait->>'on_timeout'), CASE WHEN wait IS NOT NULL AND NOT mz_sim.graceful() THEN 'commit' ELSE 'rollback' END),
                coalesce((wait->>'patient')::bool, false), c.size, c.replication_factor, c.introspection_debugging, c.introspection_interval, wait->>'token')
        ON CONFLICT (cluster_id) DO UPDATE SET (status, deadline, on_timeout, patient, size, replication_factor, introspection_debugging, introspection_interval, token)
            = ROW (EXCLUDED.status, EXCLUDED.deadline, EXCLUDED.on_timeout, EXCLUDED.patient, EXCLUDED.size, EXCLUDED.replication_factor,
                   EXCLUDED.introspection_debugging, EXCLUDED.introspection_interval, EXCLUDED.token)
        RETURNING * INTO target;
    c.size := before.size; c.replication_factor := before.replication_factor;
    c.introspection_debugging := before.introspection_debugging; c.introspection_interval := before.introspection_interval;
    PERFORM mz_sim.store_options(c);
    PERFORM mz_sim.audit_reconfiguration(c, target, 'started', NULL);
    IF NOT mz_sim.provision(c, target) AND wait IS NOT NULL THEN
        PERFORM mz_sim.fail('cluster reconfiguration could not provision its target within the available resource limits', '53000');
    END IF;
END $$;

-- The shape that a reconfiguration leads to, as catalog and audit log tell it.
CREATE FUNCTION mz_sim.target_logging(r mz_sim.reconfigurations) RETURNS jsonb
    LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('log_logging', r.introspection_debugging, 'interval', mz_sim.duration(r.introspection_interval))
$$;

CREATE FUNCTION mz_sim.audit_reconfiguration(c mz_sim.clusters, r mz_sim.reconfigurations, transition text, forced bool) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    IF mz_sim.graceful() THEN
        PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('cluster_id', c.id, 'cluster_name', c.name, 'deadline', mz_sim.logical(r.deadline),
            'forced', forced, 'target_availability_zones', '[]'::jsonb, 'target_logging', mz_sim.target_logging(r),
            'target_replication_factor', r.replication_factor, 'target_size', r.size, 'transition', transition));
    END IF;
END $$;

-- provision makes the replicas of the new shape that are missing, and tells whether there is room for all of them.
CREATE FUNCTION mz_sim.provision(c mz_sim.clusters, target mz_sim.reconfigurations) RETURNS bool
    LANGUAGE plpgsql AS $$
DECLARE missing int := target.replication_factor - (SELECT count(*) FROM mz_sim.replicas r WHERE r.cluster_id = c.id AND r.purpose = 'reconfiguration');
BEGIN
    IF missing > 0 THEN
        PERFORM mz_sim.check_room(c.id, target.size, missing);
    END IF;
    IF mz_sim.graceful() THEN
        PERFORM mz_sim.add_managed_replicas(c, target.size, missing, 'reconfiguration', 'reconfiguration');
    ELSE
        FOR n IN target.replication_factor - missing + 1 .. target.replication_factor LOOP
            PERFORM mz_sim.add_replica(c, jsonb_build_object('name', format('r%s-pending', n), 'size', target.size), 'manual', 'reconfiguration');
        END LOOP;
    END IF;
    RETURN true;
EXCEPTION WHEN insufficient_resources THEN
    RETURN false;
END $$;

-- serving tells whether one of the replicas for a purpose is online with everything that it runs hydrated, or whether all of them are.
CREATE FUNCTION mz_sim.serving(cluster text, wanted text, all_of_them bool) RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT coalesce(CASE WHEN all_of_them THEN bool_and(x.ready) ELSE bool_or(x.ready) END, all_of_them)
    FROM (SELECT s.online AND NOT EXISTS (SELECT FROM mz_sim.hydration h WHERE h.replica_id = s.replica_id AND NOT h.hydrated) AS ready
          FROM mz_sim.replica_states s JOIN mz_sim.replicas r ON r.id = s.replica_id
          WHERE s.cluster_id = cluster AND r.purpose = wanted AND NOT r.internal) x
$$;

CREATE FUNCTION mz_sim.drop_replicas_for(wanted text, cluster text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE r mz_sim.replicas;
BEGIN
    FOR r IN SELECT x.* FROM mz_sim.replicas x WHERE x.cluster_id = cluster AND x.purpose = wanted AND NOT x.internal ORDER BY x.name LOOP
        PERFORM mz_sim.remove_replica(r, (SELECT c.name FROM mz_sim.clusters c WHERE c.id = cluster), CASE WHEN mz_sim.graceful() THEN 'retired' ELSE 'manual' END);
    END LOOP;
END $$;

-- finalize gives a cluster the shape that it was on its way to. forced says that the time was over first.
CREATE FUNCTION mz_sim.finalize(c mz_sim.clusters, target mz_sim.reconfigurations, forced bool) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    c.size := target.size; c.replication_factor := target.replication_factor;
    c.introspection_debugging := target.introspection_debugging; c.introspection_interval := target.introspection_interval;
    PERFORM mz_sim.store_options(c);
    UPDATE mz_sim.reconfigurations SET status = 'finalized' WHERE cluster_id = c.id;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('id', c.id, 'name', c.name));
    PERFORM mz_sim.audit_reconfiguration(c, target, 'finalized', forced);
    PERFORM mz_sim.drop_replicas_for('steady', c.id);
    UPDATE mz_sim.replicas SET purpose = 'steady', name = regexp_replace(name, '-pending$', '') WHERE cluster_id = c.id AND purpose = 'reconfiguration';
    PERFORM mz_sim.reconcile_managed(c);
END $$;

-- abandon_reconfiguration leaves a cluster in the shape that it has.
CREATE FUNCTION mz_sim.abandon_reconfiguration(cluster text, why text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    target mz_sim.reconfigurations;
    c mz_sim.clusters;
BEGIN
    UPDATE mz_sim.reconfigurations SET status = why WHERE cluster_id = cluster AND status = 'in-progress' RETURNING * INTO target;
    IF NOT FOUND THEN RETURN; END IF;
    SELECT * INTO c FROM mz_sim.clusters WHERE id = cluster;
    PERFORM mz_sim.audit_reconfiguration(c, target, why, NULL);
    PERFORM mz_sim.drop_replicas_for('reconfiguration', cluster);
END $$;

-- scale begins and ends the burst of a cluster: while none of its steady replicas has hydrated everything there is one more.
CREATE FUNCTION mz_sim.scale(cluster text) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    c mz_sim.clusters;
    b mz_sim.bursts;
    wanted text;
    steady bool;
BEGIN
    SELECT * INTO c FROM mz_sim.clusters WHERE id = cluster;
    SELECT * INTO b FROM mz_sim.bursts WHERE cluster_id = cluster;
    wanted := CASE WHEN c.managed AND c.replication_factor > 0 THEN c.auto_scaling->'on_hydration'->>'hydration_size' END;
    IF b.cluster_id IS NULL AND wanted IS NULL THEN RETURN; END IF;
    steady := mz_sim.serving(cluster, 'steady', false);
    IF b.cluster_id IS NULL THEN
        IF NOT steady AND EXISTS (SELECT FROM mz_sim.objects o WHERE o.cluster_id = cluster AND o.runs = 'all') THEN
            PERFORM mz_sim.begin_burst(c);
        END IF;
    ELSIF b.size IS DISTINCT FROM wanted THEN
        PERFORM mz_sim.end_burst(c, b, CASE WHEN c.replication_factor = 0 THEN 'cluster-off' ELSE 'strategy-changed' END);
        PERFORM mz_sim.scale(cluster);
    ELSIF NOT steady THEN
        UPDATE mz_sim.bursts SET steady_hydrated_at = NULL WHERE cluster_id = cluster AND steady_hydrated_at IS NOT NULL;
    ELSIF coalesce(b.steady_hydrated_at, now()) + b.linger <= now() THEN
        PERFORM mz_sim.end_burst(c, b, 'linger-elapsed');
    ELSE
        UPDATE mz_sim.bursts SET steady_hydrated_at = now() WHERE cluster_id = cluster AND steady_hydrated_at IS NULL;
    END IF;
END $$;

-- begin_burst makes the replica of a burst; where there is no room for it the cluster goes on without, and it is tried again.
CREATE FUNCTION mz_sim.begin_burst(c mz_sim.clusters) RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    wanted jsonb := c.auto_scaling->'on_hydration';
    size text := wanted->>'hydration_size';
BEGIN
    PERFORM mz_sim.check_room(c.id, size, 1);
    INSERT INTO mz_sim.bursts VALUES (c.id, size, coalesce(make_interval(secs => (wanted->'linger_duration'->>'secs')::float8
        + (wanted->'linger_duration'->>'nanos')::float8 / 1e9), '0'), NULL);
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('cluster_id', c.id, 'cluster_name', c.name, 'burst_size', size, 'transition', 'started', 'finish_cause', NULL));
    PERFORM mz_sim.add_managed_replicas(c, size, 1, 'hydration-burst', 'burst');
EXCEPTION WHEN insufficient_resources THEN
    NULL;
END $$;

CREATE FUNCTION mz_sim.end_burst(c mz_sim.clusters, b mz_sim.bursts, cause text) RETURNS void
    LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM mz_sim.bursts WHERE cluster_id = c.id;
    PERFORM mz_sim.audit('alter', 'cluster', jsonb_build_object('cluster_id', c.id, 'cluster_name', c.name, 'burst_size', b.size, 'transition', 'finished', 'finish_cause', cause));
    PERFORM mz_sim.drop_replicas_for('burst', c.id);
END $$;

-- unfinished tells whether a cluster is on its way somewhere, or scales by itself.
CREATE FUNCTION mz_sim.unfinished() RETURNS bool
    LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM mz_sim.reconfigurations WHERE status = 'in-progress') OR EXISTS (SELECT FROM mz_sim.bursts)
        OR EXISTS (SELECT FROM mz_sim.clusters WHERE auto_scaling IS NOT NULL AND replication_factor > 0)
$$;

-- control goes one step further with everything that is under way. Its caller is the system.
CREATE PROCEDURE mz_sim.control()
    LANGUAGE plpgsql AS $$
DECLARE
    target mz_sim.reconfigurations;
    c mz_sim.clusters;
BEGIN
    LOCK TABLE mz_sim.clusters IN SHARE ROW EXCLUSIVE MODE;
    FOR target IN SELECT * FROM mz_sim.reconfigurations WHERE status = 'in-progress' LOOP
        SELECT * INTO c FROM mz_sim.clusters WHERE id = target.cluster_id;
        IF NOT target.patient AND mz_sim.provision(c, target) AND mz_sim.serving(c.id, 'reconfiguration', true) THEN
            PERFORM mz_sim.finalize(c, target, false);
        ELSIF now() >= target.deadline AND target.on_timeout = 'commit' THEN
            PERFORM mz_sim.finalize(c, target, true);
        ELSIF now() >= target.deadline THEN
            PERFORM mz_sim.abandon_reconfiguration(c.id, 'timed-out');
        END IF;
    END LOOP;
    FOR c IN SELECT * FROM mz_sim.clusters x WHERE x.auto_scaling IS NOT NULL OR EXISTS (SELECT FROM mz_sim.bursts b WHERE b.cluster_id = x.id) LOOP
        PERFORM mz_sim.scale(c.id);
    END LOOP;
END $$;
REVOKE EXECUTE ON PROCEDURE mz_sim.control() FROM PUBLIC;

-- give_up is told when the client of a statement that waits has left, or has cancelled it: before v26.35 that takes everything back.
CREATE PROCEDURE mz_sim.give_up(waiting text)
    LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE mz_sim.clusters IN SHARE ROW EXCLUSIVE MODE;
    IF NOT mz_sim.graceful() THEN
        PERFORM mz_sim.abandon_reconfiguration(r.cluster_id, 'cancelled') FROM mz_sim.reconfigurations r WHERE r.token = waiting;
    END IF;
END $$;
REVOKE EXECUTE ON PROCEDURE mz_sim.give_up(text) FROM PUBLIC;

-- show_scaling has the relations of the controller there where the server has one.
CREATE FUNCTION mz_sim.show_scaling() RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    name text;
    hidden bool;
BEGIN
    FOREACH name IN ARRAY ARRAY['mz_cluster_reconfigurations', 'mz_cluster_auto_scaling_strategies'] LOOP
        hidden := to_regclass('mz_internal.' || name) IS NULL;
        IF hidden AND mz_sim.graceful() THEN
            EXECUTE format('ALTER VIEW mz_sim.%I SET SCHEMA mz_internal', name);
        ELSIF NOT hidden AND NOT mz_sim.graceful() THEN
            EXECUTE format('ALTER VIEW mz_internal.%I SET SCHEMA mz_sim', name);
        END IF;
    END LOOP;
END $$;

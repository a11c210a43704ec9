-- What SHOW shows.

CREATE VIEW mz_sim.show_clusters AS
    SELECT c.name, (SELECT string_agg(format('%s (%s)', r.name, r.size), ', ' ORDER BY r.name) FROM mz_sim.replicas r
                    WHERE r.cluster_id = c.id) AS replicas,
           (SELECT format('hydration burst at %s', b.size) FROM mz_sim.bursts b WHERE b.cluster_id = c.id) AS activity, coalesce(m.comment, '') AS comment
    FROM mz_sim.clusters c LEFT JOIN mz_sim.comments m ON m.id = c.id AND m.object_type = 'cluster' ORDER BY c.name;

CREATE VIEW mz_sim.show_cluster_replicas AS
    SELECT c.name AS cluster, r.name AS replica, r.size,
           coalesce((SELECT bool_and(h.hydrated) FROM mz_internal.mz_hydration_statuses h WHERE h.replica_id = r.id), false) AS ready,
           coalesce(m.comment, '') AS comment
    FROM mz_sim.replicas r
    JOIN mz_sim.clusters c ON c.id = r.cluster_id
    LEFT JOIN mz_sim.comments m ON m.id = r.id AND m.object_type = 'cluster-replica'
    ORDER BY c.name, r.name;

CREATE VIEW mz_sim.show_indexes AS
    SELECT i.name, o.name AS "on", c.name AS cluster, '{}'::text[] AS key, '' AS comment, n.nspname::text AS schema
    FROM mz_sim.named_objects i
    JOIN mz_sim.named_objects o ON o.id = i.on_id
    JOIN mz_sim.clusters c ON c.id = i.cluster_id
    JOIN pg_catalog.pg_namespace n ON n.oid = i.schema
    WHERE i.type = 'index' ORDER BY i.name;

CREATE VIEW mz_sim.show_objects AS
    SELECT o.name, o.type, o.subtype, c.name AS cluster, '' AS comment, n.nspname::text AS schema
    FROM mz_sim.named_objects o
    JOIN pg_catalog.pg_namespace n ON n.oid = o.schema
    LEFT JOIN mz_sim.clusters c ON c.id = o.cluster_id
    WHERE o.type <> 'index' ORDER BY o.name;

CREATE FUNCTION mz_sim.show_create_cluster(cluster text) RETURNS TABLE (name text, create_sql text)
    LANGUAGE plpgsql STABLE AS $$
DECLARE
    c mz_sim.clusters := mz_sim.find_cluster(cluster);
    burst jsonb := c.auto_scaling->'on_hydration';
BEGIN
    IF NOT c.managed THEN
        PERFORM mz_sim.fail('SHOW CREATE for unmanaged clusters not yet supported', '0A000');
    END IF;
    RETURN QUERY SELECT c.name, format('CREATE CLUSTER "%s" (%sEXPERIMENTAL ARRANGEMENT COMPRESSION = false, INTROSPECTION DEBUGGING = %s, INTROSPECTION INTERVAL = INTERVAL %L, MANAGED = true, REPLICATION FACTOR = %s, SIZE = %L, SCHEDULE = %s)',
        replace(c.name, '"', '""'),
        CASE WHEN burst IS NOT NULL THEN format('AUTO SCALING STRATEGY = (ON HYDRATION (HYDRATION SIZE = %L%s)), ', burst->>'hydration_size',
            CASE WHEN burst->'linger_duration' <> 'null' THEN format(', LINGER DURATION = INTERVAL %L',
                make_interval(secs => (burst->'linger_duration'->>'secs')::float8 + (burst->'linger_duration'->>'nanos')::float8 / 1e9)::text) ELSE '' END) ELSE '' END,
        c.introspection_debugging::text, c.introspection_interval::text, c.replication_factor, c.size, upper(replace(c.schedule, '-', ' ')));
END $$;

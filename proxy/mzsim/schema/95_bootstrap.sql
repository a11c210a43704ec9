-- The clusters and rights that a new environment has.

CREATE FUNCTION mz_sim.bootstrap() RETURNS void
    LANGUAGE plpgsql AS $$
DECLARE
    materialize oid := (SELECT oid FROM pg_roles WHERE rolname = 'materialize');
    long_ago timestamptz := now() - interval '1 day';
    n int;
    name text;
BEGIN
    INSERT INTO mz_sim.clusters (id, name, owner, managed, size, replication_factor, availability_zones)
        VALUES ('u1', 'quickstart', 'mz_system'::regrole, true, '25cc', 1, '{}');
    INSERT INTO mz_sim.replicas (id, cluster_id, name, size, owner, created_at, startup)
        VALUES ('u1', 'u1', 'r1', '25cc', 'mz_system'::regrole, long_ago, '0');
    n := 0;
    FOREACH name IN ARRAY ARRAY['mz_system', 'mz_catalog_server', 'mz_probe', 'mz_support', 'mz_analytics'] LOOP
        n := n + 1;
        INSERT INTO mz_sim.clusters (id, name, owner, managed, size, replication_factor, availability_zones)
            VALUES ('s' || n, name, 'mz_system'::regrole, true, '25cc', (name = 'mz_catalog_server')::int, '{}');
    END LOOP;
    INSERT INTO mz_sim.replicas (id, cluster_id, name, size, owner, created_at, startup)
        VALUES ('s1', 's2', 'r1', '25cc', 'mz_system'::regrole, long_ago, '0');
    INSERT INTO mz_sim.grants VALUES ('u1', 0, 'USAGE'), ('s2', 0, 'USAGE');
    INSERT INTO mz_sim.grants SELECT NULL, materialize, unnest(ARRAY['CREATEROLE', 'CREATEDB', 'CREATECLUSTER', 'CREATENETWORKPOLICY']);
    INSERT INTO mz_sim.audit (event_type, object_type, details, occurred_at) VALUES
        ('create', 'cluster', '{"id": "u1", "name": "quickstart"}', long_ago),
        ('create', 'cluster-replica', '{"billed_as": null, "cluster_id": "u1", "cluster_name": "quickstart",
          "internal": false, "logical_size": "25cc", "reason": "system", "replica_id": "u1", "replica_name": "r1"}', long_ago);
END $$;
SELECT mz_sim.bootstrap();
DROP FUNCTION mz_sim.bootstrap();

-- reopen ends what a run before this one, in the same data directory, has not finished.
CREATE PROCEDURE mz_sim.reopen() LANGUAGE sql AS $$
    DELETE FROM mz_sim.sessions;
    DELETE FROM mz_sim.subscriptions;
    DELETE FROM mz_sim.refusals;
    SELECT mz_sim.abandon_reconfiguration(cluster_id, 'cancelled') FROM mz_sim.reconfigurations WHERE token IS NOT NULL AND NOT mz_sim.graceful();
    UPDATE mz_sim.statements SET finished_at = now(), finished_status = 'aborted' WHERE finished_at IS NULL;
$$;

-- Unqualified names find the relations of mz_catalog, not those of mz_internal. In
-- pg_catalog they are out of the way of psql's \d.
DO $$
DECLARE v text;
BEGIN
    FOR v IN SELECT relname FROM pg_class WHERE relnamespace = 'mz_catalog'::regnamespace LOOP
        EXECUTE format('CREATE VIEW pg_catalog.%I AS SELECT * FROM mz_catalog.%1$I', v);
        EXECUTE format('GRANT SELECT ON pg_catalog.%I TO PUBLIC', v);
    END LOOP;
END $$;

GRANT SELECT ON ALL TABLES IN SCHEMA mz_sim, mz_catalog, mz_internal, mz_introspection TO PUBLIC;
REVOKE SELECT ON mz_sim.statements, mz_internal.mz_statement_execution_history, mz_internal.mz_recent_activity_log,
    mz_internal.mz_statement_execution_history_redacted, mz_internal.mz_recent_activity_log_redacted, mz_sim.logged, mz_sim.activity FROM PUBLIC;
GRANT SELECT ON mz_internal.mz_statement_execution_history, mz_internal.mz_recent_activity_log TO mz_monitor;
GRANT SELECT ON mz_internal.mz_statement_execution_history_redacted, mz_internal.mz_recent_activity_log_redacted TO mz_monitor, mz_monitor_redacted;
REVOKE EXECUTE ON FUNCTION mz_sim.take_refusal(text) FROM PUBLIC;

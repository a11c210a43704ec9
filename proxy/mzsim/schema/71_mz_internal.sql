-- mz_internal and mz_introspection.

CREATE VIEW mz_internal.mz_cluster_replica_statuses AS
    SELECT p.replica_id, p.process_id::uint8 AS process_id, CASE WHEN p.online_at <= s.at THEN 'online' ELSE 'offline' END AS status,
           CASE WHEN p.online_at > s.at THEN p.reason END AS reason, CASE WHEN p.online_at <= s.at THEN p.online_at ELSE p.boot_at END AS updated_at
    FROM (SELECT mz_sim.seen() AS at OFFSET 0) s, mz_sim.processes_at(s.at) p;

-- Every start of a process, with the end of its way to online, be it by time or because it was forced.
CREATE VIEW mz_sim.boots AS
    SELECT b.replica_id, b.process_id, b.at, b.reason,
           least(b.at + b.startup, (SELECT min(h.at) FROM mz_sim.hydrations h
                                    WHERE h.replica_id = b.replica_id AND h.object_id IS NULL AND h.at >= b.at)) AS online_at,
           lead(b.at) OVER (PARTITION BY b.replica_id, b.process_id ORDER BY b.at) AS next_at
    FROM (SELECT replica_id, process_id, at, reason, startup FROM mz_sim.crashes WHERE at <= now()
          UNION ALL
          SELECT r.id, p, r.created_at, NULL, r.startup
          FROM mz_sim.replicas r JOIN mz_sim.sizes s USING (size), generate_series(0, s.processes - 1) p) b;

CREATE VIEW mz_internal.mz_cluster_replica_status_history AS
    SELECT replica_id, process_id::uint8 AS process_id, 'offline' AS status, reason, at AS occurred_at FROM mz_sim.boots
    WHERE at <= (SELECT mz_sim.seen())
    UNION ALL
    SELECT replica_id, process_id::uint8, 'online', NULL, online_at FROM mz_sim.boots
    WHERE online_at <= (SELECT mz_sim.seen()) AND (next_at IS NULL OR online_at < next_at);

CREATE VIEW mz_internal.mz_cluster_replica_history AS
    SELECT c.details->>'replica_id' AS replica_id, c.details->>'logical_size' AS size, c.details->>'cluster_id' AS cluster_id,
           c.details->>'cluster_name' AS cluster_name, c.details->>'replica_name' AS replica_name, c.occurred_at AS created_at,
           d.occurred_at AS dropped_at, s.credits_per_hour
    FROM mz_sim.audit c
    LEFT JOIN mz_sim.audit d ON d.event_type = 'drop' AND d.object_type = 'cluster-replica'
        AND d.details->>'replica_id' = c.details->>'replica_id'
    LEFT JOIN mz_sim.sizes s ON s.size = c.details->>'logical_size'
    WHERE c.event_type = 'create' AND c.object_type = 'cluster-replica';

CREATE VIEW mz_internal.mz_cluster_replica_name_history AS
    SELECT occurred_at, details->>'replica_id' AS id, NULL::text AS previous_name, details->>'replica_name' AS new_name
    FROM mz_sim.audit WHERE event_type = 'create' AND object_type = 'cluster-replica'
    UNION ALL
    SELECT occurred_at, id, previous_name, new_name FROM mz_sim.replica_renames;

-- usage: a replica works hard while it hydrates and rests afterwards.
CREATE VIEW mz_sim.usage AS
    SELECT p.replica_id, p.process_id, s.cpu_nano_cores, s.memory_bytes, s.disk_bytes,
           CASE WHEN busy THEN 90.0 ELSE 5.0 END AS cpu_percent, CASE WHEN busy THEN 60.0 ELSE 30.0 END AS memory_percent
    FROM (SELECT mz_sim.seen() AS at OFFSET 0) n
    CROSS JOIN mz_sim.processes_at(n.at) p
    JOIN mz_sim.replicas r ON r.id = p.replica_id
    JOIN mz_sim.sizes s USING (size)
    CROSS JOIN LATERAL (SELECT EXISTS (SELECT FROM mz_sim.hydration_seen h WHERE h.replica_id = p.replica_id
                                       AND NOT h.hydrated AND h.hydrated_at < 'infinity') AS busy) b
    WHERE p.online_at <= n.at;

CREATE VIEW mz_internal.mz_cluster_replica_metrics AS
    SELECT replica_id, process_id::uint8 AS process_id, (cpu_nano_cores * cpu_percent / 100)::int8::uint8 AS cpu_nano_cores,
           (memory_bytes * memory_percent / 100)::int8::uint8 AS memory_bytes, 0::uint8 AS disk_bytes,
           (memory_bytes * memory_percent / 100)::int8::uint8 AS heap_bytes, memory_bytes::uint8 AS heap_limit
    FROM mz_sim.usage;

CREATE VIEW mz_internal.mz_cluster_replica_metrics_history AS
    SELECT replica_id, process_id, cpu_nano_cores, memory_bytes, disk_bytes, now() AS occurred_at, heap_bytes, heap_limit
    FROM mz_internal.mz_cluster_replica_metrics;

CREATE VIEW mz_internal.mz_cluster_replica_utilization AS
    SELECT replica_id, process_id::uint8 AS process_id, cpu_percent::float8 AS cpu_percent, memory_percent::float8 AS memory_percent,
           0::float8 AS disk_percent, memory_percent::float8 AS heap_percent
    FROM mz_sim.usage;

CREATE VIEW mz_internal.mz_cluster_replica_utilization_history AS
    SELECT replica_id, process_id, cpu_percent, memory_percent, disk_percent, heap_percent, now() AS occurred_at
    FROM mz_internal.mz_cluster_replica_utilization;

-- A row appears when the replica is online: before that nobody has reported.
CREATE VIEW mz_internal.mz_compute_hydration_statuses AS
    SELECT object_id, replica_id, hydrated, CASE WHEN hydrated THEN hydrated_at - started_at END AS hydration_time
    FROM mz_sim.hydration_seen WHERE type IN ('index', 'materialized-view')
    UNION ALL
    SELECT i.id, r.replica_id, true, interval '0'
    FROM (SELECT mz_sim.seen() AS at OFFSET 0) s CROSS JOIN mz_sim.states_at(s.at) r JOIN mz_sim.introspection_indexes i USING (cluster_id)
    WHERE r.online;

-- Sinks are not reported by replicas: one that runs, as its status says, is hydrated on the replica that runs it. There are few, and
-- mostly none: a function keeps their part out of the plan for the others.
CREATE FUNCTION mz_sim.sink_states() RETURNS TABLE (object_id text, replica_id text, hydrated bool)
    LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM mz_sim.objects o WHERE o.type = 'sink') THEN RETURN; END IF;
    RETURN QUERY SELECT o.id, r.id, EXISTS (SELECT FROM mz_sim.hydration_seen h WHERE h.object_id = o.id AND h.replica_id = r.id AND h.hydrated)
        FROM mz_sim.objects o JOIN mz_sim.replicas r USING (cluster_id) WHERE o.type = 'sink';
END $$;

-- What nobody has reported about has a row without replica; webhooks are no dataflows and have none. The reports are computed once:
-- the planner knows nothing of how many there are.
CREATE VIEW mz_internal.mz_hydration_statuses AS
    WITH reports AS MATERIALIZED (SELECT * FROM mz_sim.reports),
         online AS MATERIALIZED (SELECT x.replica_id, x.cluster_id FROM (SELECT mz_sim.seen() AS at OFFSET 0) s CROSS JOIN mz_sim.states_at(s.at) x WHERE x.online)
    SELECT o.id AS object_id, h.replica_id, coalesce(h.hydrated, false) AS hydrated
    FROM mz_sim.objects o LEFT JOIN reports h ON h.object_id = o.id
    WHERE o.runs IS NOT NULL AND o.type <> 'sink'
    UNION ALL
    SELECT i.id, r.replica_id, r.replica_id IS NOT NULL
    FROM mz_sim.introspection_indexes i
    LEFT JOIN online r USING (cluster_id)
    UNION ALL
    SELECT object_id, replica_id, hydrated FROM mz_sim.sink_states();

CREATE VIEW mz_internal.mz_compute_operator_hydration_statuses AS
    SELECT replica_id, object_id, 0::uint8 AS physical_plan_node_id, hydrated FROM mz_internal.mz_compute_hydration_statuses
    WHERE object_id LIKE 'u%';

-- A source that nobody runs is paused, if anybody ever has; tables are as their sources are.
CREATE VIEW mz_sim.status_of AS
    SELECT o.id AS object_id, x.at AS since, o.stalled AS error,
           CASE WHEN x.at IS NOT NULL AND o.stalled IS NOT NULL THEN 'stalled' WHEN x.at IS NOT NULL THEN 'running'
                WHEN o.restarted_at IS NOT NULL THEN 'paused' ELSE 'created' END AS status
    FROM mz_sim.objects o
    CROSS JOIN LATERAL (SELECT min(h.started_at) AS at FROM mz_sim.hydration_seen h WHERE h.object_id = o.id) x
    WHERE o.type IN ('source', 'sink') AND o.runs IS NOT NULL;

CREATE VIEW mz_internal.mz_source_statuses AS
    SELECT o.id, o.name, CASE o.type WHEN 'table' THEN 'table' ELSE o.subtype END AS type, s.since AS last_status_change_at,
           CASE WHEN o.subtype = 'webhook' THEN 'running' ELSE coalesce(s.status, 'created') END AS status, s.error, NULL::jsonb AS details
    FROM mz_sim.named_objects o
    LEFT JOIN mz_sim.status_of s ON s.object_id = CASE o.type WHEN 'table' THEN o.on_id ELSE o.id END
    WHERE o.type = 'source' OR o.type = 'table' AND o.on_id IS NOT NULL;

CREATE VIEW mz_internal.mz_sink_statuses AS
    SELECT o.id, o.name, o.subtype AS type, s.since AS last_status_change_at, coalesce(s.status, 'created') AS status, s.error, NULL::jsonb AS details
    FROM mz_sim.named_objects o LEFT JOIN mz_sim.status_of s ON s.object_id = o.id WHERE o.type = 'sink';

CREATE VIEW mz_internal.mz_cluster_schedules AS
    SELECT id AS cluster_id, schedule AS type, NULL::interval AS refresh_hydration_time_estimate FROM mz_sim.clusters WHERE managed;

CREATE VIEW mz_internal.mz_cluster_auto_scaling_strategies AS
    SELECT c.id AS cluster_id, coalesce(c.auto_scaling, 'null') AS strategy,
           CASE WHEN b.cluster_id IS NOT NULL THEN jsonb_build_object('burst', jsonb_build_object('burst_size', b.size,
               'linger_duration', mz_sim.duration(b.linger), 'steady_hydrated_at', mz_sim.logical(b.steady_hydrated_at))) END AS state
    FROM mz_sim.clusters c LEFT JOIN mz_sim.bursts b ON b.cluster_id = c.id WHERE c.auto_scaling IS NOT NULL OR b.cluster_id IS NOT NULL;

CREATE VIEW mz_internal.mz_cluster_reconfigurations AS
    SELECT r.cluster_id, r.status, mz_sim.logical(r.deadline)::mz_timestamp AS deadline, r.on_timeout,
           jsonb_build_object('size', r.size, 'replication_factor', r.replication_factor, 'availability_zones', '[]'::jsonb,
                              'logging', mz_sim.target_logging(r), 'arrangement_compression', false) AS target,
           jsonb_strip_nulls(jsonb_build_object('size', CASE WHEN r.size IS DISTINCT FROM c.size THEN r.size END,
               'replication_factor', CASE WHEN r.replication_factor IS DISTINCT FROM c.replication_factor THEN r.replication_factor END)) AS changes
    FROM mz_sim.reconfigurations r JOIN mz_sim.clusters c ON c.id = r.cluster_id;

CREATE VIEW mz_internal.mz_cluster_workload_classes AS SELECT id, workload_class FROM mz_sim.clusters;

-- A cluster that was swapped away and dropped since belongs to the one that took its name.
CREATE VIEW mz_internal.mz_cluster_deployment_lineage AS
    WITH RECURSIVE taken AS (
        SELECT a.details->>'id' AS id, a.details->>'old_name' AS name, b.details->>'id' AS taker
        FROM mz_sim.audit a JOIN mz_sim.audit b ON b.occurred_at = a.occurred_at AND b.details->>'new_name' = a.details->>'old_name'
        WHERE a.event_type = 'alter' AND a.object_type = 'cluster' AND b.event_type = 'alter' AND b.object_type = 'cluster'
    ), lineage AS (
        SELECT id AS cluster_id, id AS current_deployment_cluster_id, name AS cluster_name FROM mz_sim.clusters WHERE id LIKE 'u%'
        UNION
        SELECT t.id, l.current_deployment_cluster_id, t.name FROM lineage l JOIN taken t ON t.taker = l.cluster_id AND t.name = l.cluster_name
        WHERE NOT EXISTS (SELECT FROM mz_sim.clusters c WHERE c.id = t.id)
    )
    SELECT * FROM lineage;

CREATE VIEW mz_internal.mz_source_statistics AS
    SELECT r.object_id AS id, r.replica_id, 0::uint8 AS messages_received, 0::uint8 AS bytes_received, 0::uint8 AS updates_staged,
           0::uint8 AS updates_committed, 0::uint8 AS records_indexed, 0::uint8 AS bytes_indexed,
           CASE WHEN r.hydrated THEN coalesce((SELECT h.hydrated_at - h.started_at FROM mz_sim.hydration_seen h
                                               WHERE h.object_id = r.object_id AND h.replica_id = r.replica_id), '0') END AS rehydration_latency,
           NULL::uint8 AS snapshot_records_known, NULL::uint8 AS snapshot_records_staged, r.hydrated AS snapshot_committed,
           NULL::uint8 AS offset_known, NULL::uint8 AS offset_committed
    FROM mz_sim.reports r JOIN mz_sim.objects o ON o.id = r.object_id WHERE o.type = 'source';

CREATE VIEW mz_internal.mz_pending_cluster_replicas AS SELECT id FROM mz_sim.replicas WHERE purpose = 'reconfiguration' AND NOT mz_sim.graceful();
CREATE VIEW mz_internal.mz_internal_cluster_replicas AS SELECT id FROM mz_sim.replicas WHERE internal;

CREATE VIEW mz_internal.mz_sessions AS
    SELECT id, connection_id::uint4 AS connection_id,
           (SELECT mz_sim.role_id(oid) FROM pg_catalog.pg_roles WHERE rolname = role) AS role_id, client_ip, connected_at
    FROM mz_sim.sessions
    WHERE connected_at <= (SELECT mz_sim.seen()) OR connection_id = pg_backend_pid(); -- only the session itself waits for its row

CREATE VIEW mz_internal.mz_subscriptions AS
    SELECT id, session_id, cluster_id, created_at, referenced_object_ids FROM mz_sim.subscriptions;

CREATE VIEW mz_internal.mz_comments AS SELECT id, object_type, object_sub_id, comment FROM mz_sim.comments;

CREATE VIEW mz_internal.mz_object_dependencies AS
    SELECT id AS object_id, on_id AS referenced_object_id FROM mz_sim.objects WHERE on_id IS NOT NULL
    UNION
    SELECT v.id, t.id FROM mz_sim.objects v
    JOIN pg_catalog.pg_rewrite w ON w.ev_class = v.oid
    JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.objid = w.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass
    JOIN mz_sim.objects t ON t.oid = d.refobjid AND t.oid <> v.oid;

-- The history is written late: of the beginning of a statement, and of its end.
CREATE VIEW mz_sim.logged AS
    SELECT seq, execution_id, prepared_statement_id, session_id, sample_rate, cluster_id, cluster_name, application_name, role, search_path,
           sql, redacted_sql, statement_type, prepared_name, began_at, finished_at, finished_status, error_message, rows_returned, execution_strategy
    FROM mz_sim.statements WHERE finished_at <= (SELECT mz_sim.seen())
    UNION ALL
    SELECT seq, execution_id, prepared_statement_id, session_id, sample_rate, cluster_id, cluster_name, application_name, role, search_path,
           sql, redacted_sql, statement_type, prepared_name, began_at, NULL, NULL, NULL, NULL, NULL
    FROM mz_sim.statements WHERE began_at <= (SELECT mz_sim.seen()) AND (finished_at IS NULL OR finished_at > (SELECT mz_sim.seen()));

CREATE VIEW mz_internal.mz_statement_execution_history AS
    SELECT execution_id AS id, prepared_statement_id, sample_rate, cluster_id, application_name, cluster_name,
           'materialize' AS database_name, ARRAY[search_path] AS search_path, 'strict serializable' AS transaction_isolation,
           (extract(epoch FROM began_at) * 1000)::int8::uint8 AS execution_timestamp, seq::uint8 AS transaction_id,
           NULL::text AS transient_index_id, '{}'::text[] AS params, (SELECT mz_version()) AS mz_version, began_at, finished_at, finished_status,
           error_message, NULL::int8 AS result_size, rows_returned, execution_strategy
    FROM mz_sim.logged;

CREATE VIEW mz_internal.mz_statement_execution_history_redacted AS
    SELECT id, prepared_statement_id, sample_rate, cluster_id, application_name, cluster_name, database_name, search_path,
           transaction_isolation, execution_timestamp, transaction_id, transient_index_id, mz_version, began_at, finished_at,
           finished_status, result_size, rows_returned, execution_strategy
    FROM mz_internal.mz_statement_execution_history;

CREATE VIEW mz_sim.activity AS
    SELECT s.execution_id, s.sample_rate, s.cluster_id, s.application_name, s.cluster_name, 'materialize' AS database_name,
           ARRAY[s.search_path] AS search_path, 'strict serializable' AS transaction_isolation,
           (extract(epoch FROM s.began_at) * 1000)::int8::uint8 AS execution_timestamp, NULL::text AS transient_index_id,
           '{}'::text[] AS params, (SELECT mz_version()) AS mz_version, s.began_at, s.finished_at, s.finished_status, s.error_message,
           NULL::int8 AS result_size, s.rows_returned, s.execution_strategy, s.seq::uint8 AS transaction_id, s.prepared_statement_id,
           sha256(convert_to(s.sql, 'UTF8')) AS sql_hash, coalesce(s.prepared_name, '') AS prepared_statement_name, s.session_id,
           s.began_at AS prepared_at, s.statement_type, 0::uint8 AS throttled_count, x.connected_at,
           s.application_name AS initial_application_name, s.role AS authenticated_user, s.sql, s.redacted_sql
    FROM mz_sim.logged s LEFT JOIN mz_sim.sessions x ON x.id = s.session_id
    WHERE s.began_at > now() - interval '24 hours';

CREATE VIEW mz_internal.mz_recent_activity_log AS
    SELECT execution_id, sample_rate, cluster_id, application_name, cluster_name, database_name, search_path, transaction_isolation,
           execution_timestamp, transient_index_id, params, mz_version, began_at, finished_at, finished_status, error_message, result_size,
           rows_returned, execution_strategy, transaction_id, prepared_statement_id, sql_hash, prepared_statement_name, session_id, prepared_at,
           statement_type, throttled_count, connected_at, initial_application_name, authenticated_user, sql
    FROM mz_sim.activity;

CREATE VIEW mz_internal.mz_recent_activity_log_redacted AS
    SELECT execution_id, sample_rate, cluster_id, application_name, cluster_name, database_name, search_path, transaction_isolation,
           execution_timestamp, transient_index_id, mz_version, began_at, finished_at, finished_status, result_size, rows_returned,
           execution_strategy, transaction_id, prepared_statement_id, sql_hash, prepared_statement_name, session_id, prepared_at,
           statement_type, throttled_count, initial_application_name, authenticated_user, redacted_sql
    FROM mz_sim.activity;

-- Per-replica logs. The stand-in runs peeks in no dataflow that could be listed: a statement in progress on the
-- session's cluster is what stands here.
CREATE VIEW mz_introspection.mz_active_peeks AS
    SELECT execution_id AS id, NULL::text AS object_id, 'fast-path' AS type, mz_now() AS time
    FROM mz_sim.statements
    WHERE finished_at IS NULL AND cluster_id = (SELECT id FROM mz_sim.clusters
        WHERE name = coalesce(nullif(current_setting('mz_sim.cluster', true), ''), 'quickstart'));

CREATE VIEW mz_introspection.mz_active_peeks_per_worker AS
    SELECT id, 0::uint8 AS worker_id, object_id, type, time FROM mz_introspection.mz_active_peeks;

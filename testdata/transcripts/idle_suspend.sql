-- A cluster that nobody uses is suspended by itself.
CREATE CLUSTER REPLICA "cluster-123".r1 SIZE 'small';
SELECT mz_sim.activity('cluster-123', now());
-- until SELECT count(*) = 1 FROM mz_internal.mz_recent_activity_log WHERE cluster_name = 'cluster-123' AND application_name = 'mz_sim'
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('cluster-123', 'idle_suspend', '{"idle_after_s": 1800}');
-- until SELECT count(*) = 1 FROM mz_cluster_replicas r JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' AND s.status = 'online' AND s.updated_at < now() - INTERVAL '2 seconds'
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";
SELECT mz_sim.advance('1 hour');
-- until SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed AND decision_ctx->>'op' = 'drop'

-- Another strategy wakes nothing by accident while the cluster is idle.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('cluster-123', 'target_size', '{"target_size": "medium"}');
SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123';
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";

-- Nor does a strategy for a cluster without one.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'idle_suspend', '{"idle_after_s": 60}');
SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'staging';

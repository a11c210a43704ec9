-- Burst + target size: the guide's scenario. The cluster has work to hydrate.
SET cluster = "cluster-123";
CREATE VIEW big_orders AS SELECT * FROM orders WHERE amount > 100;
CREATE DEFAULT INDEX ON big_orders;
SET cluster = quickstart;
SELECT mz_sim.set('hydration', '1 hour');
SELECT count(*) FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123';

-- If no replicas exist: the medium one is created, and a large one beside it.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('cluster-123', 'target_size', '{"target_size": "medium"}'),
  ('cluster-123', 'burst', '{"burst_replica_size": "large"}');
SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' ORDER BY r.name;
-- until SELECT count(*) = 2 FROM mz_cluster_replicas r JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' AND s.status = 'online' AND s.updated_at < now() - INTERVAL '2 seconds'
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";

-- When the medium replica is hydrated, the burst replica goes by itself.
SELECT mz_sim.hydrate('cluster-123', 'r_medium');
-- until SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed AND decision_ctx->>'op' = 'drop'
SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' ORDER BY r.name;

-- A strategy that is deleted is heard no more.
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'cluster-123' AND strategy_type = 'burst';

-- A new size: the old replica stays until the new one is hydrated.
UPDATE mz_cluster_strategies SET config = '{"target_size": "large"}' WHERE cluster_id = 'cluster-123' AND strategy_type = 'target_size';
SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' ORDER BY r.name;
-- until SELECT count(*) = 2 FROM mz_cluster_replicas r JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' AND s.status = 'online' AND s.updated_at < now() - INTERVAL '2 seconds'
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";
SELECT mz_sim.hydrate('cluster-123', 'r_large');
-- until SELECT count(*) = 2 FROM mz_cluster_strategy_actions WHERE executed AND decision_ctx->>'op' = 'drop'
SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' ORDER BY r.name;
SELECT executed, decision_ctx->>'op' AS op, decision_ctx->>'replica' AS replica, decision_ctx->'reasons'->>0 AS reason
  FROM mz_cluster_strategy_actions ORDER BY created_at, replica;

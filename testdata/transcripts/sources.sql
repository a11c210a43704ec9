-- A cluster that ingests from a PostgreSQL: the server runs such a source on one replica alone, and tells late of its hydration.
SELECT mz_sim.set('source_statistics', '1 hour');
CREATE SECRET pg_password AS 'x';
CREATE CONNECTION pg TO POSTGRES (HOST 'db', PORT 5432, USER 'postgres', PASSWORD SECRET pg_password, DATABASE 'postgres', SSL MODE disable);
CREATE SOURCE shop IN CLUSTER "cluster-123" FROM POSTGRES CONNECTION pg (PUBLICATION 'pub');
CREATE TABLE items FROM SOURCE shop (REFERENCE public.items);
CREATE INDEX items_by_id IN CLUSTER "cluster-123" ON items (id);

-- Coming back: what stays is created first, so that the source runs there, and the burst ends although the source still starts.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('cluster-123', 'target_size', '{"target_size": "small"}'),
  ('cluster-123', 'burst', '{"burst_replica_size": "large"}');
-- until SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed AND decision_ctx->>'op' = 'drop'
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";

-- A new size ends with one replica, too, and says that the source restarts.
SELECT mz_sim.set('hydration', '1 hour');
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'cluster-123' AND strategy_type = 'target_size';
PAUSE STRATEGIES FOR CLUSTER "cluster-123";
SELECT mz_sim.hydrate('cluster-123', 'r_medium');
-- until SELECT count(*) = 1 FROM mz_internal.mz_hydration_statuses h JOIN mz_cluster_replicas r ON r.id = h.replica_id JOIN mz_indexes i ON i.id = h.object_id JOIN mz_internal.mz_cluster_replica_statuses s ON s.replica_id = r.id WHERE r.name = 'r_medium' AND i.name = 'items_by_id' AND h.hydrated AND s.status = 'online' AND s.updated_at < now() - INTERVAL '2 seconds'
EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies WHERE cluster_id = 'cluster-123' AND strategy_type = 'pause';
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'cluster-123' AND strategy_type = 'pause';
SELECT r.name, r.size FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'cluster-123' ORDER BY r.name;

-- So does the suspension, where the row allows it.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('cluster-123', 'idle_suspend', '{"idle_after_s": 1800, "allow_stop_maintenance": true}');
SELECT mz_sim.advance('1 hour');
-- until SELECT count(*) = 3 FROM mz_cluster_strategy_actions WHERE executed AND decision_ctx->>'op' = 'drop'
SELECT decision_ctx->>'op' AS op, decision_ctx->>'replica' AS replica, decision_ctx->'reasons'->>0 AS reason
  FROM mz_cluster_strategy_actions WHERE executed ORDER BY created_at, replica DESC;

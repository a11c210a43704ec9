-- version v26.34.0
-- Before v26.35 a resize without downtime is a statement that waits; the proxy waits for it in the background.
CREATE CLUSTER m (SIZE = 'small');
CREATE TABLE t (a int);
CREATE INDEX i IN CLUSTER m ON t (a);
-- until SELECT count(*) = 1 FROM (SELECT * FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_cluster_replicas r ON r.id = s.replica_id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'm' AND s.status = 'online') x
-- Where it may not wait, it is not resized at all.
INSERT INTO mz_cluster_strategies VALUES ('m', 'target_size', '{"target_size": "medium"}');
SELECT mz_sim.set('enable_zero_downtime_cluster_reconfiguration', 'on');
-- until SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE executed
-- The server does not burst by itself.
INSERT INTO mz_cluster_strategies VALUES ('m', 'burst', '{"burst_replica_size": "large"}');
-- Another size while a resize is under way takes its place.
SELECT mz_sim.set('hydration', '1 hour');
UPDATE mz_cluster_strategies SET config = '{"target_size": "large"}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
EXPLAIN STRATEGY FOR CLUSTER m;
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
-- until SELECT count(*) = 0 FROM mz_cluster_strategy_actions WHERE executed IS NULL
-- A size that is not ready in time is given up.
UPDATE mz_cluster_strategies SET config = '{"target_size": "large", "resize_timeout_s": 3}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
-- until SELECT count(*) = 1 FROM mz_cluster_strategy_actions WHERE NOT executed AND error_message LIKE '%lapsed%'
SELECT mz_sim.set('hydration', '400 ms');
EXPLAIN STRATEGY FOR CLUSTER m;
SELECT action_sql, executed, error_message FROM mz_cluster_strategy_actions ORDER BY created_at;

-- Managed clusters: the server makes their replicas, the proxy says which size, how many, and which burst.
CREATE CLUSTER m (SIZE = 'small');
CREATE TABLE t (a int);
CREATE INDEX i IN CLUSTER m ON t (a);
-- until SELECT count(*) = 1 FROM (SELECT * FROM mz_internal.mz_cluster_replica_statuses s JOIN mz_cluster_replicas r ON r.id = s.replica_id JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'm' AND s.status = 'online') x
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('m', 'target_size', '{"target_size": "medium"}');
INSERT INTO mz_cluster_strategies VALUES ('m', 'target_size', '{"target_size": "medium"}');
-- until SELECT size = 'medium' FROM mz_clusters WHERE name = 'm'
SHOW CLUSTER REPLICAS WHERE cluster = 'm';
-- Another size while a resize is under way takes its place.
SELECT mz_sim.set('hydration', '1 hour');
UPDATE mz_cluster_strategies SET config = '{"target_size": "large"}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
SELECT mz_sim.set('hydration', '400 ms');
-- until SELECT count(*) = 0 FROM mz_internal.mz_cluster_reconfigurations WHERE status = 'in-progress'
-- A burst is the server's; the row says its size.
INSERT INTO mz_cluster_strategies VALUES ('m', 'burst', '{"burst_replica_size": "large"}');
SHOW CREATE CLUSTER m;
-- A pause holds everything.
PAUSE STRATEGIES FOR CLUSTER m;
UPDATE mz_cluster_strategies SET config = '{"target_size": "small"}' WHERE cluster_id = 'm' AND strategy_type = 'target_size';
RESUME STRATEGIES FOR CLUSTER m;
-- until SELECT size = 'small' FROM mz_clusters WHERE name = 'm'
-- The burst goes with its row.
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'm' AND strategy_type = 'burst';
SHOW CREATE CLUSTER m;
-- Suspended, it has a replication factor of 0; used again, it has the one from before.
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'm' AND strategy_type = 'target_size';
INSERT INTO mz_cluster_strategies VALUES ('m', 'idle_suspend', '{"idle_after_s": 1}');
-- until SELECT replication_factor = 0 AND (SELECT count(*) FROM mz_cluster_strategy_actions WHERE executed) = 7 FROM mz_clusters WHERE name = 'm'
SHOW STRATEGY STATUS FOR CLUSTER m;
SET cluster = m;
SET client_min_messages = error;
SELECT * FROM t;
RESET client_min_messages;
-- until SELECT replication_factor = 1 AND (SELECT count(*) FROM mz_cluster_strategy_actions WHERE executed) = 8 FROM mz_clusters WHERE name = 'm'
RESET cluster;
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'm';
SELECT action_sql, executed FROM mz_cluster_strategy_actions ORDER BY created_at;

-- Writes take effect when they are committed, and only then.
SELECT mz_sim.set('startup', '1 hour');
BEGIN;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}');
INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "small"}');
COMMIT;
BEGIN;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
ROLLBACK;
SELECT strategy_type FROM mz_cluster_strategies ORDER BY 1;

-- A refused statement fails the transaction, here and there.
BEGIN;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "larg"}');
SELECT 1;
SHOW STRATEGIES;
SHOW strategy.notices;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
COMMIT;
SELECT strategy_type FROM mz_cluster_strategies ORDER BY 1;
BEGIN;
SHOW STRATEGY NOTHING;
SELECT 1;
ROLLBACK;

-- Commands answer in a transaction, and leave it as it is.
BEGIN;
INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'target_size', '{"target_size": "medium"}');
SHOW STRATEGIES LIKE 'c%';
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";
COMMIT;
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";

-- Texts of several statements are one transaction, or several.
DELETE FROM mz_cluster_strategies;
DROP CLUSTER REPLICA prod.r_medium, staging.r_small, "cluster-123".r_medium;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}') \; INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "small"}');
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}') \; SELECT 1 / 0;
SELECT 'before' AS answer \; INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "larg"}') \; SELECT 'never' AS answer;
SELECT strategy_type FROM mz_cluster_strategies ORDER BY 1;
BEGIN \; INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'target_size', '{"target_size": "medium"}') \; COMMIT \; BEGIN \; INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
ROLLBACK;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}') \; COMMIT \; SELECT 1 / 0;
SHOW STRATEGY STATUS \; INSERT INTO mz_cluster_strategies VALUES ('staging', 'burst', '{"burst_replica_size": "large"}') \; SELECT 1 / 0;
SHOW STRATEGY STATUS LIKE 'staging' \; SHOW STRATEGY STATUS LIKE 'nothing';
SELECT cluster_id, strategy_type FROM mz_cluster_strategies ORDER BY 1, 2;

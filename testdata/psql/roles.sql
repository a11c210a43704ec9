-- Who may write a strategy: superusers, the cluster's owner, and members of the owning role.
SELECT mz_sim.set('startup', '1 hour');
CREATE ROLE alice;
CREATE ROLE team;
CREATE ROLE bob;
GRANT team TO bob;
GRANT SELECT, INSERT, UPDATE, DELETE ON mz_cluster_strategies TO alice, bob;
ALTER CLUSTER prod OWNER TO alice;
ALTER CLUSTER staging OWNER TO team;
-- until SELECT true
INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'idle_suspend', '{"idle_after_s": 3600}');
\c - alice
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}');
INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "medium"}');
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}'), ('staging', 'burst', '{"burst_replica_size": "large"}');
UPDATE mz_cluster_strategies SET config = '{"target_size": "small"}' WHERE cluster_id = 'prod' AND strategy_type = 'target_size';
UPDATE mz_cluster_strategies SET cluster_id = 'staging' WHERE cluster_id = 'prod';
UPDATE mz_cluster_strategies SET cluster_id = lower('U3') WHERE cluster_id = 'prod';
UPDATE mz_cluster_strategies SET config = '{"idle_after_s": 1}' WHERE strategy_type = 'idle_suspend';
DELETE FROM mz_cluster_strategies;
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'staging';
DELETE FROM mz_cluster_strategies WHERE cluster_id LIKE '%';
-- Where it cannot be told what is written, only a superuser may.
INSERT INTO mz_cluster_strategies SELECT lower('U2'), 'pause', '{}';
INSERT INTO mz_cluster_strategies SELECT * FROM mz_cluster_strategies;
WITH x AS (DELETE FROM mz_cluster_strategies RETURNING *) SELECT count(*) FROM x;
\copy mz_cluster_strategies FROM '/dev/null'
PREPARE p AS INSERT INTO mz_cluster_strategies VALUES ($1, 'pause', '{}');
EXECUTE p('prod');
EXECUTE p('staging');
EXECUTE p(lower('U3'));
-- Commands that change something, too; the others are for those who may read the table.
PAUSE STRATEGIES FOR CLUSTER staging;
PAUSE STRATEGIES;
APPLY STRATEGIES FOR CLUSTER staging;
RESET STRATEGY STATE FOR CLUSTER staging;
RESUME STRATEGIES FOR CLUSTER prod;
SHOW STRATEGIES;
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "medium"}');
EXPLAIN STRATEGY FOR CLUSTER staging;
\c - bob
INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "medium"}');
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'prod';
-- The proxy shows nobody what the server would not: bob may not read the audit table, carol none.
SHOW STRATEGY ACTIONS;
\c - materialize
CREATE ROLE carol;
GRANT SELECT ON mz_cluster_strategy_actions TO bob;
\c - bob
SELECT count(*) > 0 AS any FROM mz_cluster_strategy_actions;
SHOW STRATEGY ACTIONS;
\c - carol
SELECT count(*) FROM mz_cluster_strategies;
SHOW STRATEGIES;
SHOW STRATEGY STATUS;
VALIDATE STRATEGIES;
EXPLAIN STRATEGY;
EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies;
SHOW STRATEGY TYPES \gdesc

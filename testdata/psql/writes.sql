-- Every form of a write. Replicas stay offline, so that nothing moves.
SELECT mz_sim.set('startup', '1 hour');
\set rows 'SELECT c.name, s.strategy_type, s.config FROM mz_cluster_strategies s LEFT JOIN mz_clusters c ON c.id = s.cluster_id ORDER BY 1, 2, 3;'

-- INSERT
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}');
insert into public . "mz_cluster_strategies" /* where to */ (config, strategy_type, cluster_id)
  values ('{"burst_replica_size": "large"}'::jsonb, E'burst', $$staging$$), (jsonb '{"idle_after_s": 60}', E'idle\x5fsuspend', 'cluster-123') RETURNING strategy_type;
INSERT INTO materialize.public.mz_cluster_strategies (cluster_id, strategy_type, config) SELECT 'staging', 'idle_suspend', '{"idle_after_s": 60}';
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config)
  SELECT id, 'pause', config::jsonb FROM (VALUES ('staging', '{"reason": "test"}')) v (id, config);
:rows
SHOW CLUSTER REPLICAS;

-- A second row of a type: the newest counts.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "large"}');
EXPLAIN STRATEGY FOR CLUSTER prod;
SHOW STRATEGIES FOR CLUSTER prod;

-- UPDATE makes its row the newest.
UPDATE mz_cluster_strategies SET config = '{"target_size": "small"}' WHERE cluster_id = 'prod' AND strategy_type = 'target_size' AND config = '{"target_size": "medium"}';
UPDATE mz_cluster_strategies AS s SET (config) = ROW('{"target_size": "small", "replica_name": "base"}') WHERE s.cluster_id IN ('prod', 'staging') AND s.strategy_type = 'target_size';
UPDATE mz_cluster_strategies SET cluster_id = 'prod' WHERE cluster_id = 'staging' AND strategy_type = 'burst';
UPDATE mz_cluster_strategies SET config = config || '{"cooldown_s": 5}' WHERE cluster_id = 'prod';
:rows
UPDATE mz_cluster_strategies SET config = config || '{"target_size": "nowhere"}' WHERE cluster_id = 'prod' AND strategy_type = 'target_size';
VALIDATE STRATEGIES FOR CLUSTER prod;

-- DELETE
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'prod' AND strategy_type = 'target_size';
DELETE FROM mz_cluster_strategies WHERE cluster_id = ANY (ARRAY['staging', 'cluster-123']) OR cluster_id = 'nowhere';
:rows
DELETE FROM mz_cluster_strategies;

-- PREPARE and EXECUTE
PREPARE add AS INSERT INTO mz_cluster_strategies VALUES ($1, $2, $3);
EXECUTE add('staging', 'target_size', '{"target_size": "small"}');
EXECUTE add('staging', 'target_size', '{"target_size": "smal"}');
PREPARE drop_all AS DELETE FROM mz_cluster_strategies WHERE cluster_id = $1;
EXECUTE drop_all('staging');
DEALLOCATE add;
EXECUTE add('staging', 'target_size', '{"target_size": "small"}');
:rows

-- COPY is judged after the commit.
COPY mz_cluster_strategies (cluster_id, strategy_type, config) FROM STDIN;
u2	target_size	{"target_size": "medium"}
u2	burst	{"burst_replica_size": "hugest"}
u3	magic	{}
prod	idle_suspend	{"idle_after_s": 60}
u999	idle_suspend	{"idle_after_s": 60}
\.
SHOW STRATEGIES;
VALIDATE STRATEGIES;
UPDATE mz_cluster_strategies SET cluster_id = 'u2' WHERE cluster_id = 'prod';
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'u999';
:rows
\copy (SELECT cluster_id, strategy_type, config FROM mz_cluster_strategies WHERE strategy_type = 'target_size') TO '/dev/stdout'
TRUNCATE mz_cluster_strategies;
WITH x AS (SELECT 'prod' AS id) INSERT INTO mz_cluster_strategies SELECT id, 'target_size', '{"target_size": "medium"}' FROM x;
:rows

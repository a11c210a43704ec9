-- What a user can do wrong, and where it is wrong. Nothing of it is stored.
\set in 'INSERT INTO mz_cluster_strategies VALUES'
SELECT mz_sim.set('enable_cluster_schedule_refresh', 'on');
CREATE CLUSTER managed (SIZE '25cc', SCHEDULE = ON REFRESH);

-- The config is not JSON.
:in ('prod', 'target_size', '{"target_size": "medium"');
:in ('prod', 'target_size', '{"target_size": medium}');
:in ('prod', 'target_size', '{target_size: "medium"}');
:in ('prod', 'target_size', '{"target_size": "medium"} and more');
:in ('prod', 'target_size', '');

-- The config is JSON, and wrong: the caret is under the key or the value, through every way to write a literal.
:in ('prod', 'target_size', '[]');
:in ('prod', 'target_size', '{}');
:in ('prod', 'target_size', '{"targetsize": "medium"}');
:in ('prod', 'target_size', '{"target_size": "medium", "replica_name": 1}');
:in ('prod', 'target_size', '{"target_size": "medium", "cooldown_s": -1}');
:in ('prod', 'target_size', '{"target_size": "medium", "cooldown_s": null}');
:in ('prod', 'burst', '{"burst_replica_size": 400}');
:in ('prod', 'idle_suspend', '{"idle_after_s": "1h"}');
:in ('prod', 'idle_suspend', '{"idle_after_s": 0}');
:in ('prod', 'pause', '{"until": "tomorrow"}');
:in ('prod', 'target_size', '{"replica_name": "it''s größer", "target_size": "mediun"}');
:in ('prod', 'target_size', E'{"replica_name": "\u00e4\t\'", "target_size": "mediun"}');
:in ('prod', 'target_size', $j${"target_size": "mediun"}$j$);
:in ('prod', 'target_size', U&'{\0022target_size\0022: "mediun"}');
:in ('prod', 'target_size', '{"target_size": '
  '"mediun"}');
:in ('prod', 'target_size', '
{
  "target_size": "mediun"
}'::jsonb);
:in ('prod', 'target_size', '{"target_size": "medium"}'), ('prod', 'target_size', '{"target_size": "mediun"}');

-- What is named does not exist.
:in ('prd', 'target_size', '{"target_size": "medium"}');
:in ('Prod', 'target_size', '{"target_size": "medium"}');
:in ('something else', 'target_size', '{"target_size": "medium"}');
:in ('u999', 'target_size', '{"target_size": "medium"}');
:in ('prod', 'target-size', '{"target_size": "medium"}');
:in ('prod', 'magic', '{}');
:in ('prod', 'target_size', '{"target_size": "128cc"}');

-- The cluster is not one for strategies.
:in ('managed', 'target_size', '{"target_size": "medium"}');
:in ('quickstart', 'idle_suspend', '{"idle_after_s": 60}');
:in ('mz_catalog_server', 'idle_suspend', '{"idle_after_s": 60}');
PAUSE STRATEGIES FOR CLUSTER managed;
PAUSE STRATEGIES FOR CLUSTER quickstart;

-- More replicas than the server allows: five a cluster.
SELECT mz_sim.set('startup', '1 hour');
CREATE CLUSTER crowded REPLICAS (a (SIZE 'small'), b (SIZE 'small'), c (SIZE 'small'), d (SIZE 'small'), e (SIZE 'small'));
:in ('crowded', 'idle_suspend', '{"idle_after_s": 60}'), ('crowded', 'target_size', '{"target_size": "medium"}');
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('crowded', 'burst', '{"burst_replica_size": "large"}');
:in ('crowded', 'target_size', '{"target_size": "small"}');
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'crowded' AND strategy_type = 'target_size';
DELETE FROM mz_cluster_strategies;

-- UPDATE and DELETE
:in ('staging', 'target_size', '{"target_size": "small"}'), ('staging', 'idle_suspend', '{"idle_after_s": 60}');
UPDATE mz_cluster_strategies SET config = '{"target_size": "smal"}' WHERE cluster_id = 'staging' AND strategy_type = 'target_size';
UPDATE mz_cluster_strategies SET config = '{"target_size": "small"}' WHERE cluster_id = 'staging' AND strategy_type = 'idle_suspend';
UPDATE mz_cluster_strategies SET strategy_type = 'burst' WHERE cluster_id = 'staging' AND strategy_type = 'target_size';
UPDATE mz_cluster_strategies SET strategy_type = 'bust' WHERE cluster_id = 'staging';
UPDATE mz_cluster_strategies SET cluster_id = 'managed';
UPDATE mz_cluster_strategies SET config = 'no' WHERE length(cluster_id) > 1;

-- The server's own errors keep their words and places, also where the text was changed on its way.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, confg) VALUES ('staging', 'target_size', '{"target_size": "small"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type) VALUES ('staging', 'target_size');
:in ('staging', 'target_size', '{"target_size": "small"}', 'yesterday or so');
UPDATE mz_cluster_strategies SET config = '{"target_size": "small"}', colour = 'red' WHERE cluster_id = 'staging' AND strategy_type = 'target_size';
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'staging' AND colour = 'red';
INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size' '{}');

-- What-if is refused for the same reasons, the server's included.
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "mediun"}');
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, confg) VALUES ('prod', 'target_size', '{"target_size": "medium"}');
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies (cluster_id, strategy_type) VALUES ('prod', 'target_size');
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', $1);
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}', now(), 1);
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies SELECT * FROM t;
EXPLAIN STRATEGY UPDATE mz_cluster_strategies SET config = config || '{}';
EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies WHERE config IS NULL;
EXPLAIN STRATEGY INSERT INTO orders VALUES (1);
EXPLAIN STRATEGY INSERT INTO mz_cluster_strategies VALUES ('prod',);

-- Commands that are not well formed, or name what does not exist
EXPLAIN STRATEGY FOR;
EXPLAIN STRATEGY (FORMAT XML) CLUSTER prod;
EXPLAIN STRATEGY FOR CLUSTER prd;
SHOW STRATEGY;
SHOW STRATEGY STATS;
-- Nearly a command.
SHOW STRATEGYS;
SHOW STRATGIES;
EXPLAIN STRATEGIES;
EXPLAIN STRATEGY prod;
SHOW STRATEGIES prod;
EXPLAIN STRATGEY FOR CLUSTER prod;
APPLY STRATGIES;
-- No guess where nothing is near, and what an editor of prose makes of quotation marks.
INSERT INTO mz_cluster_strategies VALUES ('', 'burst', '{}');
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{“target_size”: “small”}');
SHOW STRATEGIES FOR CLUSTER prd;
SHOW STRATEGIES LIKE 'a\';
SHOW STRATEGY ACTIONS LIMIT many;
SHOW STRATEGY ACTIONS FOR CLUSTER prd;
PAUSE STRATEGIES FOR 'a while';
PAUSE STRATEGIES UNTIL 'tomorrow';
PAUSE STRATEGIES UNTIL '2020-01-01';
APPLY STRATEGIES NOW;
SELECT 'größer'; SHOW STRATEGIES FOR CLUSTER prd;
SELECT 'größer' \; SHOW STRATEGIES FOR CLUSTER prd;
SELECT 1 \; SHOW STRATEGY FOO \; SELECT 2;
SET strategy.notices = loud;
SET strategy.notice = off;
SELECT cluster_id, strategy_type FROM mz_cluster_strategies ORDER BY 1, 2;

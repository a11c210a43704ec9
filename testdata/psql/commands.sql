-- Every command, with and without strategies. Replicas stay offline, so that nothing moves.
SELECT mz_sim.set('startup', '1 hour');
SHOW STRATEGY HELP;
SHOW STRATEGY TYPES;
SHOW STRATEGIES;
SHOW STRATEGY STATUS;
SHOW STRATEGY ACTIONS;
EXPLAIN STRATEGY;
EXPLAIN STRATEGY FOR CLUSTER prod;
APPLY STRATEGIES;
VALIDATE STRATEGIES;
PAUSE STRATEGIES;
RESUME STRATEGIES;
RESET STRATEGY STATE;

INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES
  ('prod', 'target_size', '{"target_size": "medium"}'),
  ('prod', 'burst', '{"burst_replica_size": "large", "cooldown_s": 60}'),
  ('staging', 'idle_suspend', '{"idle_after_s": 7200}');
EXPLAIN STRATEGY;
explain scaling strategy for all clusters like 'st%';
EXPLAIN STRATEGY (VERBOSE) FOR CLUSTER staging;
EXPLAIN (VERBOSE off, FORMAT TEXT) STRATEGY CLUSTER 'cluster-123';
SHOW STRATEGIES;
SHOW STRATEGIES VERBOSE FOR CLUSTER prod LIKE 'p%';
SHOW STRATEGIES FOR CLUSTER prod LIKE 's%';
SHOW SCALING STRATEGIES LIKE 's_aging';
SHOW STRATEGY STATUS;
SHOW STRATEGY STATUS VERBOSE FOR CLUSTER staging;
SELECT 1 AS one \; SHOW STRATEGY STATUS LIKE 'p%' \; SELECT 2 AS two;
SHOW STRATEGY ACTIONS LIMIT 1;
SHOW STRATEGY ACTIONS VERBOSE LIMIT 1;
SHOW STRATEGY ACTIONS FOR CLUSTER staging;
SHOW STRATEGY ACTIONS FOR CLUSTER u999;
VALIDATE STRATEGIES FOR CLUSTER prod;
APPLY STRATEGIES FOR CLUSTER prod;

-- A pause holds everything back until it is over or ended.
PAUSE STRATEGIES FOR CLUSTER staging FOR '1 hour' WITH REASON 'migration';
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('staging', 'target_size', '{"target_size": "small"}');
EXPLAIN STRATEGY FOR CLUSTER staging;
SHOW STRATEGY STATUS FOR CLUSTER staging;
SHOW STRATEGIES FOR CLUSTER staging;
APPLY STRATEGIES FOR CLUSTER staging;
RESUME STRATEGIES FOR CLUSTER staging;
RESUME STRATEGIES FOR CLUSTER staging;
PAUSE STRATEGIES UNTIL '2100-01-01';
SHOW STRATEGIES LIKE 'prod';
DELETE FROM mz_cluster_strategies WHERE strategy_type = 'pause';

-- What cannot be done because of a cooldown is done when it is forgotten.
DROP CLUSTER REPLICA prod.prod_burst;
APPLY STRATEGIES FOR CLUSTER prod;
EXPLAIN STRATEGY FOR CLUSTER prod;
RESET STRATEGY STATE FOR CLUSTER prod;

-- Results are rows like others.
SHOW STRATEGY STATUS VERBOSE FOR CLUSTER prod \gset prod_
\echo :prod_cluster has :prod_replicas replicas, :prod_ready of them ready
SHOW STRATEGIES VERBOSE \gdesc
SHOW STRATEGY STATUS \gdesc
SHOW STRATEGY STATUS VERBOSE \gdesc
SHOW STRATEGY ACTIONS VERBOSE \gdesc
SHOW STRATEGY TYPES \gdesc
EXPLAIN STRATEGY \gdesc
EXPLAIN STRATEGY (FORMAT JSON) \gdesc
APPLY STRATEGIES \gdesc
VALIDATE STRATEGIES \gdesc
PAUSE STRATEGIES \gdesc
\pset format unaligned
\pset tuples_only
EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER staging;
\pset tuples_only
\pset format aligned
\d mz_cluster_strategies

-- Who wins over whom, and what would change without the winner
\pset format aligned
INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'target_size', '{"target_size": "medium"}', now()), ('cluster-123', 'burst', '{"burst_replica_size": "large"}', now()),
  ('cluster-123', 'idle_suspend', '{"idle_after_s": 60}', '2020-01-01');
SET strategy.notices = off;
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";
EXPLAIN STRATEGY DELETE FROM mz_cluster_strategies WHERE cluster_id = 'cluster-123' AND strategy_type = 'idle_suspend';
EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER "cluster-123" \gset
SELECT c->>'winner' AS winner, c->>'loser' AS loser, c->>'mode' AS mode, c->>'replica' AS replica FROM jsonb_array_elements(:'plan'::jsonb -> 'conflicts') c;
EXPLAIN STRATEGY FOR ALL CLUSTERS LIKE 'nothing%';
RESET strategy.notices;

-- A pause is a row, whoever writes it.
INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'pause', '{"until": "2100-01-01T00:00:00Z", "reason": "by hand", "by": "me"}');
EXPLAIN STRATEGY FOR CLUSTER "cluster-123";
SHOW STRATEGY STATUS FOR CLUSTER "cluster-123";
PAUSE STRATEGIES FOR CLUSTER "cluster-123" UNTIL '2099-01-01 12:00+02' WITH REASON 'it''s mine now';
SELECT config FROM mz_cluster_strategies WHERE strategy_type = 'pause';
RESUME STRATEGIES;

-- strategy.notices is a setting like others.
SELECT mz_sim.set('startup', '1 hour');
SHOW strategy.notices;
SET strategy.notices = off;
SHOW strategy.notices;
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}');
RESET strategy.notices;
SHOW strategy.notices;
SET strategy.notices TO 'ALL';
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
RESET ALL;
SHOW strategy.notices;
SET SESSION strategy.notices = all;
DISCARD ALL;
SHOW strategy.notices;

-- In transactions
BEGIN;
SET strategy.notices = off;
SHOW strategy.notices;
ROLLBACK;
SHOW strategy.notices;
BEGIN;
SET LOCAL strategy.notices = off;
SHOW strategy.notices;
COMMIT;
SHOW strategy.notices;
SET LOCAL strategy.notices = off;
SHOW strategy.notices;
BEGIN;
SET LOCAL strategy.notices = off;
INSERT INTO mz_cluster_strategies VALUES ('staging', 'target_size', '{"target_size": "medium"}');
COMMIT;
BEGIN \; SET strategy.notices = all \; ROLLBACK;
SHOW strategy.notices;
SET strategy.notices = all \; SELECT 1 / 0;
SHOW strategy.notices;
BEGIN \; SET LOCAL strategy.notices = off \; SHOW strategy.notices \; COMMIT \; SHOW strategy.notices;
SHOW strategy.notices;
BEGIN;
SELECT 1 / 0;
SHOW strategy.notices;
SET strategy.notices = off;
ROLLBACK;
SHOW strategy.notices;

-- client_min_messages counts, too.
SET client_min_messages = warning;
INSERT INTO mz_cluster_strategies VALUES ('cluster-123', 'target_size', '{"target_size": "medium"}');
UPDATE mz_cluster_strategies SET config = '{"target_size": 1}'::jsonb || '{}' WHERE cluster_id = 'cluster-123';
BEGIN;
SET LOCAL client_min_messages = error;
UPDATE mz_cluster_strategies SET config = '{"target_size": 2}'::jsonb || '{}' WHERE cluster_id = 'cluster-123';
COMMIT;
SET client_min_messages TO error;
UPDATE mz_cluster_strategies SET config = '{"target_size": 3}'::jsonb || '{}' WHERE cluster_id = 'cluster-123';
RESET client_min_messages;
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'cluster-123';

-- At the start of a session
\c -reuse-previous=on "options='-c strategy.notices=off -c client_min_messages=notice'"
SHOW strategy.notices;
SET strategy.notices = all;
RESET strategy.notices;
SHOW strategy.notices;
\c -reuse-previous=on "options='--strategy.notices=loud'"
SHOW strategy.notices;
\c -reuse-previous=on "options='-cclient_min_messages=warning'"
INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{"burst_replica_size": "large"}');
\c -reuse-previous=on "options=''"

CREATE CLUSTER a REPLICAS ();
INSERT INTO mz_cluster_strategies VALUES ('a', 'target_size', '{"target_size": "small"}');

-- DDL that fails: the strategy stays, and it is tried again.
SELECT mz_sim.refuse('DROP CLUSTER REPLICA', 'the wind is against it', '53000', 1);
SELECT mz_sim.refuse('CREATE CLUSTER REPLICA', 'the wind is against it', '53000', 1);
UPDATE mz_cluster_strategies SET config = '{"target_size": "medium"}' WHERE cluster_id = 'a' AND strategy_type = 'target_size';
SHOW STRATEGY ACTIONS FOR CLUSTER a LIMIT 1;
-- until SELECT count(*) = 1 FROM mz_cluster_replicas r JOIN mz_clusters c ON c.id = r.cluster_id WHERE c.name = 'a' AND r.name = 'r_medium'

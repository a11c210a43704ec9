-- Names of clusters with everything in them.
SELECT mz_sim.set('startup', '1 hour');
CREATE CLUSTER "it's ""big"" größer" REPLICAS ();
CREATE CLUSTER u999 REPLICAS ();
INSERT INTO mz_cluster_strategies VALUES ('it''s "big" größer', 'target_size', '{"target_size": "small", "replica_name": "a \"b\" c''d"}');
INSERT INTO mz_cluster_strategies VALUES (U&'it''s "big" gr\00f6\00dfer', 'burst', '{"burst_replica_size": "large"}');
INSERT INTO mz_cluster_strategies VALUES ('u999', 'target_size', '{"target_size": "small"}');
EXPLAIN STRATEGY FOR CLUSTER "it's ""big"" größer";
EXPLAIN STRATEGY FOR CLUSTER U&"it's ""big"" gr\00f6\00dfer";
SHOW STRATEGIES;
SHOW STRATEGY ACTIONS FOR CLUSTER 'it''s "big" größer' LIMIT 1;
SHOW STRATEGY STATUS LIKE 'it''s "big" gr_%';
DELETE FROM mz_cluster_strategies WHERE cluster_id = 'it''s "big" größer';
SELECT count(*) FROM mz_cluster_strategies;

-- The same name of a table elsewhere is not ours, whatever is written to it.
CREATE SCHEMA other;
CREATE TABLE other.mz_cluster_strategies (cluster_id text, note text);
INSERT INTO other.mz_cluster_strategies VALUES ('prod', 'stays as it is');
SELECT * FROM other.mz_cluster_strategies;
SET search_path = other;
INSERT INTO mz_cluster_strategies VALUES ('staging', 'neither');
INSERT INTO public.mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "mediun"}');
SELECT * FROM mz_cluster_strategies ORDER BY 1;

-- What a text sets counts for what stands behind it in the same text.
SET search_path = public;
SET search_path = other \; INSERT INTO mz_cluster_strategies VALUES ('prod', 'nor this one');
SET search_path = public \; INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "mediun"}');
SET search_path = public;
BEGIN \; SET LOCAL search_path = other \; INSERT INTO mz_cluster_strategies VALUES ('dev', 'nor that') \; COMMIT \; INSERT INTO mz_cluster_strategies VALUES ('prd', 'target_size', '{}');
SELECT * FROM other.mz_cluster_strategies ORDER BY 1, 2;
RESET search_path \; INSERT INTO mz_cluster_strategies VALUES ('u2', 'idle_suspend', '{"idle_after_s": "1h"}');
SHOW STRATEGIES;

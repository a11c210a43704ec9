-- A wrong row is refused before it is stored, and says what is wrong.
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "medium"');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_sise', '{"target_size": "medium"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"target_size": "mediun"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'target_size', '{"targetsize": "medium"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prod', 'idle_suspend', '{"idle_after_s": "1h"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('prd', 'target_size', '{"target_size": "medium"}');
CREATE CLUSTER managed SIZE '25cc';
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('managed', 'target_size', '{"target_size": "medium", "replica_name": "main"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('managed', 'shrink_to_fit', '{"max_replica_size": "medium"}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('quickstart', 'idle_suspend', '{"idle_after_s": 60}');
INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES ('mz_catalog_server', 'idle_suspend', '{"idle_after_s": 60}');
SELECT count(*) FROM mz_cluster_strategies;

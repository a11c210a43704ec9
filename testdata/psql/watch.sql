-- Watching is a statement like others, until Ctrl-C.
SELECT mz_sim.set('startup', '1 hour');
INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "medium"}');
\t
-- interrupt after 2: prod
SELECT 'watched' \; SHOW STRATEGY STATUS \watch 1

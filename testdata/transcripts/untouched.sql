-- What is not ours is the server's, to the byte.
\d mz_cluster_strategies
\d orders
SELECT 1/0;
SELECT id, nope FROM orders;
SELECT 1 AS a \gdesc
SELECT count(*) AS n FROM orders \gset
\echo :n
\copy (SELECT customer, amount FROM orders ORDER BY id) TO STDOUT
\copy orders (id, customer, amount) FROM STDIN
7	Niklaus	12.00
8	Tony	8.50
\.
COPY (SELECT count(*) FROM orders) TO STDOUT;
SELECT 'a' AS one \; SELECT 'b' AS two;
PREPARE big AS SELECT customer FROM orders WHERE amount > $1 ORDER BY id;
EXECUTE big (100);
DEALLOCATE big;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM orders ORDER BY id;
FETCH 2 FROM c;
FETCH 2 FROM c;
COMMIT;
BEGIN;
SELECT nope;
SELECT 1;
ROLLBACK;
SELECT 'mz_cluster_strategies' AS word, $$EXPLAIN STRATEGY$$ AS another;
SELECT count(*) FROM mz_cluster_strategies;
SHOW cluster;

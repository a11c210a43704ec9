package mzsim_test

// showChecks are about SHOW of a variable: it changes nothing, whatever the transaction is.
var showChecks = []check{
	{name: "SHOW in a new transaction", steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"SHOW cluster", "quickstart [SELECT 1]"},
		{"INSERT INTO t VALUES (1)", "[INSERT 0 1]"},
		{"SHOW application_name", " [SELECT 1]"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"BEGIN; SHOW cluster", "[BEGIN] quickstart [SELECT 1]"},
		{"SELECT * FROM t LIMIT 0", "[SELECT 0]"},
		{"SHOW standard_conforming_strings", "on [SELECT 1]"},
		{"SELECT * FROM t LIMIT 0", "[SELECT 0]"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"BEGIN; SHOW cluster", "[BEGIN] quickstart [SELECT 1]"},
		{"CREATE TABLE u (a int)", "[CREATE TABLE]"},
		{"ROLLBACK", "[ROLLBACK]"},
		{"BEGIN; SHOW cluster; SET cluster = x", `[BEGIN] quickstart [SELECT 1] [SET] (NOTICE MZ007 cluster "x" does not exist)`},
		{"ROLLBACK", "[ROLLBACK]"},
	}},
	{name: "SHOW after DDL", setup: []string{emptyC}, steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"CREATE CLUSTER REPLICA c.r1 (SIZE '25cc')", "[CREATE CLUSTER REPLICA]"},
		{"SHOW cluster", "quickstart [SELECT 1]"},
		{"COMMIT", "[COMMIT]"},
	}},
	{name: "SHOW in a failed transaction", steps: []step{
		{"BEGIN", "[BEGIN]"},
		{"SELECT 1/0", "22012 division by zero"},
		{"SHOW cluster", "25P02 current transaction is aborted, commands ignored until end of transaction block"},
		{"ROLLBACK", "[ROLLBACK]"},
	}},
	{name: "SHOW in a text of several statements", steps: []step{
		{"SHOW cluster; SELECT a FROM t", "quickstart [SELECT 1] 1 [SELECT 1]"},
		{"SHOW cluster; CREATE TABLE at6 (a int)", "quickstart [SELECT 1] 25001 CREATE TABLE at6 (a int4) cannot be run inside a transaction block"},
	}},
}

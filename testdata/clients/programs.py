"""The same program with psycopg, psycopg2 and asyncpg: programs.py HOST PORT. With STRATEGIES=1 strategies are written, too."""
import asyncio
import json
import os
import sys
import threading

import asyncpg
import psycopg
import psycopg2

HOST, PORT = sys.argv[1], int(sys.argv[2])
WHERE = dict(host=HOST, port=PORT, user="materialize")
STRATEGIES = os.environ.get("STRATEGIES") == "1"
LONG = "SELECT count(*) FROM generate_series(1, 1000000000)"
INSERT = "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES "
CONFIG, WRONG = json.dumps({"target_size": "50cc"}), json.dumps({"target_size": "nothing"})


def check(name, got, want):
    print(f"ok - {name}" if got == want else f"not ok - {name}: got {got!r}, want {want!r}", flush=True)


def code(error):
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None) or repr(error)


def failing(f, *args):
    try:
        f(*args)
    except Exception as error:
        return code(error)
    return "none"


def synchronous(name, connect, cancel):
    c = connect()
    c.autocommit = True
    cur = c.cursor()
    cur.execute(f"CREATE TABLE t_{name} (a int, b text)")
    cur.executemany(f"INSERT INTO t_{name} VALUES (%s, %s)", [(1, "one"), (2, None)])
    cur.execute(f"SELECT a, b FROM t_{name} WHERE a > %s ORDER BY a", (0,))
    check(f"{name}: rows", cur.fetchall(), [(1, "one"), (2, None)])
    cur.execute("SELECT 1; SELECT 2")
    check(f"{name}: two statements a text", cur.rowcount, 1)
    check(f"{name}: an error", failing(cur.execute, "SELECT 1/0"), "22012")
    c.autocommit = False
    cur.execute(f"INSERT INTO t_{name} VALUES (3, 'undone')")
    check(f"{name}: an error in a transaction", failing(cur.execute, "SELECT 1/0"), "22012")
    c.rollback()
    cur.execute(f"SELECT count(*) FROM t_{name}")
    check(f"{name}: rolled back", cur.fetchone()[0], 2)
    c.rollback()
    timer = threading.Timer(1, cancel, (c,))
    timer.start()
    check(f"{name}: cancel", failing(cur.execute, LONG), "57014")
    timer.join()
    c.rollback()
    c.autocommit = True
    cur.execute(f"DROP TABLE t_{name}")
    if STRATEGIES:
        with_strategies(name, cur)
    c.close()
    many = [connect() for _ in range(50)]
    total = 0
    for one in many:
        cur = one.cursor()
        cur.execute("SELECT 1")
        total += cur.fetchone()[0]
        one.close()
    check(f"{name}: fifty connections", total, 50)


def with_strategies(name, cur):
    row = ("prod", "target_size", CONFIG)
    cur.execute("EXPLAIN STRATEGY " + INSERT + "(%s, %s, %s)", row)
    check(f"with strategies, {name}: what-if", "50cc" in str(cur.fetchall()), True)
    check(f"with strategies, {name}: refused among many", failing(cur.executemany, INSERT + "(%s, %s, %s)", [row[:2] + (WRONG,)]), "42704")
    cur.execute(INSERT + "(%s, %s, %s)", row)
    cur.execute("SELECT strategy_type FROM mz_cluster_strategies WHERE cluster_id = %s", ("prod",))
    check(f"with strategies, {name}: found by name", cur.fetchall(), [("target_size",)])
    cur.execute("DELETE FROM mz_cluster_strategies WHERE cluster_id = %s", ("prod",))
    check(f"with strategies, {name}: deleted by name", cur.rowcount, 1)


async def fails(awaitable):
    try:
        await awaitable
    except Exception as error:
        return code(error)
    return "none"


async def asynchronous():
    c = await asyncpg.connect(**WHERE)
    await c.execute("CREATE TABLE t_asyncpg (a int, b text)")
    await c.executemany("INSERT INTO t_asyncpg VALUES ($1, $2)", [(1, "one"), (2, None)])
    check("asyncpg: rows", [tuple(r) for r in await c.fetch("SELECT a, b FROM t_asyncpg WHERE a > $1 ORDER BY a", 0)], [(1, "one"), (2, None)])
    check("asyncpg: two statements a text", await c.execute("SELECT 1; SELECT 2"), "SELECT 1")
    check("asyncpg: an error", await fails(c.fetch("SELECT $1::int / 0", 1)), "22012")
    check("asyncpg: cancel", await fails(c.execute(LONG, timeout=1)), repr(TimeoutError()))
    check("asyncpg: after the cancel", await c.fetchval("SELECT 1"), 1)
    await c.execute("DROP TABLE t_asyncpg")
    if STRATEGIES:
        row = ("prod", "target_size", CONFIG)
        plan = await c.fetch("EXPLAIN STRATEGY " + INSERT + "($1, $2, $3)", *row)
        check("with strategies, asyncpg: what-if", "50cc" in str(plan), True)
        check("with strategies, asyncpg: refused in a batch", await fails(c.executemany(INSERT + "($1, $2, $3)", [row, row[:2] + (WRONG,)])), "42704")
        await c.execute(INSERT + "($1, $2, $3)", *row)
        check("with strategies, asyncpg: found by name", await c.fetchval("SELECT count(*) FROM mz_cluster_strategies WHERE cluster_id = $1", "prod"), 1)
        check("with strategies, asyncpg: deleted by name", await c.execute("DELETE FROM mz_cluster_strategies WHERE cluster_id = $1", "prod"), "DELETE 1")
    await c.close()
    many = await asyncio.gather(*(asyncpg.connect(**WHERE) for _ in range(50)))  # its pool resets sessions as Materialize cannot
    check("asyncpg: fifty connections", sum(await asyncio.gather(*(one.fetchval("SELECT $1::int", 1) for one in many))), 50)
    for one in many:
        await one.close()


synchronous("psycopg", lambda: psycopg.connect(dbname="materialize", **WHERE), lambda c: c.cancel())
synchronous("psycopg2", lambda: psycopg2.connect(dbname="materialize", **WHERE), lambda c: c.cancel())
WHERE["database"] = "materialize"
asyncio.run(asynchronous())

"""The SQL surface through psycopg 3, in front of a demo whose replicas stay offline: one line `ok - name` a check."""

import sys
import traceback

import psycopg
from psycopg.types.json import Jsonb

CHECKS = []

INSERT = "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES (%s, %s, %s)"


def check(f):
    CHECKS.append(f)
    return f


class Session:
    """A connection with what it is told, which begins with an empty table."""

    def __init__(self, **kw):
        self.connection = psycopg.connect(connect_timeout=10, autocommit=True, **kw)
        self.told = []
        self.connection.add_notice_handler(lambda n: self.told.append(n.message_primary))

    def __enter__(self):
        c = self.connection
        c.execute("DELETE FROM mz_cluster_strategies")
        c.execute("SET strategy.notices = changes")
        for cluster, replica in c.execute("SELECT cluster, replica FROM (SHOW CLUSTER REPLICAS) r WHERE cluster IN ('prod', 'staging')").fetchall():
            c.execute(f'DROP CLUSTER REPLICA "{cluster}"."{replica}"')
        self.told.clear()
        return self

    def __exit__(self, *_):
        self.connection.close()

    def stored(self):
        return self.connection.execute("SELECT strategy_type, config FROM mz_cluster_strategies ORDER BY 1").fetchall()


def refused(f, sqlstate, message):
    try:
        f()
    except psycopg.Error as e:
        assert e.sqlstate == sqlstate and message in str(e), e
        return e
    raise AssertionError("not refused")


@check
def parameters_in_text():
    with Session() as s:
        s.connection.execute(INSERT, ("prod", "target_size", '{"target_size": "small"}'))
        assert s.told == ['created cluster replica "prod"."r_small" (small)'], s.told
        assert s.stored() == [("target_size", {"target_size": "small"})], s.stored()


@check
def parameters_in_binary():
    with Session() as s:
        s.connection.cursor(binary=True).execute(INSERT.replace("%s", "%b"), ("prod", "target_size", Jsonb({"target_size": "small"})))
        assert len(s.told) == 1, s.told
        e = refused(lambda: s.connection.execute(INSERT.replace("%s", "%b"), ("prod", "burst", Jsonb({"burst_replica_size": "larg"}))), "42704",
                    'unknown replica size "larg" (parameter $3, at $.burst_replica_size)')
        assert e.diag.message_hint == 'Perhaps you meant "large".', e.diag.message_hint


@check
def literals_on_the_client():
    with Session() as s:
        cur = psycopg.ClientCursor(s.connection)
        cur.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": "small"})))
        assert len(s.told) == 1, s.told
        e = refused(lambda: cur.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": "smal"}))), "42704", "unknown replica size")
        assert int(e.diag.statement_position) > 100, e.diag.statement_position


@check
def prepared_and_executed_often():
    with Session() as s:
        for size in ("small", "medium", "large", "small", "medium", "large", "small"):
            s.connection.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": size})), prepare=True)
        assert len(s.stored()) == 7
        assert len([m for m in s.told if m.startswith("created")]) == 3, s.told


@check
def executemany_in_a_pipeline():
    with Session() as s:
        s.connection.cursor().executemany(INSERT, [("prod", "target_size", Jsonb({"target_size": "small"})), ("staging", "target_size", Jsonb({"target_size": "small"}))])
        assert len(s.told) == 2, s.told
        with s.connection.pipeline():
            before = s.connection.execute("SELECT 1")
            shown = s.connection.execute("SHOW STRATEGIES")
            after = s.connection.execute("SELECT 2")
        assert (before.fetchone(), len(shown.fetchall()), after.fetchone()) == ((1,), 2, (2,))


@check
def transactions():
    with Session() as s:
        with s.connection.transaction():
            s.connection.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": "small"})))
            assert s.told == [], s.told
        assert len(s.told) == 1, s.told

        def fails():
            with s.connection.transaction():
                s.connection.execute(INSERT, ("prod", "burst", Jsonb({"burst_replica_size": "large"})))
                s.connection.execute(INSERT, ("prod", "burst", Jsonb({"burst_replica_size": "larg"})))

        refused(fails, "42704", "unknown replica size")
        assert [kind for kind, _ in s.stored()] == ["target_size"]


@check
def commands_have_types():
    with Session() as s:
        s.connection.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": "small"})))
        for binary in (False, True):
            cur = s.connection.cursor(binary=binary)
            row = cur.execute("SHOW STRATEGIES").fetchone()
            assert row[0] == "prod" and row[4] is None and row[5] == {"target_size": "small"}, row
            row = cur.execute("SHOW STRATEGY STATUS").fetchone()
            assert row[2:4] == (1, 0) and row[7] == 0.25, row
            row = cur.execute("SHOW STRATEGY ACTIONS LIMIT 1").fetchone()
            assert row[0].utcoffset() is not None and row[1] == "prod", row
            plan = cur.execute("EXPLAIN STRATEGY (FORMAT JSON) FOR CLUSTER prod").fetchone()[0]
            assert plan["version"] == 1 and plan["name"] == "prod", plan


@check
def what_if_and_errors():
    with Session() as s:
        plan = s.connection.execute("""EXPLAIN STRATEGY (FORMAT JSON) INSERT INTO mz_cluster_strategies VALUES ('prod', 'target_size', '{"target_size": "small"}')""").fetchone()[0]
        assert plan["what_if"]["added"] == ["CREATE CLUSTER REPLICA \"prod\".\"r_small\" (SIZE 'small')"], plan
        assert s.stored() == []
        e = refused(lambda: s.connection.execute("SHOW STRATEGY STATS"), "42601", "syntax error")
        assert e.diag.statement_position == "15"


@check
def copy_in():
    with Session() as s:
        with s.connection.cursor().copy("COPY mz_cluster_strategies (cluster_id, strategy_type, config) FROM STDIN") as copy:
            copy.write_row(("u2", "target_size", '{"target_size": "small"}'))
            copy.write_row(("u2", "magic", "{}"))
        assert len(s.told) == 2, s.told


@check
def notices_are_a_setting():
    with Session(options="-c strategy.notices=off") as s:
        s.connection.execute("RESET strategy.notices")
        assert s.connection.execute("SHOW strategy.notices").fetchone() == ("off",)
        s.connection.execute(INSERT, ("prod", "target_size", Jsonb({"target_size": "small"})))
        assert s.told == [], s.told


failed = False
for f in CHECKS:
    try:
        f()
        print("ok -", f.__name__)
    except Exception:
        failed = True
        print("not ok -", f.__name__)
        traceback.print_exc()
sys.exit(failed)

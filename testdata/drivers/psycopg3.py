"""psycopg 3 through whatever PGHOST and PGPORT name: one line `ok - name` a check."""

import concurrent.futures
import sys
import threading
import time
import traceback

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

CHECKS = []


def check(f):
    CHECKS.append(f)
    return f


def connect(**kw):
    return psycopg.connect(connect_timeout=10, **kw)


@check
def simple_and_extended():
    with connect(autocommit=True) as c:
        assert c.execute("select 1; select 2").fetchone() == (1,)
        assert c.execute("select %s::int + 1", (41,)).fetchone() == (42,)
        assert c.execute("select %s::text, %s::bytea", ("ä€🙂", b"\x00\xff")).fetchone() == ("ä€🙂", b"\x00\xff")


@check
def binary_parameters_and_results():
    with connect(autocommit=True) as c:
        cur = c.cursor(binary=True)
        row = cur.execute("select %b::int8, %b::bytea, %b::float8", (2**40, b"\x00" * 70000, 1.5)).fetchone()
        assert row == (2**40, b"\x00" * 70000, 1.5), row


@check
def prepared_statements():
    with connect(autocommit=True) as c:
        for n in range(20):
            assert c.execute("select %s::int * 2", (n,), prepare=True).fetchone() == (2 * n,)
        assert c.execute("select count(*) from pg_prepared_statements").fetchone()[0] >= 1


@check
def pipeline():
    with connect() as c:
        c.execute("create temp table p(a int)")
        with c.pipeline() as p:
            cursors = [c.execute("insert into p values (%s) returning a", (n,)) for n in range(500)]
            p.sync()
            assert [cur.fetchone()[0] for cur in cursors] == list(range(500))


@check
def pipeline_error_skips_to_sync():
    with connect(autocommit=True) as c:
        try:
            with c.pipeline() as p:
                c.execute("select 1")
                c.execute("select nothere")
                c.execute("select 2")
                p.sync()
            raise AssertionError("no error")
        except psycopg.errors.UndefinedColumn as e:
            assert e.diag.statement_position == "8", e.diag.statement_position
        assert c.execute("select 3").fetchone() == (3,)


@check
def copy_both_ways():
    with connect() as c:
        c.execute("create temp table t(a int, b text)")
        with c.cursor() as cur:
            with cur.copy("copy t from stdin") as copy:
                for n in range(50000):
                    copy.write_row((n, "x" * (n % 100)))
            assert cur.rowcount == 50000
            with cur.copy("copy t to stdout") as copy:
                assert sum(1 for _ in copy.rows()) == 50000
            with cur.copy("copy t from stdin (format binary)") as copy:
                copy.set_types(["int4", "text"])
                for n in range(1000):
                    copy.write_row((n, "y"))
            with cur.copy("copy t to stdout (format binary)") as copy:
                copy.set_types(["int4", "text"])
                assert sum(1 for _ in copy.rows()) == 51000


@check
def copy_failed_by_client():
    with connect(autocommit=True) as c:
        c.execute("create temp table t(a int)")
        try:
            with c.cursor().copy("copy t from stdin") as copy:
                copy.write(b"1\n")
                raise RuntimeError("change of mind")
        except (RuntimeError, psycopg.errors.QueryCanceled):
            pass
        assert c.execute("select count(*) from t").fetchone() == (0,)


@check
def server_side_cursor():
    with connect() as c:
        with c.cursor("named") as cur:
            cur.itersize = 7
            cur.execute("select generate_series(1, 1000)")
            assert sum(r[0] for r in cur) == 500500
            cur.execute("select generate_series(1, 10)")
            cur.scroll(5)
            assert cur.fetchone() == (6,)


@check
def two_phase_commit():
    with connect() as c:
        c.execute("create table if not exists tpc(a int)")
        c.commit()
        xid = c.xid(1, f"g{time.time_ns()}", "b")
        c.tpc_begin(xid)
        c.execute("insert into tpc values (1)")
        c.tpc_prepare()
        c.tpc_commit()
        c.execute("drop table tpc")


@check
def listen_notify():
    with connect(autocommit=True) as a, connect(autocommit=True) as b:
        a.execute("listen chan")
        b.execute("select pg_notify('chan', 'hello')")
        note = next(a.notifies())
        assert (note.channel, note.payload) == ("chan", "hello")


@check
def notices():
    seen = []
    with connect(autocommit=True) as c:
        c.add_notice_handler(lambda d: seen.append((d.severity, d.message_primary)))
        c.execute("do $$ begin raise notice 'one'; raise warning 'two'; end $$")
    assert seen == [("NOTICE", "one"), ("WARNING", "two")], seen


@check
def large_objects():
    with connect() as c:
        data = bytes(range(256)) * 4096
        oid = c.execute("select lo_from_bytea(0, %s)", (data,)).fetchone()[0]
        assert c.execute("select lo_get(%s)", (oid,)).fetchone()[0] == data
        c.execute("select lo_unlink(%s)", (oid,))


@check
def cancel():
    with connect(autocommit=True) as c:
        timer = threading.Timer(0.3, c.cancel)
        timer.start()
        try:
            c.execute("select pg_sleep(30)")
            raise AssertionError("not cancelled")
        except psycopg.errors.QueryCanceled:
            pass
        timer.join()
        assert c.execute("select 1").fetchone() == (1,)


@check
def errors_keep_their_fields():
    with connect(autocommit=True) as c:
        c.execute("create temp table u(a int primary key, b text not null)")
        c.execute("insert into u values (1, 'x')")
        try:
            c.execute("insert into u values (1, 'y')")
        except psycopg.errors.UniqueViolation as e:
            assert e.diag.constraint_name == "u_pkey" and e.diag.table_name == "u", e.diag
        try:
            c.execute("select 'ä' ||\n  nothere")
        except psycopg.Error as e:
            assert e.diag.statement_position == "17", e.diag.statement_position


@check
def transaction_status():
    with connect() as c:
        status = psycopg.pq.TransactionStatus
        assert c.info.transaction_status == status.IDLE
        c.execute("select 1")
        assert c.info.transaction_status == status.INTRANS
        try:
            c.execute("select nothere")
        except psycopg.Error:
            pass
        assert c.info.transaction_status == status.INERROR
        c.rollback()
        assert c.info.transaction_status == status.IDLE


@check
def parameter_status():
    with connect(autocommit=True, options="-c TimeZone=Asia/Tokyo", application_name="drivers") as c:
        assert c.info.parameter_status("TimeZone") == "Asia/Tokyo"
        assert c.info.parameter_status("application_name") == "drivers"
        c.execute("set TimeZone = 'UTC'")
        assert c.info.parameter_status("TimeZone") == "UTC"


@check
def big_values():
    with connect(autocommit=True) as c:
        (text,) = c.execute("select repeat('x', 30000000)").fetchone()
        assert len(text) == 30000000
        (n,) = c.execute("select length(%s)", (text,)).fetchone()
        assert n == 30000000


@check
def many_sessions():
    def one(n):
        with connect(autocommit=True) as c:
            return c.execute("select %s::int", (n,)).fetchone()[0]

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        assert list(pool.map(one, range(100))) == list(range(100))


@check
def empty_and_comment_only():
    with connect(autocommit=True) as c:
        c.execute("")
        c.execute("-- nothing")
        c.execute(sql.SQL(";;select 1;;"))
        c.execute("select %s::jsonb", (Jsonb({"a": [1]}),))


failed = 0
for f in CHECKS:
    try:
        f()
        print(f"ok - {f.__name__}")
    except Exception:
        failed += 1
        print(f"not ok - {f.__name__}")
        traceback.print_exc()
sys.exit(1 if failed else 0)

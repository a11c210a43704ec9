"""SQLAlchemy with both drivers: connect, reflect, write and read back. alchemy.py HOST PORT"""
import sys

import sqlalchemy as sa

host, port = sys.argv[1:]


def check(name, got, want):
    print(f"ok - {name}" if got == want else f"not ok - {name}: got {got!r}, want {want!r}")


for driver, options in (("psycopg2", {}), ("psycopg", {"use_native_hstore": False})):
    url = f"postgresql+{driver}://materialize@{host}:{port}/materialize"
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", **options)
    meta = sa.MetaData()
    table = sa.Table(f"alchemy_{driver}", meta, sa.Column("a", sa.Integer, nullable=False), sa.Column("b", sa.Text))
    with engine.connect() as c:
        check(f"{driver}: version", engine.dialect.server_version_info, (9, 5))
        c.execute(sa.text(f"CREATE TABLE {table.name} (a int NOT NULL, b text)"))
        c.execute(sa.text(f"CREATE MATERIALIZED VIEW {table.name}_count AS SELECT count(*) FROM {table.name}"))
        c.execute(table.insert(), [{"a": 1, "b": "one"}, {"a": 2, "b": None}])
        check(f"{driver}: rows", [tuple(r) for r in c.execute(sa.select(table).order_by(table.c.a))], [(1, "one"), (2, None)])
        seen = sa.inspect(c)
        check(f"{driver}: tables", table.name in seen.get_table_names(), True)
        check(f"{driver}: views", f"{table.name}_count" in seen.get_view_names(), False)
        check(f"{driver}: materialized views", f"{table.name}_count" in seen.get_materialized_view_names(), True)
        check(f"{driver}: columns", [(x["name"], x["nullable"]) for x in seen.get_columns(table.name)], [("a", False), ("b", True)])
        c.execute(sa.text(f"DROP TABLE {table.name} CASCADE"))
    with sa.create_engine(url, **options).connect() as c, c.begin():
        check(f"{driver}: transaction", c.execute(sa.text("SELECT 1")).scalar(), 1)

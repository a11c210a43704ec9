import java.io.*;
import java.nio.charset.StandardCharsets;
import java.sql.*;
import java.util.*;
import org.postgresql.PGConnection;
import org.postgresql.copy.CopyManager;
import org.postgresql.largeobject.*;

/** The JDBC driver through whatever PGHOST and PGPORT name: one line "ok - name" a check. */
public class Jdbc {
  interface Check { void run(Connection c) throws Exception; }

  static Connection connect(String... options) throws SQLException {
    Properties p = new Properties();
    p.setProperty("user", System.getenv("PGUSER"));
    if (System.getenv("PGSSLMODE") != null) {
      p.setProperty("sslmode", System.getenv("PGSSLMODE"));
      p.setProperty("sslrootcert", System.getenv("PGSSLROOTCERT"));
    }
    for (int n = 0; n < options.length; n += 2) p.setProperty(options[n], options[n + 1]);
    return DriverManager.getConnection(
        "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE"), p);
  }

  static int failed;

  static void check(String name, Check check, String... options) {
    try (Connection c = connect(options)) {
      check.run(c);
      System.out.println("ok - " + name);
    } catch (Throwable e) {
      failed++;
      System.out.println("not ok - " + name);
      e.printStackTrace(System.out);
    }
  }

  static void equal(Object want, Object got) {
    if (!Objects.equals(want, got)) throw new AssertionError("want " + want + ", got " + got);
  }

  static Object one(Connection c, String query) throws SQLException {
    try (Statement s = c.createStatement(); ResultSet r = s.executeQuery(query)) {
      r.next();
      return r.getObject(1);
    }
  }

  static void statements(Connection c) throws Exception {
    equal(1, one(c, "select 1"));
    try (PreparedStatement s = c.prepareStatement("select cast(? as int) + 1, cast(? as text), cast(? as bytea)")) {
      for (int n = 0; n < 20; n++) { // past prepareThreshold: a named statement, binary results
        s.setInt(1, n);
        s.setString(2, "\u00e4\u20ac");
        s.setBytes(3, new byte[] {0, -1});
        try (ResultSet r = s.executeQuery()) {
          r.next();
          equal(n + 1, r.getInt(1));
          equal("\u00e4\u20ac", r.getString(2));
          equal(2, r.getBytes(3).length);
        }
      }
    }
    try (Statement s = c.createStatement()) {
      equal(true, s.execute("select 1; select 2"));
      equal(true, s.getMoreResults());
    }
  }

  public static void main(String[] args) {
    check("extended", Jdbc::statements);
    check("extended_binary", Jdbc::statements, "binaryTransfer", "true", "prepareThreshold", "-1");
    check("simple_mode", c -> {
      try (PreparedStatement s = c.prepareStatement("select ? + 1; select 2")) {
        s.setInt(1, 41);
        equal(true, s.execute());
        s.getResultSet().next();
        equal(42, s.getResultSet().getInt(1));
        equal(true, s.getMoreResults());
      }
    }, "preferQueryMode", "simple");
    check("extended_for_prepared", Jdbc::statements, "preferQueryMode", "extendedForPrepared");

    check("portal_with_row_limit", c -> {
      c.setAutoCommit(false);
      try (PreparedStatement s = c.prepareStatement("select generate_series(1, 1000)")) {
        s.setFetchSize(13);
        long sum = 0;
        try (ResultSet r = s.executeQuery()) {
          while (r.next()) sum += r.getInt(1);
        }
        equal(500500L, sum);
      }
      c.commit();
    });

    check("batch_pipelines", c -> {
      c.createStatement().execute("create temp table t(a int, b text)");
      try (PreparedStatement s = c.prepareStatement("insert into t values (?, ?)")) {
        for (int n = 0; n < 3000; n++) {
          s.setInt(1, n);
          s.setString(2, "x".repeat(n % 80));
          s.addBatch();
        }
        equal(3000, s.executeBatch().length);
      }
      equal(3000L, one(c, "select count(*) from t"));
    });

    check("batch_error", c -> {
      c.createStatement().execute("create temp table t(a int primary key)");
      try (PreparedStatement s = c.prepareStatement("insert into t values (?)")) {
        for (int n : new int[] {1, 2, 1, 3}) {
          s.setInt(1, n);
          s.addBatch();
        }
        s.executeBatch();
        throw new AssertionError("no error");
      } catch (BatchUpdateException e) {
        equal("23505", e.getSQLState());
      }
      equal(0L, one(c, "select count(*) from t"));
    });

    check("copy", c -> {
      c.createStatement().execute("create temp table t(a int, b text)");
      CopyManager m = c.unwrap(PGConnection.class).getCopyAPI();
      StringBuilder in = new StringBuilder();
      for (int n = 0; n < 20000; n++) in.append(n).append('\t').append("y".repeat(n % 60)).append('\n');
      equal(20000L, m.copyIn("copy t from stdin", new StringReader(in.toString())));
      ByteArrayOutputStream binary = new ByteArrayOutputStream();
      equal(20000L, m.copyOut("copy t to stdout (format binary)", binary));
      equal(20000L, m.copyIn("copy t from stdin (format binary)", new ByteArrayInputStream(binary.toByteArray())));
      equal(40000L, one(c, "select count(*) from t"));
    });

    check("two_phase_commit", c -> {
      try (Statement s = c.createStatement()) {
        String id = "jdbc" + System.nanoTime();
        s.execute("begin; create table if not exists tpc_jdbc(a int); insert into tpc_jdbc values (1); prepare transaction '" + id + "'");
        s.execute("commit prepared '" + id + "'");
        s.execute("drop table tpc_jdbc");
      }
    });

    check("listen_notify", c -> {
      c.createStatement().execute("listen chan");
      c.createStatement().execute("notify chan, 'hello'");
      equal("hello", c.unwrap(PGConnection.class).getNotifications(5000)[0].getParameter());
    });

    check("large_objects_by_function_call", c -> {
      c.setAutoCommit(false);
      LargeObjectManager m = c.unwrap(PGConnection.class).getLargeObjectAPI();
      long oid = m.createLO(LargeObjectManager.READWRITE);
      byte[] data = new byte[300000];
      new Random(1).nextBytes(data);
      try (LargeObject o = m.open(oid, LargeObjectManager.WRITE)) { o.write(data); }
      try (LargeObject o = m.open(oid, LargeObjectManager.READ)) { equal(true, Arrays.equals(data, o.read(400000))); }
      m.delete(oid);
      c.commit();
    });

    check("cancel", c -> {
      Statement s = c.createStatement();
      Thread t = new Thread(() -> {
        try (Connection other = connect(); PreparedStatement active = other.prepareStatement(
            "select count(*) from pg_stat_activity where state = 'active' and query like 'select pg_sleep(30)%' and pid = ?")) {
          active.setInt(1, c.unwrap(PGConnection.class).getBackendPID());
          for (boolean running = false; !running; ) {
            try (ResultSet r = active.executeQuery()) { r.next(); running = r.getInt(1) > 0; }
          }
          s.cancel();
        } catch (SQLException e) {
          throw new RuntimeException(e);
        }
      });
      t.start();
      try {
        s.execute("select pg_sleep(30)");
        throw new AssertionError("not cancelled");
      } catch (SQLException e) {
        equal("57014", e.getSQLState());
      }
      t.join();
      equal(1, one(c, "select 1"));
    });

    check("errors_keep_their_fields", c -> {
      try {
        one(c, "select  nothere");
      } catch (org.postgresql.util.PSQLException e) {
        equal("42703", e.getSQLState());
        equal(9, e.getServerErrorMessage().getPosition());
      }
    });

    check("metadata", c -> {
      c.createStatement().execute("create temp table t(a int, b numeric(10, 2))");
      try (PreparedStatement s = c.prepareStatement("select * from t where a = ?")) {
        equal("int4", s.getParameterMetaData().getParameterTypeName(1));
        equal("numeric", s.getMetaData().getColumnTypeName(2));
      }
    });

    check("savepoints", c -> {
      c.setAutoCommit(false);
      c.createStatement().execute("create temp table t(a int)");
      Savepoint p = c.setSavepoint();
      try {
        one(c, "select nothere");
      } catch (SQLException e) {
        c.rollback(p);
      }
      equal(0L, one(c, "select count(*) from t"));
      c.commit();
    });

    System.exit(failed == 0 ? 0 : 1);
  }
}

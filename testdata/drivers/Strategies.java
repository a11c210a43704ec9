import java.sql.*;
import java.util.ArrayList;
import java.util.List;

/** The SQL surface through the PostgreSQL JDBC driver, in front of a demo whose replicas stay offline: one line "ok - name" a check. */
public class Strategies {
    interface Check { void run(Connection c) throws Exception; }

    static final String INSERT = "INSERT INTO mz_cluster_strategies (cluster_id, strategy_type, config) VALUES (?, ?, ?::jsonb)";
    static boolean failed;

    static void check(String name, String options, Check check) {
        String url = "jdbc:postgresql://" + System.getenv("PGHOST") + ":" + System.getenv("PGPORT") + "/" + System.getenv("PGDATABASE")
                + "?sslmode=disable&user=" + System.getenv("PGUSER") + options;
        try (Connection c = DriverManager.getConnection(url)) {
            try (Statement s = c.createStatement()) {
                s.execute("DELETE FROM mz_cluster_strategies");
                List<String> replicas = new ArrayList<>();
                try (ResultSet r = s.executeQuery("SELECT cluster, replica FROM (SHOW CLUSTER REPLICAS) r WHERE cluster IN ('prod', 'staging')")) {
                    while (r.next()) replicas.add("\"" + r.getString(1) + "\".\"" + r.getString(2) + "\"");
                }
                for (String replica : replicas) s.execute("DROP CLUSTER REPLICA " + replica);
            }
            check.run(c);
            System.out.println("ok - " + name);
        } catch (Throwable e) {
            failed = true;
            System.out.println("not ok - " + name);
            e.printStackTrace();
        }
    }

    static void equal(Object got, Object want) {
        if (!want.equals(got)) throw new AssertionError("got " + got + ", not " + want);
    }

    static String insert(PreparedStatement p, String cluster, String kind, String config) throws SQLException {
        p.setString(1, cluster);
        p.setString(2, kind);
        p.setString(3, config);
        p.clearWarnings();
        equal(p.executeUpdate(), 1);
        return p.getWarnings() == null ? "" : p.getWarnings().getMessage();
    }

    static void refused(String state, String message, Check check, Connection c) throws Exception {
        try {
            check.run(c);
        } catch (SQLException e) {
            equal(e.getSQLState(), state);
            if (!e.getMessage().contains(message)) throw e;
            return;
        }
        throw new AssertionError("not refused");
    }

    static void writes(Connection c) throws Exception {
        try (PreparedStatement p = c.prepareStatement(INSERT)) {
            for (int i = 0; i < 8; i++) { // from the fifth on it is a named statement
                String told = insert(p, "prod", "target_size", "{\"target_size\": \"small\"}");
                equal(told.startsWith(i == 0 ? "created cluster replica" : "an older row"), true);
            }
            refused("42704", "unknown replica size \"smal\" (parameter $3, at $.target_size)", x -> insert(p, "prod", "target_size", "{\"target_size\": \"smal\"}"), c);
        }
    }

    static void batches(Connection c) throws Exception {
        try (PreparedStatement p = c.prepareStatement(INSERT)) {
            for (String cluster : new String[] {"prod", "staging"}) {
                p.setString(1, cluster);
                p.setString(2, "target_size");
                p.setString(3, "{\"target_size\": \"small\"}");
                p.addBatch();
            }
            equal(p.executeBatch().length, 2);
        }
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SHOW STRATEGY STATUS")) {
            int n = 0;
            while (r.next()) equal(r.getLong("replicas"), 1L + 0 * n++);
            equal(n, 2);
        }
    }

    static void transactions(Connection c) throws Exception {
        c.setAutoCommit(false);
        try (PreparedStatement p = c.prepareStatement(INSERT)) {
            equal(insert(p, "prod", "target_size", "{\"target_size\": \"small\"}"), "");
            c.commit();
            insert(p, "prod", "burst", "{\"burst_replica_size\": \"large\"}");
            refused("42704", "unknown replica size", x -> insert(p, "prod", "burst", "{\"burst_replica_size\": \"larg\"}"), c);
            refused("25P02", "current transaction is aborted", x -> x.createStatement().execute("SHOW STRATEGIES"), c);
            c.rollback();
        }
        c.setAutoCommit(true);
        try (Statement s = c.createStatement(); ResultSet r = s.executeQuery("SHOW STRATEGIES")) {
            equal(r.next(), true);
            equal(r.getString("strategy"), "target_size");
            equal(r.next(), false);
        }
    }

    static void commands(Connection c) throws Exception {
        for (int i = 0; i < 8; i++) {
            try (PreparedStatement p = c.prepareStatement("SHOW STRATEGY TYPES")) {
                p.setFetchSize(3);
                equal(p.getMetaData().getColumnCount(), 6);
                try (ResultSet r = p.executeQuery()) {
                    int n = 0;
                    while (r.next()) n++;
                    if (n < 10) throw new AssertionError(n + " rows");
                }
            }
        }
        refused("42601", "syntax error", x -> x.createStatement().execute("SHOW STRATEGY STATS"), c);
    }

    static void fetchedInParts(Connection c) throws Exception {
        c.setAutoCommit(false);
        int atOnce = rows(c, 0);
        if (atOnce < 10) throw new AssertionError(atOnce + " rows");
        equal(rows(c, 4), atOnce);
        c.commit();
    }

    static int rows(Connection c, int fetchSize) throws Exception {
        try (Statement s = c.createStatement()) {
            s.setFetchSize(fetchSize);
            try (ResultSet r = s.executeQuery("SHOW STRATEGY HELP")) {
                int n = 0;
                while (r.next()) n++;
                return n;
            }
        }
    }

    public static void main(String[] args) {
        for (String mode : new String[] {"", "&prepareThreshold=1&binaryTransfer=true", "&preferQueryMode=extendedForPrepared"}) {
            check("writes" + mode, mode, Strategies::writes);
            check("batches" + mode, mode, Strategies::batches);
            check("transactions" + mode, mode, Strategies::transactions);
            check("commands" + mode, mode, Strategies::commands);
            check("fetched in parts" + mode, mode, Strategies::fetchedInParts);
        }
        System.exit(failed ? 1 : 0);
    }
}

import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.ResultSet;

/** A pool of HikariCP: it starts, tests its connections, and gives the isolation level. Pool HOST PORT */
class Pool {
    public static void main(String[] args) throws Exception {
        HikariConfig config = new HikariConfig();
        config.setJdbcUrl("jdbc:postgresql://" + args[0] + ":" + args[1] + "/materialize?sslmode=disable");
        config.setUsername("materialize");
        config.setMaximumPoolSize(3);
        try (HikariDataSource pool = new HikariDataSource(config)) {
            for (int i = 0; i < 5; i++) {
                try (Connection c = pool.getConnection(); ResultSet r = c.createStatement().executeQuery("SELECT 1")) {
                    check("a connection of the pool, " + i, r.next() && r.getInt(1) == 1 && c.isValid(5));
                }
            }
            try (Connection c = pool.getConnection()) {
                check("isolation level", c.getTransactionIsolation() == Connection.TRANSACTION_SERIALIZABLE || c.getTransactionIsolation() > 0);
                c.setAutoCommit(false);
                c.createStatement().executeQuery("SELECT 1");
                c.rollback();
                check("transaction", true);
            }
        }
    }

    static void check(String name, boolean good) {
        System.out.println((good ? "ok - " : "not ok - ") + name);
    }
}

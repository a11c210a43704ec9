package main

import (
	"context"
	"flag"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/sirupsen/logrus"

	"mzproxy/proxy/mzsim"
)

// How long a test waits for what has to come. Nothing is measured by it.
const patience = 5 * time.Minute

// Replicas come online and hydrate fast.
const (
	fastHydration = 400 * time.Millisecond
	fastStartup   = 50 * time.Millisecond
)

// lag is how late what the catalog shows of replicas, sessions and the history is.
var lag = flag.Duration("lag", 200*time.Millisecond, "how late the stand-in's catalog is")

// readCost is how long a read of the stand-in takes for which Materialize builds a dataflow.
var readCost = flag.Duration("read-cost", 0, "how long a standard read of the stand-in takes")

// world is a demo for one test: stand-in, proxy and three sample clusters.
type world struct {
	*demo
	direct *pgx.Conn // to the stand-in, around the proxy
}

// standIn is a stand-in with the sample clusters, and no proxy in front.
func standIn(t *testing.T) *mzsim.Sim {
	t.Helper()
	sim, err := mzsim.Start(t.Context(), mzsim.Config{Hydration: fastHydration, Startup: fastStartup, Lag: *lag, ReadCost: *readCost, Superuser: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := mzsim.Sample(t.Context(), sim.Addr()); err != nil {
		t.Fatal(err)
	}
	return sim
}

// dsn is the stand-in's own address, for the user of the demo.
func dsn(sim *mzsim.Sim) string {
	return "postgres://" + demoUser + "@" + sim.Addr() + "/" + demoDatabase + "?sslmode=disable"
}

// newWorld starts a demo whose replicas come online and hydrate fast.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, fastDemo)
}

// fastDemo is a demo whose replicas come online and hydrate fast.
var fastDemo = demoCmd{Listen: "127.0.0.1:0", Hydration: fastHydration, Startup: fastStartup}

func newWorldWith(t testing.TB, c demoCmd) *world {
	t.Helper()
	if c.ReadCost == 0 {
		c.ReadCost = *readCost
	}
	if c.Lag == 0 {
		c.Lag = *lag
	}
	log := logrus.New()
	log.SetOutput(io.Discard)
	d, err := c.start(t.Context(), log)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.close(); err != nil {
			t.Error(err)
		}
	})
	direct, err := pgx.Connect(t.Context(), dsn(d.sim))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = direct.Close(context.Background()) })
	if _, err := direct.Exec(t.Context(), "SELECT mz_sim.set('tick', '100ms')"); err != nil { // a real server's SUBSCRIBEs tell of progress once a second
		t.Fatal(err)
	}
	return &world{d, direct}
}

// env is the environment in which psql connects through the proxy.
func (w *world) env() []string {
	return []string{"PGHOST=" + w.addr.IP.String(), "PGPORT=" + strconv.Itoa(w.addr.Port), "PGUSER=" + demoUser, "PGDATABASE=" + demoDatabase, "PGSSLMODE=disable"}
}

// holds runs a query of one bool around the proxy.
func (w *world) holds(t testing.TB, query string) bool {
	t.Helper()
	var ok bool
	if err := w.direct.QueryRow(t.Context(), query, pgx.QueryExecModeSimpleProtocol).Scan(&ok); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return ok
}

// until waits for a query of one bool to become true, around the proxy: no
// statement passes through it meanwhile.
func (w *world) until(t *testing.T, query string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !w.holds(t, query); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never true: %s", query)
		}
	}
}

// offlineDemo is a demo whose replicas never come online, so that nothing moves by itself.
func offlineDemo() demoCmd {
	return demoCmd{Listen: "127.0.0.1:0", Hydration: time.Hour, Startup: time.Hour, Lag: *lag}
}

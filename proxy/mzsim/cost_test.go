package mzsim_test

import (
	"sync"
	"testing"
	"time"

	"mzproxy/proxy/mzsim"
)

// Reads take their time, one after another on mz_catalog_server, and can be cancelled.
func TestReadCost(t *testing.T) {
	c := fresh(t)
	const cost = 60 * time.Millisecond
	c.must(t, "SELECT mz_sim.set('read_cost', '60ms')")
	began := time.Now()
	var readers sync.WaitGroup
	for range 3 {
		reader := dial(t)
		readers.Go(func() { _ = reader.say("SELECT count(*) FROM mz_clusters") })
	}
	readers.Wait()
	if took := time.Since(began); took < 3*cost {
		t.Errorf("three reads of the catalog took %s", took)
	}
	began = time.Now()
	c.must(t, "SELECT id FROM mz_clusters")
	if took := time.Since(began); took < cost/10 {
		t.Errorf("a read of an index took %s", took)
	}
	c.must(t, "SELECT mz_sim.set('read_cost', '1 hour')")
	if got := c.cancelled(t, "SELECT count(*) FROM mz_clusters"); got != "57014 canceling statement due to user request" {
		t.Errorf("cancelled: %s", got)
	}
}

// cancelled says a text, and cancels it when it is in progress.
func (c *client) cancelled(t *testing.T, sql string) string {
	t.Helper()
	said := make(chan string)
	go func() { said <- c.say(sql) }()
	for {
		if err := c.CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case got := <-said:
			return got
		case <-time.After(20 * time.Millisecond): // the request may have come before the statement waits
		}
	}
}

func TestLatency(t *testing.T) {
	const latency = 30 * time.Millisecond
	c := server{start(t, mzsim.Config{Latency: latency}).DSN()}.dial(t)
	began := time.Now()
	for range 3 {
		c.must(t, "SELECT 1")
	}
	if took := time.Since(began); took < 3*latency {
		t.Errorf("three round trips took %s", took)
	}
}

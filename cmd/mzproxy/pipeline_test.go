package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
)

// pipeline sends statements with parameters, each as a Parse, a Bind and an Execute, and one Sync, and
// returns what comes back: tags, and SQLSTATEs of errors.
func pipeline(t *testing.T, c *client, statements ...[]string) []string {
	t.Helper()
	c.notices = nil
	p := c.StartPipeline(t.Context())
	for _, s := range statements {
		p.SendQueryParams(s[0], values(s[1:]), nil, nil, nil)
	}
	if err := p.Sync(); err != nil {
		t.Fatal(err)
	}
	var got []string
	for {
		result, err := p.GetResults()
		if err != nil {
			got = append(got, serverError(t, err).Code)
			continue
		}
		switch r := result.(type) {
		case *pgconn.ResultReader:
			if a := read(t, r.Read()); a.err != nil {
				got = append(got, a.err.Code)
			} else {
				got = append(got, a.tag)
			}
		case *pgconn.PipelineSync:
			_ = p.Close()
			return got
		}
	}
}

// What stands in one pipeline is one transaction, and behind an error everything is
// skipped up to the Sync, whoever gave the error.
func TestPipelines(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	row := func(cluster, size string) []string {
		return []string{insertRow, cluster, "target_size", `{"target_size": "` + size + `"}`}
	}
	told := func(clusters ...string) []string {
		var list []string
		for _, cluster := range clusters {
			list = append(list, fmt.Sprintf(`NOTICE created cluster replica %q."r_small" (small)`, cluster))
		}
		return list
	}
	for _, test := range []struct {
		name       string
		statements [][]string
		want       []string
		notices    []string
	}{
		{"a refused statement in the middle", [][]string{row("prod", "small"), row("prod", "smal"), {"SELECT 1"}}, []string{"INSERT 0 1", "42704"}, nil},
		{"a malformed command at the front", [][]string{{"SHOW STRATEGY STATS"}, row("prod", "small"), {"SELECT 1"}}, []string{"42601"}, nil},
		{"an error of the server behind a write", [][]string{row("prod", "small"), {"SELECT 1/0"}, {"SHOW STRATEGIES"}}, []string{"INSERT 0 1", "22012"}, nil},
		{"nothing of it was stored", [][]string{{"SELECT 1 FROM mz_cluster_strategies"}}, []string{"SELECT 0"}, nil},
		{"commands among statements", [][]string{{"SELECT 1"}, {"SHOW STRATEGIES"}, {"SELECT 2"}, {"SHOW STRATEGY HELP"}, {"SET strategy.notices = changes"}}, []string{"SELECT 1", "SELECT 0", "SELECT 1", "SELECT 28", "SET"}, nil},
		{"several clusters", [][]string{row("prod", "small"), row("staging", "small")}, []string{"INSERT 0 1", "INSERT 0 1"}, told("prod", "staging")},
		{"a transaction", [][]string{{"BEGIN"}, row("cluster-123", "small"), {"COMMIT"}}, []string{"BEGIN", "INSERT 0 1", "COMMIT"}, told("cluster-123")},
		{"a transaction that is undone", [][]string{{"BEGIN"}, row("prod", "large"), {"ROLLBACK"}}, []string{"BEGIN", "INSERT 0 1", "ROLLBACK"}, nil},
		{"the rows are those of the committed ones", [][]string{{"SELECT 1 FROM mz_cluster_strategies"}}, []string{"SELECT 3"}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := pipeline(t, c, test.statements...); !slices.Equal(got, test.want) || !slices.Equal(c.notices, test.notices) {
				t.Errorf("gives %q, %q", got, c.notices)
			}
		})
	}
}

// A write that was prepared once may be bound many times in one pipeline, and in later ones: each
// time the engine looks at all clusters concerned.
func TestPreparedWriteBoundOften(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	if _, err := c.Prepare(t.Context(), "write", insertRow, nil); err != nil {
		t.Fatal(err)
	}
	for _, clusters := range [][]string{{"prod", "staging"}, {"cluster-123"}} {
		c.notices = nil
		p := c.StartPipeline(t.Context())
		for _, cluster := range clusters {
			p.SendQueryPrepared("write", values([]string{cluster, "target_size", `{"target_size": "small"}`}), nil, nil)
		}
		if err := p.Sync(); err != nil {
			t.Fatal(err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(c.notices, "\n"); len(c.notices) != len(clusters) || !strings.Contains(got, clusters[0]) || !strings.Contains(got, clusters[len(clusters)-1]) {
			t.Errorf("%v: %s", clusters, got)
		}
	}
}

// A command's portal is fetched in parts, described, flushed and closed like any other.
func TestCommandInParts(t *testing.T) {
	w := newWorldWith(t, offlineDemo())
	c := connect(t, w)
	f := c.Frontend()
	f.Send(&pgproto3.Parse{Name: "types", Query: "SHOW STRATEGY TYPES"})
	f.Send(&pgproto3.Describe{ObjectType: 'S', Name: "types"})
	f.Send(&pgproto3.Bind{DestinationPortal: "p", PreparedStatement: "types"})
	f.Send(&pgproto3.Describe{ObjectType: 'P', Name: "p"})
	f.Send(&pgproto3.Execute{Portal: "p", MaxRows: 2})
	f.Send(&pgproto3.Flush{})
	f.Send(&pgproto3.Execute{Portal: "p"})
	f.Send(&pgproto3.Close{ObjectType: 'P', Name: "p"})
	f.Send(&pgproto3.Close{ObjectType: 'S', Name: "types"})
	f.Send(&pgproto3.Sync{})
	if err := f.Flush(); err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for {
		m, err := f.Receive()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&got, "%s ", strings.TrimPrefix(fmt.Sprintf("%T", m), "*pgproto3."))
		if _, ok := m.(*pgproto3.ReadyForQuery); ok {
			break
		}
	}
	rows := strings.Count(got.String(), "DataRow")
	want := "ParseComplete ParameterDescription RowDescription BindComplete RowDescription DataRow DataRow PortalSuspended " +
		strings.Repeat("DataRow ", rows-2) + "CommandComplete CloseComplete CloseComplete ReadyForQuery "
	if rows < 10 || got.String() != want {
		t.Errorf("got %s", got.String())
	}
}

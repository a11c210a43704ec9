package engine

import (
	"slices"
	"strconv"
	"strings"

	"mzproxy/rewrite/pgtext"
)

// Alteration is what an Action sets of a managed cluster.
type Alteration struct {
	ClusterID string
	From, To  Shape    // what it comes to by itself, and then
	Options   []Option // that change, in the order of the statement
	By        []string // the strategies that wanted each of them
	// Timeout is how many seconds the server may take to bring it about; 0: as long as it likes.
	Timeout Number
}

// String says it in a few words: 100cc x 1 -> 400cc x 1.
func (a Alteration) String() string { return a.From.String() + " -> " + a.To.String() }

// DoneIn tells whether a cluster is as it was to become, or is on its way to that.
func (a Alteration) DoneIn(c *ClusterState) bool {
	if c.Shape == nil {
		return false
	}
	heading := c.Heading()
	for _, o := range a.Options {
		if heading.value(o) != a.To.value(o) {
			return false
		}
	}
	return true
}

// Burster is the strategy that had an AUTO SCALING STRATEGY set; empty: none did. ok tells whether it is about that at all.
func (a Alteration) Burster() (strategy string, ok bool) {
	i := slices.Index(a.Options, OptionBurst)
	if i < 0 || i >= len(a.By) {
		return "", i >= 0
	}
	if a.To.Burst == "" {
		return "", true
	}
	return a.By[i], true
}

// changes tells whether an option is among those that change.
func (a Alteration) changes(o Option) bool { return slices.Contains(a.Options, o) }

// Resizes tells whether replicas are replaced by others, which takes its time.
func (a Alteration) Resizes() bool { return a.changes(OptionSize) && a.From.Factor > 0 }

// alterations is the distance between what a managed cluster comes to by itself and what is desired, as one statement at most.
func alterations(c *ClusterState, s *desiredShape) []Action {
	asks := s.standing()
	if len(asks) == 0 {
		return nil
	}
	a := &Alteration{ClusterID: c.ID, From: s.from, To: s.shape()}
	var reasons []Reason
	for _, ask := range asks {
		reasons = append(reasons, ask.by)
		if ask.Timeout.Sign() > 0 {
			a.Timeout = ask.Timeout
		}
	}
	for _, o := range options {
		if i := slices.IndexFunc(asks, func(ask ask) bool { return ask.Option == o }); i >= 0 {
			a.Options, a.By = append(a.Options, o), append(a.By, asks[i].by.Strategy)
		}
	}
	return []Action{{Op: OpAlter, SQL: alterCluster(c.Name, *a), Reasons: reasons, Alter: a}}
}

// alterCluster is the statement of an alteration.
func alterCluster(cluster string, a Alteration) string {
	sql := "ALTER CLUSTER " + pgtext.QuoteIdent(cluster)
	if slices.Equal(a.Options, []Option{OptionBurst}) && a.To.Burst == "" {
		return sql + " RESET (" + string(OptionBurst) + ")"
	}
	var set []string
	for _, o := range a.Options {
		set = append(set, string(o)+" = "+a.To.sql(o))
	}
	return sql + " SET (" + strings.Join(set, ", ") + ")"
}

// sql is the value of an option as it stands in a statement.
func (s Shape) sql(o Option) string {
	switch {
	case o == OptionSize:
		return pgtext.QuoteLiteral(s.Size)
	case o == OptionFactor:
		return strconv.FormatInt(s.Factor, 10)
	case s.Burst == "":
		return "()"
	}
	return "(ON HYDRATION (HYDRATION SIZE = " + pgtext.QuoteLiteral(s.Burst) + "))"
}

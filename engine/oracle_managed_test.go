package engine_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// oracleManaged is what the oracle knows of a managed cluster beside its replicas.
type oracleManaged struct {
	size, burst string
	factor      int64
	schedule    string
	to          *oracleChange
}

type oracleChange struct {
	size   string
	factor int64
	since  *big.Rat
}

func (o *oracleCluster) readManaged(entry tree) {
	factor := func(e tree) int64 {
		return integer(optional(e, "replication_factor", json.Number("1"))).Num().Int64()
	}
	m := &oracleManaged{size: optional(entry, "size", ""), burst: optional(entry, "hydration_burst", ""), schedule: optional(entry, "schedule", "manual"), factor: factor(entry)}
	if change, given := entry["reconfiguring"]; given && change != nil {
		c := need[tree](change, "an object")
		m.to = &oracleChange{requiredString(c, "size"), factor(c), optionalMoment(c, "since")}
	}
	if o.managed && entry["size"] != nil {
		o.server = m
	}
}

// oracleWish is an option that somebody wants to be something.
type oracleWish struct{ strategy, option, value, reason string }

// decideManaged follows the written rules for a managed cluster.
func (o *oracleCluster) decideManaged() {
	m := o.server
	there := map[string]string{"size": m.size, "factor": strconv.FormatInt(m.factor, 10), "burst": m.burst}
	if m.to != nil {
		there["size"], there["factor"] = m.to.size, strconv.FormatInt(m.to.factor, 10)
	}
	o.there, o.want = there, map[string]string{"size": there["size"], "factor": there["factor"], "burst": there["burst"]}
	o.eachStrategy(func(kind string, config tree, row *oracleRow, cooling bool) {
		wish := func(option, value, reason string) {
			o.want[option] = value
			o.wishes = append(o.wishes, oracleWish{kind, option, value, kind + ": " + reason})
		}
		switch {
		case kind == "idle_suspend":
			o.suspendManaged(config, row.updatedAt, cooling, wish)
		case cooling && !(kind == "burst" && o.want["burst"] == o.want["size"]): // which the server would refuse
		case kind == "target_size":
			o.resizeManaged(config, wish)
		case kind == "burst":
			o.burstManaged(config, wish)
		}
	})
	if restore := o.kept(); restore != "" && o.newest("idle_suspend") == nil && there["factor"] == "0" && !o.firm {
		o.want["factor"] = restore
		o.wishes = append(o.wishes, oracleWish{"idle_suspend", "factor", restore, "idle_suspend: the strategy is gone"})
		o.ran["idle_suspend"] = true
		o.remembers = append(o.remembers, "idle_suspend")
	}
	// What the server would refuse, or what would take away the last that serves, waits.
	drop := func(option string) {
		o.want[option] = there[option]
		o.wishes = slices.DeleteFunc(o.wishes, func(w oracleWish) bool { return w.option == option })
	}
	if m.to != nil && o.want["factor"] != there["factor"] {
		drop("factor")
	}
	serving, unknown := int64(0), false
	var helper *oracleReplica
	for _, name := range names(o.existing) {
		r := o.existing[name]
		switch {
		case r.size == m.size && o.isReady(r):
			serving++
		case r.size == m.size:
			unknown = unknown || !r.known
		case r.size == m.burst && r.size != there["size"] && helper == nil:
			helper = &r
		}
	}
	number := func(text string) int64 { n, _ := strconv.ParseInt(text, 10, 64); return n }
	gone := number(there["factor"]) - number(o.want["factor"])
	idle := slices.ContainsFunc(o.wishes, func(w oracleWish) bool { return w.strategy == "idle_suspend" && w.option == "factor" && w.value == "0" })
	suspends := idle && o.want["factor"] == "0" && number(there["factor"]) > 0
	if gone > 0 && !suspends && serving <= gone && (serving > 0 || unknown) {
		drop("factor")
	}
	if helper != nil && !suspends && o.want["burst"] != m.burst && serving == 0 && (!helper.known || o.isReady(*helper)) {
		drop("burst")
	}
	for _, option := range []string{"burst", "size"} {
		if o.want["burst"] != "" && o.want["burst"] == o.want["size"] {
			drop(option)
		}
	}
}

func (o *oracleCluster) resizeManaged(config tree, wish func(option, value, reason string)) {
	m, target := o.server, config["target_size"].(string)
	limit := big.NewRat(3600, 1)
	if n := number(config, "resize_timeout_s"); n != nil {
		limit = n
	}
	switch {
	case m.to != nil && m.to.size == target && m.size != target:
		since := m.to.since
		if since == nil {
			since = o.last["target_size"]
		}
		if since == nil {
			break
		}
		if age := new(big.Rat).Sub(o.now, since); age.Cmp(limit) > 0 {
			wish("size", m.size, fmt.Sprintf("the size %s is not ready after %ss (limit %ss)", target, wholeSeconds(age), wholeSeconds(limit)))
			o.remembers = append(o.remembers, "target_size")
		}
	case o.want["size"] == target:
	case m.size == target:
		wish("size", target, fmt.Sprintf("the size is %s, not %s", o.want["size"], target))
	default:
		wish("size", target, fmt.Sprintf("the size is %s, not %s", m.size, target))
	}
	replicas, given := "1", false
	if n := number(config, "replicas"); n != nil {
		replicas, given = n.Num().String(), true
	}
	if there := o.there["factor"]; there != replicas && (given || there == "0") {
		wish("factor", replicas, there+" replicas, not "+replicas)
		o.firm = given
	} else {
		o.firm = false
	}
}

func (o *oracleCluster) burstManaged(config tree, wish func(option, value, reason string)) {
	size := config["burst_replica_size"].(string)
	switch {
	case size == o.want["size"] && size == o.want["burst"]:
		wish("burst", "", "the cluster has the burst size "+size)
	case size == o.want["size"] || size == o.server.size || size == o.want["burst"]:
	default:
		wish("burst", size, "the hydration size is not "+size)
	}
}

// kept is the factor that the payload of idle_suspend keeps; empty: none.
func (o *oracleCluster) kept() string {
	payload, _ := o.state["idle_suspend"].(tree)
	if n := number(payload, "restore"); n != nil && n.IsInt() && n.Sign() > 0 {
		return n.Num().String()
	}
	return ""
}

func (o *oracleCluster) suspendManaged(config tree, updatedAt *big.Rat, cooling bool, wish func(option, value, reason string)) {
	reason, idle := o.idleness(config, updatedAt)
	there, restore := o.there["factor"], o.kept()
	switch {
	case idle && (there == "0" || !cooling):
		wish("factor", "0", strings.TrimPrefix(reason, "idle_suspend: "))
		if there != "0" {
			o.remembers = append(o.remembers, "idle_suspend")
			o.restore = there
		}
	case there == "0" && restore != "" && !o.firm:
		wish("factor", restore, "used again, back to a replication factor of "+restore)
		o.remembers = append(o.remembers, "idle_suspend")
	}
}

// resultManaged is the plan's entry of a managed cluster.
func (o *oracleCluster) resultManaged() tree {
	keys := map[string]string{"size": "size", "factor": "replication_factor", "burst": "hydration_burst"}
	words := map[string]string{"size": "SIZE", "factor": "REPLICATION FACTOR", "burst": "AUTO SCALING STRATEGY"}
	literal := func(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
	value := func(option, text string) any {
		switch {
		case option == "factor":
			return json.Number(text)
		case option == "burst" && text == "":
			return nil
		}
		return text
	}
	set, reset, clauses, acted := tree{}, []any{}, []string{}, map[string]bool{}
	for _, option := range []string{"size", "factor", "burst"} {
		want := o.want[option]
		if want == o.there[option] {
			continue
		}
		sql := literal(want)
		switch {
		case option == "factor":
			sql = want
		case option == "burst" && want == "":
			sql = "()"
		case option == "burst":
			sql = "(ON HYDRATION (HYDRATION SIZE = " + sql + "))"
		}
		clauses = append(clauses, words[option]+" = "+sql)
		if value(option, want) == nil {
			reset = append(reset, keys[option])
		} else {
			set[keys[option]] = value(option, want)
		}
	}
	actions, reasons := []any{}, []any{}
	for _, w := range o.wishes {
		if w.value == o.want[w.option] && w.value != o.there[w.option] {
			reasons = append(reasons, w.reason)
			acted[w.strategy] = true
		}
	}
	if len(clauses) > 0 {
		sql := `ALTER CLUSTER "` + strings.ReplaceAll(o.name, `"`, `""`) + `" `
		if len(set) == 0 {
			sql += "RESET (AUTO SCALING STRATEGY)"
		} else {
			sql += "SET (" + strings.Join(clauses, ", ") + ")"
		}
		actions = append(actions, tree{"op": "alter", "sql": sql, "set": set, "reset": reset, "reasons": reasons})
	}
	desired := []any{tree{"size": o.want["size"], "replication_factor": json.Number(o.want["factor"]), "hydration_burst": value("burst", o.want["burst"])}}
	state := o.newState(acted)
	if payload, ok := state["idle_suspend"].(tree); ok && slices.Contains(o.remembers, "idle_suspend") && acted["idle_suspend"] {
		if delete(payload, "restore"); o.restore != "" {
			payload["restore"] = json.Number(o.restore)
		}
	}
	if payload, ok := state["target_size"].(tree); ok && slices.Contains(o.remembers, "target_size") && acted["target_size"] {
		shape := literal(o.newest("target_size").config.(tree)["target_size"].(string)) + "; " + literal(o.server.size)
		if at := o.newest("target_size").updatedAt; at != nil {
			shape = printMoment(at) + "; " + shape
		}
		payload["gave_up"] = shape
	}
	return tree{"id": o.id, "name": o.name, "desired": desired, "actions": actions, "errors": o.sortedErrors(), "state": state}
}

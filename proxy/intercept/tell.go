package intercept

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

const (
	severityNotice  = "NOTICE"
	severityWarning = "WARNING"
)

// At most so many messages tell of one statement.
const maxNotices = 5

// tell puts outcomes into messages: what was done, what failed, what is wrong
// with what is stored, and what was held back.
func (h *handler) tell(outcomes []reconcile.Outcome, w pendingWrite) []*proxy.Notice {
	var actions, rest []*proxy.Notice
	for i := range outcomes {
		o := &outcomes[i]
		actions = append(actions, actionNotices(o)...)
		rest = append(rest, problemNotices(o)...)
		rest = append(rest, supersededNotices(o, w)...)
		rest = append(rest, guardNotices(o)...)
		rest = append(rest, orphanNotices(o, w.gone)...)
		if h.settings.notices() == noticesAll {
			rest = append(rest, decisionNotices(o)...)
		}
	}
	return append(actions, rest...)
}

// shortened keeps the first messages, warnings before others, and says how many there are more.
func (h *handler) shortened(list []*proxy.Notice) []*proxy.Notice {
	more := len(list) - maxNotices
	if more <= 0 || h.settings.notices() == noticesAll {
		return list
	}
	dropped := 0
	for i := len(list) - 1; i >= 0 && dropped < more; i-- {
		if list[i].Severity != severityWarning {
			list = slices.Delete(list, i, i+1)
			dropped++
		}
	}
	return append(list[:maxNotices], notice(severityNotice, codeOK, fmt.Sprintf("and %d more; run SHOW STRATEGY ACTIONS", more), "", ""))
}

func actionNotices(o *reconcile.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	if o.Observe {
		for _, a := range o.Plan.Actions {
			list = append(list, notice(severityNotice, codeOK, "would "+describe(o.Plan.Name, a), reasons(a), "The proxy only observes (--observe)."))
			list = append(list, restartNotice(o, a)...)
		}
	}
	for _, r := range o.Results {
		if r.Err != nil {
			list = append(list, failureNotice(o, r))
			continue
		}
		list = append(list, notice(severityNotice, codeOK, past(r.Op)+" "+object(o.Plan.Name, r.Action), reasons(r.Action), ""))
		list = append(list, restartNotice(o, r.Action)...)
	}
	return list
}

// restartNotice tells that sources which run on one replica alone go on on another one.
func restartNotice(o *reconcile.Outcome, a engine.Action) []*proxy.Notice {
	if a.Restart == nil {
		return nil
	}
	return []*proxy.Notice{notice(severityNotice, codeOK, a.Restart.String(),
		fmt.Sprintf("The server runs such a source on one replica alone, until now on %s.%s.", pgtext.QuoteIdent(o.Plan.Name), pgtext.QuoteIdent(a.Replica)), "")}
}

func failureNotice(o *reconcile.Outcome, r reconcile.ActionResult) *proxy.Notice {
	return notice(severityWarning, sqlstate(r.Err), "could not "+describe(o.Plan.Name, r.Action)+": "+reconcile.Said(r.Err), reasons(r.Action),
		"The strategies stay stored, and it is tried again.")
}

func describe(cluster string, a engine.Action) string { return string(a.Op) + " " + object(cluster, a) }

func past(op engine.Op) string {
	switch op {
	case engine.OpDrop:
		return "dropped"
	case engine.OpAlter:
		return "altered"
	}
	return "created"
}

// object names a replica with its size, where that is known, or a cluster with what changes of it.
func object(cluster string, a engine.Action) string {
	if a.Alter != nil {
		return "cluster " + pgtext.QuoteIdent(cluster) + " (" + a.Alter.String() + ")"
	}
	text := "cluster replica " + pgtext.QuoteIdent(cluster) + "." + pgtext.QuoteIdent(a.Replica)
	if a.Size != "" {
		text += " (" + a.Size + ")"
	}
	return text
}

// reasonTexts are the reasons of an action in one line.
func reasonTexts(a engine.Action) string {
	var texts []string
	for _, r := range a.Reasons {
		texts = append(texts, r.Text)
	}
	return strings.Join(texts, "; ")
}

// reasons is a sentence a strategy that asked for an action.
func reasons(a engine.Action) string {
	var sentences []string
	for _, r := range a.Reasons {
		sentences = append(sentences, "Strategy "+r.Text+".")
	}
	return strings.Join(sentences, " ")
}

func problemNotices(o *reconcile.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, p := range o.Plan.Problems {
		switch {
		case p.Code == engine.BadState && p.Strategy == "":
			list = append(list, notice(severityWarning, problemState(p.Code), fmt.Sprintf("what strategies of cluster %s remembered cannot be read", quoted(o.Plan.Name)), sentence(p.Message),
				"RESET STRATEGY STATE forgets it."))
		case p.Strategy == "":
			list = append(list, notice(severityWarning, problemState(p.Code), fmt.Sprintf("no strategy of cluster %s counts", quoted(o.Plan.Name)), sentence(p.Message), ""))
		case p.Code == engine.BadState:
			list = append(list, notice(severityWarning, problemState(p.Code), fmt.Sprintf("what strategy %s of cluster %s remembered cannot be read", quoted(p.Strategy), quoted(o.Plan.Name)), sentence(p.Message),
				"RESET STRATEGY STATE forgets it."))
		case p.Code == engine.UnapprovedRow:
			list = append(list, notice(severityWarning, problemState(p.Code), fmt.Sprintf("a row of strategy %s for cluster %s is not approved", quoted(p.Strategy), quoted(o.Plan.Name)), sentence(p.Message),
				approveHint(o.Plan.Name)))
		default:
			list = append(list, notice(severityWarning, problemState(p.Code), fmt.Sprintf("strategy %s of cluster %s does not count: %s", quoted(p.Strategy), quoted(o.Plan.Name), p.Message),
				"The row is stored, but left out; the other strategies run.", "UPDATE or DELETE the row; VALIDATE STRATEGIES lists what is wrong."))
		}
	}
	return list
}

// approveHint says how a row comes to count.
func approveHint(cluster string) string {
	return "Who may steer the cluster can run APPLY STRATEGIES FOR CLUSTER " + pgtext.QuoteIdent(cluster) + ", or DELETE the row."
}

// supersededNotices tells which row of a type no longer counts because a newer one was written.
func supersededNotices(o *reconcile.Outcome, w pendingWrite) []*proxy.Notice {
	var list []*proxy.Notice
	rows := o.Before.Strategies
	told := map[string]bool{}
	for i, counts := range engine.Counting(rows) {
		row := rows[i]
		if counts || told[row.Type] || w.types != nil && !slices.Contains(w.types, row.Type) {
			continue
		}
		told[row.Type] = true
		if winner := decides(o, w, row.Type); winner != nil {
			list = append(list, losesNotice(o, winner))
			continue
		}
		which, what := "an older row", "no longer counts"
		if slices.ContainsFunc(rows[i+1:], func(r engine.StrategyRow) bool { return r.Type == row.Type && sameTime(r.UpdatedAt, row.UpdatedAt) }) {
			which, what = "one of several equally new rows", "does not count"
		}
		list = append(list, notice(severityNotice, codeOK, fmt.Sprintf("%s of strategy %s for cluster %s %s", which, quoted(row.Type), quoted(o.Plan.Name), what),
			"It was written at "+written(row)+" and has config "+brief(string(row.Config))+".", "DELETE it if you do not need it any more."))
	}
	return list
}

// decides returns the row that counts where a write has stored one of its type that does not; nil: there is none.
func decides(o *reconcile.Outcome, w pendingWrite, kind string) *engine.StrategyRow {
	counts := engine.NewestRows(o.Before.Strategies).Of(kind)
	beaten := false
	for _, wrote := range w.wrote {
		if wrote.rowKey == (rowKey{o.Plan.ID, kind}) {
			beaten = true
			if counts == nil || string(counts.Config) == wrote.config {
				return nil
			}
		}
	}
	if !beaten {
		return nil
	}
	return counts
}

// losesNotice tells somebody that not the row decides that was just written.
func losesNotice(o *reconcile.Outcome, winner *engine.StrategyRow) *proxy.Notice {
	dated, hint := written(*winner), "UPDATE the row to make it count."
	if winner.UpdatedAt != nil && winner.UpdatedAt.Compare(o.Now) > 0 {
		dated, hint = dated+", in the future", "DELETE the other one, or give it an updated_at of now."
	}
	return notice(severityWarning, codeWarning, fmt.Sprintf("the row you wrote of strategy %s for cluster %s does not count: another one is dated %s", quoted(winner.Type), quoted(o.Plan.Name), dated),
		"The one that decides has config "+brief(string(winner.Config))+".", hint)
}

// At most so many characters of a config stand in a message.
const maxConfig = 200

// brief cuts what is too long for a message.
func brief(text string) string {
	if runes := []rune(text); len(runes) > maxConfig {
		return string(runes[:maxConfig]) + "..."
	}
	return text
}

func sameTime(a, b *engine.Timestamp) bool {
	return a == nil && b == nil || a != nil && b != nil && a.Compare(*b) == 0
}

// written is when a row was set.
func written(row engine.StrategyRow) string {
	if row.UpdatedAt == nil {
		return "an unknown time"
	}
	return row.UpdatedAt.UTC().Format(fineTimestampFormat)
}

// tellStrays tells of rows that are stored for clusters that do not exist: for all of these, or for some.
func (h *handler) tellStrays(ctx context.Context, ids ...string) []*proxy.Notice {
	s, _, err := h.cfg.Engine.Explain(ctx, ids...)
	if err != nil || len(s.Strays) == 0 {
		return nil
	}
	catalog, err := h.catalog(ctx)
	if err != nil {
		return nil
	}
	var list []*proxy.Notice
	told := map[string]bool{}
	for _, stray := range s.Strays {
		if told[stray.ClusterID] {
			continue
		}
		told[stray.ClusterID] = true
		list = append(list, notice(severityWarning, codeUndefined, fmt.Sprintf("rows for cluster %s do not count: %s", quoted(stray.ClusterID), strayFinding(catalog, stray)),
			"", "Run: "+strayHint(catalog, stray)))
	}
	return list
}

// strayFinding says what is wrong with a row that belongs to no cluster.
func strayFinding(catalog engine.Catalog, stray engine.Stray) string {
	if _, err := findCluster(catalog, stray.ClusterID); err == nil {
		return "cluster_id holds the name of a cluster, not its id"
	}
	return "there is no cluster of that id"
}

// strayHint is the statement that puts it right.
func strayHint(catalog engine.Catalog, stray engine.Stray) string {
	if stray.Fault != "" && stray.ClusterID == "" {
		return "DELETE FROM " + rewrite.Table + " WHERE cluster_id IS NULL;"
	}
	where := " WHERE cluster_id = " + pgtext.QuoteLiteral(stray.ClusterID) + ";"
	if info, err := findCluster(catalog, stray.ClusterID); err == nil {
		return "UPDATE " + rewrite.Table + " SET cluster_id = " + pgtext.QuoteLiteral(info.ID) + where
	}
	return "DELETE FROM " + rewrite.Table + where
}

func guardNotices(o *reconcile.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, g := range o.Plan.Guards {
		if g.Held && g.Name != engine.GuardObserve { // which the actions tell
			list = append(list, notice(severityNotice, codeOK, fmt.Sprintf("held back on cluster %s: %s", quoted(o.Plan.Name), g.Text), "", ""))
		}
	}
	return list
}

// orphanNotices tells which replicas outlive a strategy whose row is gone by this write.
func orphanNotices(o *reconcile.Outcome, gone []rowKey) []*proxy.Notice {
	var list []*proxy.Notice
	for _, orphan := range o.Plan.Orphans {
		if !slices.Contains(gone, rowKey{o.Plan.ID, orphan.Strategy}) {
			continue
		}
		list = append(list, notice(severityNotice, codeOK, fmt.Sprintf("cluster replica %s.%s stays: no strategy drops it", pgtext.QuoteIdent(o.Plan.Name), pgtext.QuoteIdent(orphan.Replica)),
			fmt.Sprintf("It was created by strategy %s, which the cluster no longer has.", quoted(orphan.Strategy)), "Drop it with DROP CLUSTER REPLICA if you do not need it."))
	}
	return list
}

func decisionNotices(o *reconcile.Outcome) []*proxy.Notice {
	var list []*proxy.Notice
	for _, d := range o.Plan.Decisions {
		list = append(list, notice(severityNotice, codeOK, fmt.Sprintf("cluster %s, %s: %s, %s", quoted(o.Plan.Name), d.Strategy, d.Verb, d.Text), "", ""))
	}
	return list
}

package intercept

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/sirupsen/logrus"

	"mzproxy/engine"
	"mzproxy/engine/reconcile"
)

// How long the record of a change may keep a client waiting.
const recordWait = 5 * time.Second

// change is one that the session has made.
func (h *handler) change(kind, cluster, strategy string, old, now json.RawMessage) reconcile.ChangeRecord {
	return reconcile.ChangeRecord{ChangeID: uuid.NewString(), ClusterID: cluster, Strategy: strategy, Kind: kind, Old: old, New: now,
		Role: h.info.User, Application: h.session.Parameter("application_name"), Client: h.address()}
}

// record keeps who changed what, and tells the log. The change itself is stored already: that it is not on record is no reason to undo it.
func (h *handler) record(ctx context.Context, changes []reconcile.ChangeRecord) {
	if len(changes) == 0 {
		return
	}
	for _, c := range changes {
		fields := logrus.Fields{"change": c.Kind, "cluster_id": c.ClusterID, "role": c.Role, "change_id": c.ChangeID}
		if c.Strategy != "" {
			fields["strategy"] = h.knownType(c.Strategy)
		}
		h.log.WithFields(fields).Info("strategies changed")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWait)
	defer cancel()
	if err := h.cfg.Store.RecordChanges(ctx, changes); err != nil {
		h.log.WithField("why", reconcile.Said(err)).Warn("a change of strategies is not on record")
	}
}

// knownType is a type of strategies for the log, where nothing stands that a client has made up.
func (h *handler) knownType(strategy string) string {
	if strategy == engine.PauseType || slices.ContainsFunc(h.cfg.Registry.Types(), func(t engine.TypeInfo) bool { return t.Name == strategy }) {
		return strategy
	}
	return "unknown"
}

// stored are the rows that count of clusters, as they were last seen.
type stored struct {
	configs map[rowKey]json.RawMessage
	known   map[string]bool // clusters that were seen at all
}

// storedBefore are the rows that count of some clusters, before a write that is not seen yet.
func (h *handler) storedBefore(clusters []string) stored {
	before := stored{map[rowKey]json.RawMessage{}, map[string]bool{}}
	memory, remembers := h.cfg.Engine.(Rememberer)
	if !remembers {
		return before
	}
	for _, id := range clusters {
		rows, known := memory.Stored(id)
		before.add(id, rows, known)
	}
	return before
}

func (s stored) add(id string, rows []engine.StrategyRow, known bool) {
	s.known[id] = known
	for _, row := range engine.NewestRows(rows) {
		s.configs[rowKey{id, row.Type}] = row.Config
	}
}

// changesOf are what some writes have changed: what they say themselves, and, of the types that they may have written, what is stored before and after,
// where both are known.
func (h *handler) changesOf(w pendingWrite, before stored, outcomes []reconcile.Outcome) []reconcile.ChangeRecord {
	after := stored{map[rowKey]json.RawMessage{}, map[string]bool{}}
	for i := range outcomes {
		after.add(outcomes[i].Plan.ID, outcomes[i].Before.Strategies, true)
	}
	touched := map[rowKey]bool{}
	for _, wrote := range w.wrote {
		touched[wrote.rowKey] = true
		if !after.known[wrote.cluster] {
			after.configs[wrote.rowKey] = json.RawMessage(wrote.config)
		}
	}
	for _, gone := range w.gone {
		if _, there := before.configs[gone]; there || !before.known[gone.cluster] {
			touched[gone] = true
		}
	}
	for _, configs := range []map[rowKey]json.RawMessage{before.configs, after.configs} {
		for key := range configs {
			if before.known[key.cluster] && after.known[key.cluster] && (w.types == nil || slices.Contains(w.types, key.strategy)) &&
				string(before.configs[key]) != string(after.configs[key]) {
				touched[key] = true
			}
		}
	}
	var changes []reconcile.ChangeRecord
	for _, key := range slices.SortedFunc(maps.Keys(touched), func(a, b rowKey) int {
		return cmp.Or(strings.Compare(a.cluster, b.cluster), strings.Compare(a.strategy, b.strategy))
	}) {
		changes = append(changes, h.change(strings.ToUpper(string(w.op)), key.cluster, key.strategy, before.configs[key], after.configs[key]))
	}
	return changes
}

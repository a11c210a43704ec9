package reconcile

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"mzproxy/engine"
)

// How old an intention has to be, by the server's clock, before it is given up although its statement may still
// be on its way: longer than statements take.
const settleAfter = 2 * time.Minute

// intentions knows the rows of the audit table that nobody has completed. Its
// zero value knows none.
type intentions struct {
	loading sync.Mutex // held while the table is read

	mu sync.Mutex
	// unsettled is set while the table may hold rows that are not known here.
	unsettled bool
	// working holds the ids of rows that a look is working on.
	working map[string]bool
	// open holds the others by their ids. Of those whose outcome is known only the record is
	// missing: Executed or Error is set.
	open map[string]ActionRecord
}

// doubt says that the table may hold rows that are not known here.
func (in *intentions) doubt() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.unsettled = true
}

// keep leaves a row for later.
func (in *intentions) keep(r ActionRecord) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.open == nil {
		in.open = map[string]ActionRecord{}
	}
	in.open[r.ActionID] = r
}

// takeUp returns an open row for the statement of another one, to be worked on
// in its place; else the other one itself. What it returns counts as being worked on.
func (in *intentions) takeUp(wanted ActionRecord) (row ActionRecord, found bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	row = wanted
	for id, r := range in.open {
		if r.ClusterID == wanted.ClusterID && r.SQL == wanted.SQL && r.Executed == nil && r.Error == "" {
			delete(in.open, id)
			row, found = r, true
			break
		}
	}
	if in.working == nil {
		in.working = map[string]bool{}
	}
	in.working[row.ActionID] = true
	return row, found
}

func (in *intentions) release(id string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	delete(in.working, id)
}

// take removes and returns the open rows of a cluster, the oldest first.
func (in *intentions) take(clusterID string) []ActionRecord {
	in.mu.Lock()
	defer in.mu.Unlock()
	var rows []ActionRecord
	for id, r := range in.open {
		if r.ClusterID == clusterID {
			rows = append(rows, r)
			delete(in.open, id)
		}
	}
	slices.SortFunc(rows, func(a, b ActionRecord) int { return a.CreatedAt.Compare(b.CreatedAt) })
	return rows
}

// begin returns what was open before the table is read; ok is false if there is
// no need to read it.
func (in *intentions) begin() (before map[string]bool, ok bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	before = map[string]bool{}
	for id := range in.open {
		before[id] = true
	}
	ok, in.unsettled = in.unsettled, false
	return before, ok
}

// merge takes in what the table shows. A row that it does not show any more was dropped, or
// completed, by somebody else; what is known of an outcome still has to be recorded.
func (in *intentions) merge(before map[string]bool, rows []ActionRecord) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.open == nil {
		in.open = map[string]ActionRecord{}
	}
	for _, row := range rows {
		known, ok := in.open[row.ActionID]
		delete(before, row.ActionID)
		if in.working[row.ActionID] {
			continue
		}
		if ok {
			row.Executed, row.Error = known.Executed, known.Error
		}
		in.open[row.ActionID] = row
	}
	for id := range before {
		if r := in.open[id]; r.Executed == nil && r.Error == "" {
			delete(in.open, id)
		}
	}
}

// load reads what an earlier life, another leader, or a lost connection left open, where that is not known yet.
// Each cluster concerned is due for a look then, and nothing is done to a cluster before that.
func (r *Reconciler) load(ctx context.Context) error {
	in := &r.intentions
	in.loading.Lock()
	defer in.loading.Unlock()
	before, ok := in.begin()
	if !ok {
		return nil
	}
	rows, err := r.cfg.Recorder.Unfinished(ctx)
	if err != nil {
		in.doubt()
		return fmt.Errorf("read open intentions: %w", err)
	}
	in.merge(before, rows)
	for _, row := range rows {
		r.schedule.add(row.ClusterID, time.Now(), "event")
	}
	return nil
}

// settle completes the open intentions about a cluster: what the world shows counts. One that shows no effect
// may still get one, for its statement may be on its way; so it stays, to be taken up by the plan that wants the same,
// or to be dropped when it is old. The caller holds the cluster; any tells whether there were any.
func (r *Reconciler) settle(ctx context.Context, clusterID string) (any bool, err error) {
	if err := r.load(ctx); err != nil {
		return false, err
	}
	rows := r.intentions.take(clusterID)
	for i, row := range rows {
		if err := r.settleRow(ctx, row); err != nil {
			for _, rest := range rows[i:] {
				r.intentions.keep(rest)
			}
			return true, fmt.Errorf("settle: %w", err)
		}
	}
	return len(rows) > 0, nil
}

func (r *Reconciler) settleRow(ctx context.Context, row ActionRecord) error {
	if row.Executed != nil { // only the record is missing
		return r.cfg.Recorder.Finish(ctx, row)
	}
	s, err := r.observe(ctx, []string{row.ClusterID})
	if err != nil {
		return err
	}
	done, met, err := r.effect(ctx, s, &row)
	if err != nil {
		return err
	}
	if met.ClusterID != "" && met.ClusterID != row.ClusterID {
		return r.move(ctx, row, met)
	}
	age := s.Now.Sub(row.CreatedAt).Abs() // clocks jump, and anybody can write a row
	claimed := false
	if done {
		if claimed, err = r.claimed(ctx, row); err != nil {
			return err
		}
	}
	switch {
	case claimed:
		return r.cfg.Recorder.Forget(ctx, row.ActionID)
	case done:
		row.Error = ""
		if err := r.recall(ctx, s, row); err != nil {
			return err
		}
	case row.Error != "":
	case age < settleAfter:
		r.intentions.keep(row)
		r.schedule.add(row.ClusterID, time.Now().Add(settleAfter-age), "due")
		return nil
	default:
		return r.cfg.Recorder.Forget(ctx, row.ActionID)
	}
	row.Executed = &done
	return r.cfg.Recorder.Finish(ctx, row)
}

// effect tells whether the statement of an open row took effect, and what it met where the server's record tells. Of a create that record decides
// alone: a replica of that name may be somebody else's.
func (r *Reconciler) effect(ctx context.Context, s engine.Snapshot, row *ActionRecord) (done bool, met Traced, err error) {
	creates := row.Context.Op == string(engine.OpCreate)
	if creates && row.Context.ReplicaID != "" { // found before, and recorded
		return true, Traced{}, nil
	}
	met, able, err := r.trace(ctx, *row)
	switch {
	case err != nil:
		return false, Traced{}, err
	case met.ClusterID != "":
		row.Context.ReplicaID = met.ReplicaID
		return true, met, nil
	}
	return row.doneIn(s) && !(able && creates), Traced{}, nil
}

// claimed tells whether another row tells of the effect already: two proxies may have tried the same at one time, and
// the one that came second died before it took its row back. The latest row about the replica decides.
func (r *Reconciler) claimed(ctx context.Context, row ActionRecord) (bool, error) {
	auditor, ok := r.cfg.Recorder.(Auditor)
	if !ok {
		return false, nil
	}
	rows, err := auditor.Actions(ctx, ActionFilter{ClusterID: row.ClusterID, Limit: 100})
	if err != nil {
		return false, fmt.Errorf("read actions: %w", err)
	}
	for _, other := range rows { // the newest first
		if x, y := row.Context.ReplicaID, other.Context.ReplicaID; x != "" && y != "" && x != y {
			continue
		}
		if other.ActionID == row.ActionID || other.Executed == nil || !*other.Executed || other.Context.Replica != row.Context.Replica {
			continue
		}
		return other.Context.Op == row.Context.Op && (row.Context.Alter == nil || other.SQL == row.SQL) && row.CreatedAt.Sub(other.CreatedAt) < settleAfter, nil
	}
	return false, nil
}

// recall brings the state to what an action that was settled would have left.
func (r *Reconciler) recall(ctx context.Context, s engine.Snapshot, row ActionRecord) error {
	if len(s.Clusters) == 0 {
		return nil
	}
	memory := memoryOf(&s.Clusters[0])
	memory.took(row, row.replicaIn(s))
	return r.saveState(ctx, row.ClusterID, memory)
}

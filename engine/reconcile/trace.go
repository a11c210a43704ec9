package reconcile

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Tracer is an Observer that knows, by the server's own record, what a statement met: a statement says names, and names change.
type Tracer interface {
	// Trace finds the latest statement of this role since a moment that did op to a replica, by the names that it and its cluster had then.
	// The zero Traced: there was none.
	Trace(ctx context.Context, since time.Time, op, cluster, replica string) (Traced, error)
}

// Traced is what a statement met.
type Traced struct {
	ClusterID string // empty: it met nothing
	ReplicaID string // that it created, or dropped
}

// trace asks what the statement of a record met. able tells whether anybody could be asked.
func (r *Reconciler) trace(ctx context.Context, row ActionRecord) (met Traced, able bool, err error) {
	tracer, able := r.cfg.Observer.(Tracer)
	if !able || row.Context.Cluster == "" || row.Context.Alter != nil { // which shows in the cluster's shape
		return Traced{}, false, nil
	}
	if met, err = tracer.Trace(ctx, row.CreatedAt, row.Context.Op, row.Context.Cluster, row.Context.Replica); err != nil {
		return Traced{}, true, fmt.Errorf("trace the statement: %w", err)
	}
	return met, true, nil
}

// move gives a record to the cluster that its statement met in the place of the one that was meant, so that a replica that came to be
// there is known as ours.
func (r *Reconciler) move(ctx context.Context, row ActionRecord, met Traced) error {
	moved := row
	moved.ActionID, moved.ClusterID = uuid.NewString(), met.ClusterID
	moved.Context.ReplicaID = met.ReplicaID
	moved.Context.State = nil // the payloads are another cluster's
	if err := r.cfg.Recorder.Begin(ctx, moved); err != nil {
		r.intentions.keep(row)
		r.intentions.doubt()
		return fmt.Errorf("record which cluster was met: %w", err)
	}
	r.intentions.keep(moved)
	r.schedule.add(met.ClusterID, time.Now(), "event")
	if err := r.cfg.Recorder.Forget(ctx, row.ActionID); err != nil {
		r.intentions.doubt()
		return fmt.Errorf("drop intention: %w", err)
	}
	return nil
}

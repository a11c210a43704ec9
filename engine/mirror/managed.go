package mirror

import (
	"encoding/json"
	"strings"
	"time"

	"mzproxy/engine"
)

// shapeOf is what a managed cluster is set to, as its own row tells; nil: it is not managed.
func shapeOf(f fields) *engine.Shape {
	if !f.truth(2) || f[4] == nil {
		return nil
	}
	s := &engine.Shape{Size: f.text(4), Factor: 1}
	if n := f.number(5); n != nil {
		s.Factor = *n
	}
	return s
}

// readNative reads what of the server's own scales the cluster. Of a managed one it is what strategies set.
func (m *Mirror) readNative(c *Cluster) {
	m.each(tagSchedule, c.ID, func(f fields) {
		if c.Schedule = strings.ToLower(f.text(1)); c.Schedule != engine.ScheduleManual && c.Shape == nil {
			c.Native = "a SCHEDULE"
		}
	})
	burst := ""
	m.each(tagScaling, c.ID, func(f fields) { burst = hydrationSize(f.text(1)) })
	if c.Shape == nil {
		if burst != "" {
			c.Native = "an AUTO SCALING STRATEGY"
		}
		return
	}
	c.Shape.Burst, c.BurstUnknown = burst, m.unknown["auto scaling strategies"]
	m.each(tagReconfigure, c.ID, func(f fields) {
		c.Reconfiguring, c.Failed = reconfiguration(f.text(1), f.number(2), f.text(3))
	})
}

// hydrationSize is the HYDRATION SIZE of an AUTO SCALING STRATEGY; empty: none.
func hydrationSize(strategy string) string {
	var s *struct {
		OnHydration struct {
			Size string `json:"hydration_size"`
		} `json:"on_hydration"`
	}
	if json.Unmarshal([]byte(strategy), &s) != nil || s == nil {
		return ""
	}
	return s.OnHydration.Size
}

// The lifecycle of a reconfiguration, as far as it matters: its row stays when it is over.
const (
	inProgress = "in-progress"
	timedOut   = "timed-out"
	exhausted  = "resource-exhausted"
)

// reconfiguration reads the latest change of a cluster: it is under way, or the server gave it up, or neither.
func reconfiguration(status string, deadline *int64, target string) (*engine.Reconfiguration, *engine.FailedReconfiguration) {
	var to struct {
		Size   string `json:"size"`
		Factor int64  `json:"replication_factor"`
	}
	if json.Unmarshal([]byte(target), &to) != nil {
		return nil, nil
	}
	switch status {
	case inProgress:
		r := &engine.Reconfiguration{Size: to.Size, Factor: to.Factor}
		if deadline != nil {
			at := engine.At(time.UnixMilli(*deadline).UTC())
			r.Deadline = &at
		}
		return r, nil
	case timedOut, exhausted:
		return nil, &engine.FailedReconfiguration{Size: to.Size, Factor: to.Factor, Status: status}
	}
	return nil, nil
}

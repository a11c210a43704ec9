package materialize

import (
	"sync"
	"time"

	"mzproxy/engine"
)

// firstSeen remembers when rows were first seen that have no time of their own: a table that another tool has made in the place of ours.
// They count as written then.
type firstSeen struct {
	mu sync.Mutex
	at map[rowKey]engine.Timestamp
}

// rowKey is all that a row without a time says.
type rowKey struct{ cluster, kind, config string }

// date gives rows their times.
func (f *firstSeen) date(rows map[string][]engine.StrategyRow, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[rowKey]engine.Timestamp{}
	}
	for cluster, list := range rows {
		for i, row := range list {
			key := rowKey{cluster, row.Type, string(row.Config)}
			first, ok := f.at[key]
			if !ok {
				first = engine.At(now.UTC())
				f.at[key] = first
			}
			list[i].UpdatedAt = &first
		}
	}
}

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

// date returns rows with their times.
func (f *firstSeen) date(rows map[string][]engine.StrategyRow, now time.Time) map[string][]engine.StrategyRow {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.at == nil {
		f.at = map[rowKey]engine.Timestamp{}
	}
	dated := map[string][]engine.StrategyRow{}
	for cluster, list := range rows {
		for _, row := range list {
			key := rowKey{cluster, row.Type, string(row.Config)}
			first, ok := f.at[key]
			if !ok {
				first = engine.At(now.UTC())
				f.at[key] = first
			}
			row.UpdatedAt = &first
			dated[cluster] = append(dated[cluster], row)
		}
	}
	return dated
}

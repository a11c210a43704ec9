package intercept

import (
	"context"
	"slices"
	"time"

	"mzproxy/engine"
)

// factsTrust bounds how long the writes of one transaction or pipeline are checked against what was read for the first of them.
const factsTrust = 2 * time.Second

// facts are what writes are checked against. They are read once for a transaction or pipeline: a thousand rows cost as
// many looks at the catalog otherwise.
type facts struct {
	at      time.Time // of the catalog; zero: none was read
	catalog engine.Catalog
	role    *engine.Role
	may     map[string]bool // privileges on the table
}

// begin forgets the facts where a transaction begins.
func (f *facts) begin(status byte, pipelined bool) {
	if status == 'I' && !pipelined || time.Since(f.at) > factsTrust {
		*f = facts{}
	}
}

// factsCatalog is the catalog that the writes of the transaction at hand are checked against.
func (h *handler) factsCatalog(ctx context.Context) (engine.Catalog, error) {
	if !h.facts.at.IsZero() {
		return h.facts.catalog, nil
	}
	at := time.Now()
	catalog, err := h.catalog(ctx)
	if err == nil {
		h.facts = facts{at: at, catalog: catalog}
	}
	return catalog, err
}

// factsRole is the session's role, read with the catalog.
func (h *handler) factsRole(ctx context.Context) (engine.Role, error) {
	if h.facts.role != nil {
		return *h.facts.role, nil
	}
	role, err := h.cfg.Catalog.Role(ctx, h.info.User)
	if err == nil && !h.facts.at.IsZero() {
		h.facts.role = &role
	}
	return role, err
}

// seek completes a catalog with what a text means, where it shows no such cluster: one may have been made a moment ago. The server is asked then.
func (h *handler) seek(ctx context.Context, catalog engine.Catalog, text string) engine.Catalog {
	if _, e := findCluster(catalog, text); e == nil || e.Code != codeUndefined {
		return catalog
	}
	found, err := h.cfg.Catalog.Find(ctx, text)
	if err == nil {
		catalog.Clusters = slices.Concat(catalog.Clusters, found)
	}
	return catalog
}

package intercept

import (
	"context"
	"fmt"

	"mzproxy/engine"
	"mzproxy/proxy"
	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// read lets a query that names clusters find the rows that were written with their names: the table has their ids.
func (h *handler) read(ctx context.Context, q proxy.Query, s *rewrite.Statement) proxy.Verdict {
	if q.TxStatus == 'E' {
		return proxy.Verdict{}
	}
	var v proxy.Verdict
	if s.Read.Unclear {
		h.late = append(h.late, h.settings.filter([]*proxy.Notice{namesNotUnderstood()})...)
		v.Watch = true
	}
	catalog, err := h.factsCatalog(ctx)
	if err != nil {
		return v // the server answers all the same
	}
	var edits []pgtext.Edit
	parameters := false
	for _, value := range s.Read.Clusters {
		if id, ok := named2id(catalog, value.Text); ok && value.Kind == rewrite.Literal {
			edits = append(edits, pgtext.Edit{Span: value.Span, Text: pgtext.QuoteLiteral(id)})
		}
		parameters = parameters || value.Kind == rewrite.Bound
	}
	if len(edits) > 0 {
		v.Action, v.Text = proxy.Replace, editSpan(q.Text, s.Span, edits)
	}
	if parameters && q.Extended {
		v.Bind = func(ctx context.Context, b *proxy.Bind) error { return h.readBound(ctx, s.Read, b) }
	}
	return v
}

// readBound puts ids in the place of names among the parameters of a query.
func (h *handler) readBound(ctx context.Context, r *rewrite.Read, b *proxy.Bind) error {
	if b.TxStatus == 'E' {
		return nil
	}
	h.facts.begin(b.TxStatus, b.Pipelined)
	catalog, err := h.factsCatalog(ctx)
	if err != nil {
		return nil //nolint:nilerr // the server answers all the same
	}
	for _, value := range r.Clusters {
		if value.Kind != rewrite.Bound || value.N > len(b.Values) || b.Values[value.N-1] == nil {
			continue
		}
		name := string(b.Values[value.N-1])
		id, ok := named2id(catalog, name)
		switch {
		case !ok:
		case r.Elsewhere(value.N):
			return usedElsewhere(value.N, name, id)
		default:
			b.Values[value.N-1] = []byte(id) // text is the same in both formats
			b.Changed = true
		}
	}
	return nil
}

// named2id is the id of the cluster that a text names, unless it is an id itself.
func named2id(catalog engine.Catalog, text string) (string, bool) {
	info, e := findCluster(catalog, text)
	return info.ID, e == nil && info.ID != text
}

func namesNotUnderstood() *proxy.Notice {
	return notice(severityNotice, codeOK, fmt.Sprintf("column cluster_id of %s holds ids of clusters, not their names", rewrite.Table),
		"A name is understood where it is compared with = or IN.", "SHOW STRATEGIES shows the names.")
}

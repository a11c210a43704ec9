package mzsim

import (
	"strings"

	"mzproxy/rewrite"
	"mzproxy/rewrite/pgtext"
)

// explain reads EXPLAIN of a query. Its plan names what is read, and the cluster that would do it.
func (st *statement) explain(text string, p *parser) {
	p.expect("explain")
	if p.accept("analyze") {
		if p.err == nil && !p.at(0).Is("cpu", "memory") {
			p.expected("one of CPU or MEMORY")
		}
		return
	}
	if !p.at(0).Is("select", "values", "with", "table") && !p.nextOp("(") {
		p.expected(queryBody)
		return
	}
	inner := analyse(text, rewrite.Piece{Span: pgtext.Span{Start: p.at(0).Start, End: st.End}, Tokens: p.tokens[p.pos:]})
	if p.err = inner.err; p.err != nil {
		return
	}
	st.tag = "SELECT 1"
	var plan, sources strings.Builder
	for _, r := range inner.usage.Relations {
		plan.WriteString("  →Stream " + qualifiedName(r) + "\n")
		sources.WriteString("Source " + qualifiedName(r) + "\n")
	}
	if len(inner.usage.Relations) == 0 {
		plan.WriteString("  →Constant (1 row)\n")
	}
	st.text = "SELECT " + constant("Explained Query:\n"+plan.String()+sources.String()+"Target cluster: ") +
		" || coalesce(nullif(current_setting(" + constant(customSetting("cluster")) + ", true), ''), " + constant(variableDefaults["cluster"]) + `) || E'\n' AS "Physical Plan"`
}

// qualifiedName is the full name of a relation as a plan shows it. What has no schema is taken to be in the first one.
func qualifiedName(r rewrite.Relation) string {
	schema := r.Schema
	if schema == "" {
		schema = "public"
	}
	return database + "." + schema + "." + r.Name
}

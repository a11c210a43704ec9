package mzsim

import (
	"fmt"
	"strings"

	"mzproxy/rewrite"
)

// shown says what SHOW answers: the relation that holds the rows, the columns to show, and a condition.
type shown struct{ columns, from, where string }

var shownObjects = []struct {
	words string
	shown shown
}{
	{"cluster replicas", shown{"*", "mz_sim.show_cluster_replicas", ""}},
	{"clusters", shown{"*", "mz_sim.show_clusters", ""}},
	{"indexes", shown{`name, "on", cluster, key, comment`, "mz_sim.show_indexes", ""}},
	{"materialized views", shown{"name, cluster, comment", "mz_sim.show_objects", "type = 'materialized-view'"}},
	{"tables", shown{"name, comment", "mz_sim.show_objects", "type = 'table'"}},
	{"views", shown{"name, comment", "mz_sim.show_objects", "type = 'view'"}},
	{"sources", shown{"name, subtype AS type, cluster, comment", "mz_sim.show_objects", "type = 'source'"}},
	{"sinks", shown{"name, subtype AS type, cluster, comment", "mz_sim.show_objects", "type = 'sink'"}},
	{"connections", shown{"name, subtype AS type, comment", "mz_sim.show_objects", "type = 'connection'"}},
	{"secrets", shown{"name, comment", "mz_sim.show_objects", "type = 'secret'"}},
	{"objects", shown{"name, type, comment", "mz_sim.show_objects", ""}},
	{"schemas", shown{"name, '' AS comment", "mz_catalog.mz_schemas", "database_id IS NOT NULL"}},
	{"databases", shown{"name, '' AS comment", "mz_catalog.mz_databases", ""}},
	{"roles", shown{"name, '' AS comment", "mz_catalog.mz_roles", "id LIKE 'u%'"}},
}

// show takes a SHOW statement. That of a variable reads nothing of the database.
func (st *statement) show(p *parser) {
	variable := false
	st.text, st.name, variable = p.show()
	st.kind = kindRead
	if variable {
		st.kind, st.tag = kindShow, "SELECT 1"
	}
	if st.name == "" && variable {
		st.tag = "" // ALL has more rows than one
	}
}

// show translates a SHOW statement into a query. variable tells whether it is about a variable, name which one.
func (p *parser) show() (query, name string, variable bool) {
	p.expect("show")
	if p.accept("create", "cluster") {
		name := p.ident()
		p.end()
		return "SELECT * FROM mz_sim.show_create_cluster(" + constant(name) + ")", "", false
	}
	for _, o := range shownObjects {
		if p.accept(strings.Fields(o.words)...) {
			return p.showObjects(o.shown), "", false
		}
	}
	query, name = p.showVariable()
	return query, name, true
}

// showObjects reads [FROM schema | ON object | IN CLUSTER c] [LIKE 'pattern' | WHERE condition].
func (p *parser) showObjects(s shown) string {
	var conditions []string
	if s.where != "" {
		conditions = append(conditions, s.where)
	}
	name := "name"
	if s.from == "mz_sim.show_cluster_replicas" {
		name = "replica"
	}
	for p.err == nil && !p.done() {
		switch {
		case p.accept("from"):
			conditions = append(conditions, "schema = "+constant(p.ident()))
		case p.accept("on"):
			conditions = append(conditions, `"on" = `+constant(p.ident()))
		case p.accept("in", "cluster"):
			conditions = append(conditions, "cluster = "+constant(p.ident()))
		case p.accept("like"):
			conditions = append(conditions, name+" LIKE "+constant(p.str()))
		case p.accept("where"):
			if condition := p.rest(); condition == "" {
				p.expected("expression")
			} else {
				conditions = append(conditions, "("+condition+")")
			}
		default:
			p.expected("end of statement")
		}
	}
	if len(conditions) == 0 {
		return fmt.Sprintf("SELECT %s FROM %s", s.columns, s.from)
	}
	return fmt.Sprintf("SELECT %s FROM %s WHERE %s", s.columns, s.from, strings.Join(conditions, " AND "))
}

// inlineShows replaces every (SHOW ...) that stands as a subquery in a query.
func inlineShows(text string, tokens []rewrite.Token) string {
	var b strings.Builder
	last := tokens[0].Start
	for i := 0; i+1 < len(tokens); i++ {
		if tokens[i].Kind != rewrite.Op || tokens[i].Text != "(" || !tokens[i+1].Is("show") {
			continue
		}
		depth, end := 1, i+1
		for ; end < len(tokens); end++ {
			if tokens[end].Kind == rewrite.Op && tokens[end].Text == "(" {
				depth++
			} else if tokens[end].Kind == rewrite.Op && tokens[end].Text == ")" {
				if depth--; depth == 0 {
					break
				}
			}
		}
		p := parser{text: text, tokens: tokens[i+1 : min(end, len(tokens))]}
		query, _, _ := p.show()
		if p.err != nil || query == "" || end == len(tokens) {
			continue
		}
		b.WriteString(text[last:tokens[i].End])
		b.WriteString(query)
		last = tokens[end].Start
		i = end
	}
	b.WriteString(text[last:tokens[len(tokens)-1].End])
	return b.String()
}

package rewrite

import (
	"strings"
	"testing"
)

// Every sentence that the grammar allows is a command, and none of its lines is too wide for a terminal.
func TestGrammar(t *testing.T) {
	productions := map[string]string{}
	var commands []string
	for _, line := range joined(Grammar()) {
		if name, rest, ok := strings.Cut(line, ":"); ok && !strings.Contains(name, " ") {
			productions[name] = rest
			continue
		}
		commands = append(commands, line)
	}
	if len(commands) != 16 || len(productions) != 2 {
		t.Fatalf("%d commands, %d productions", len(commands), len(productions))
	}
	sentences := 0
	for _, command := range commands {
		g := &grammar{words: strings.Fields(command), productions: productions}
		for _, sentence := range g.alternatives() {
			sentences++
			statements, err := Classify(sentence, testEnv)
			if err != nil || len(statements) != 1 || statements[0].Kind != IsCommand {
				t.Errorf("%s\n  allows %s\n  which is no command: %v", command, sentence, err)
			}
		}
	}
	if sentences < 100 {
		t.Errorf("only %d sentences", sentences)
	}
	for _, line := range Grammar() {
		if len(line) > 96 {
			t.Errorf("%d characters: %s", len(line), line)
		}
	}
}

// joined puts lines together that go on in the next one.
func joined(lines []string) []string {
	var out []string
	for _, line := range lines {
		trimmed := strings.TrimSpace(line)
		head, _, production := strings.Cut(trimmed, ":")
		if line != trimmed && (!production || strings.Contains(head, " ")) {
			out[len(out)-1] += " " + trimmed
			continue
		}
		out = append(out, trimmed)
	}
	return out
}

// grammar expands one production: a reader of the notation that it is written in.
type grammar struct {
	words       []string
	at          int
	productions map[string]string
}

// samples are what stands in the place of what the grammar does not spell out.
var samples = map[string]string{
	"name": "prod", "'pattern'": "'p%'", "'interval'": "'2 hours'", "'timestamp'": "'2030-01-01'", "'text'": "'why'",
	"n": "5", "bool": "off",
}

func (g *grammar) peek() string {
	if g.at == len(g.words) {
		return ""
	}
	return g.words[g.at]
}

// alternatives reads "a | b" up to a closing bracket or the end.
func (g *grammar) alternatives() []string {
	var all []string
	for {
		all = append(all, g.sequence()...)
		if g.peek() != "|" {
			return all
		}
		g.at++
	}
}

func (g *grammar) sequence() []string {
	sentences := []string{""}
	for {
		word := g.peek()
		if word == "" || strings.Contains("|]}", word) {
			return sentences
		}
		sentences = product(sentences, g.element())
	}
}

func product(heads, tails []string) []string {
	var all []string
	for _, head := range heads {
		for _, tail := range tails {
			all = append(all, strings.TrimSpace(head+" "+tail))
		}
	}
	return all
}

func (g *grammar) element() []string {
	word := g.peek()
	g.at++
	switch {
	case word == "[" && g.peek() == ",": // [, ...]
		panic("a repetition is one word here")
	case word == "[,":
		g.at++ // ...]
		return []string{"", ", VERBOSE"}
	case word == "[":
		inner := g.alternatives()
		g.at++
		return append([]string{""}, inner...)
	case word == "{":
		inner := g.alternatives()
		g.at++
		if g.peek() == "..." { // { INSERT | UPDATE | DELETE } ... mz_cluster_strategies ...
			g.at += 3
			return []string{
				"INSERT INTO mz_cluster_strategies VALUES ('prod', 'burst', '{}')",
				"UPDATE mz_cluster_strategies SET config = '{}'", "DELETE FROM mz_cluster_strategies",
			}
		}
		return inner
	case samples[word] != "":
		return []string{samples[word]}
	case g.productions[word] != "":
		inner := &grammar{words: strings.Fields(g.productions[word]), productions: g.productions}
		return inner.alternatives()
	}
	return []string{word}
}

package rewrite

import "testing"

func TestCursors(t *testing.T) {
	for text, want := range map[string]Statement{
		"FETCH p":                       {Kind: IsFetch, Name: "p"},
		`fetch 2 from "P"`:              {Kind: IsFetch, Name: "P"},
		"FETCH FORWARD ALL IN p":        {Kind: IsFetch, Name: "p"},
		"FETCH 1 p WITH (timeout '1s')": {Kind: IsFetch, Name: "p"},
		"MOVE BACKWARD 1 FROM p":        {Kind: IsFetch, Name: "p"},
		"DECLARE p CURSOR FOR SELECT 1": {Portal: "p"},
		"CLOSE P":                       {Portal: "p"},
		"CLOSE ALL":                     {},
		"SELECT fetch FROM p":           {},
		"FETCH":                         {},
	} {
		statements, err := Classify(text, Env{})
		if err != nil || len(statements) != 1 {
			t.Fatalf("%s: %v, %v", text, statements, err)
		}
		if s := statements[0]; s.Kind != want.Kind || s.Name != want.Name || s.Portal != want.Portal {
			t.Errorf("%s: kind %d, name %q, portal %q", text, s.Kind, s.Name, s.Portal)
		}
	}
}

package materialize

import (
	"slices"
	"testing"

	"mzproxy/engine"
)

// A setting names the sizes that are allowed; an empty one, or one that would leave none, allows all.
func TestAllowedSizes(t *testing.T) {
	sizes := []engine.Size{{Name: "25cc"}, {Name: "M.1-small"}, {Name: `o"d,d`}}
	for setting, want := range map[string][]string{
		"":                         {"25cc", "M.1-small", `o"d,d`},
		`"25cc", "50cc"`:           {"25cc"},
		`25cc`:                     {"25cc"},
		` 25cc ,"M.1-small"`:       {"25cc", "M.1-small"},
		`"o""d,d"`:                 {`o"d,d`},
		`"o""d,d","25cc",`:         {"25cc", `o"d,d`},
		`"3200cc"`:                 {"25cc", "M.1-small", `o"d,d`},
		`"not closed`:              {"25cc", "M.1-small", `o"d,d`},
		`"25cc" , "not closed ""x`: {"25cc"},
	} {
		f := facts{sizes: sizes}
		f.withhold(setting)
		var got []string
		for _, s := range f.sizes {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) || len(f.sizes)+len(f.withheld) != len(sizes) {
			t.Errorf("%s allows %q, not %q", setting, got, want)
		}
	}
}

package materialize

import (
	"slices"
	"testing"

	"mzproxy/engine"
	"mzproxy/engine/mirror"
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
		v := &view{Picture: &mirror.Picture{Sizes: sizes}, settings: settings{allowed: identifiers(setting)}}
		offered, withheld := v.sizes()
		var got []string
		for _, s := range offered {
			got = append(got, s.Name)
		}
		if !slices.Equal(got, want) || len(offered)+len(withheld) != len(sizes) {
			t.Errorf("%s allows %q, not %q", setting, got, want)
		}
	}
}

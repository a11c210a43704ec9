package engine_test

import (
	"slices"
	"strings"
	"testing"

	"mzproxy/engine"
)

func TestFamilyOf(t *testing.T) {
	for family, sizes := range map[engine.Family]string{
		engine.FamilyCC:    "25cc 100cc 0cc M.1-9cc 128C 0C a0cc",
		engine.FamilyM1:    "M.1-small M.1- M.1-cc M.1-C",
		engine.FamilyOther: "small cc C xcc 25CC 25cC 25c M.1 m.1-small 25cc2 2xlarge ٣cc 25cc-x",
	} {
		for _, size := range strings.Fields(sizes) {
			if got := engine.FamilyOf(size); got != family {
				t.Errorf("FamilyOf(%q) = %q, want %q", size, got, family)
			}
		}
	}
	if got := engine.FamilyOf(""); got != engine.FamilyOther {
		t.Errorf(`FamilyOf("") = %q`, got)
	}
}

func TestSizeLadder(t *testing.T) {
	sizes := []engine.Size{
		{Name: "xlarge", CreditsPerHour: 16}, {Name: "M.1-large", CreditsPerHour: 8}, {Name: "M.1-small", CreditsPerHour: 1},
		{Name: "400cc", CreditsPerHour: 4}, {Name: "z2cc", CreditsPerHour: 1, Processes: 1, Workers: 1}, {Name: "a3cc", CreditsPerHour: 1, Processes: 1, Workers: 1},
		{Name: "1cc", CreditsPerHour: 1, Processes: 1, Workers: 2}, {Name: "0cc", CreditsPerHour: 1, Processes: 2, Workers: 1},
		{Name: "128C", CreditsPerHour: 0.5}, {Name: "400cc", CreditsPerHour: 0.25}, {Name: "small", CreditsPerHour: 1},
	}
	for _, test := range []struct {
		of   string
		want string
	}{
		{"1cc", "400cc 128C a3cc z2cc 1cc 0cc"}, // credits, then processes, workers, name; 400cc where it comes first
		{"M.1-small", "M.1-small M.1-large"},
		{"small", "small xlarge"},
		{"gone", "small xlarge"}, // by its name alone
	} {
		if got := strings.Join(engine.NewSizeLadder(sizes, test.of), " "); got != test.want {
			t.Errorf("ladder of %s: %s, want %s", test.of, got, test.want)
		}
	}
	if ladder := engine.NewSizeLadder(nil, "25cc"); len(ladder) > 0 {
		t.Errorf("without sizes there is a ladder: %v", ladder)
	}
}

func TestSizeLadderRank(t *testing.T) {
	ladder := engine.SizeLadder{"25cc", "50cc", "100cc"}
	if ladder.Rank("25cc") >= ladder.Rank("50cc") || ladder.Rank("50cc") >= ladder.Rank("100cc") || ladder.Rank("100cc") >= ladder.Rank("small") {
		t.Error("ranks are not in order")
	}
	if ladder.Rank("small") != ladder.Rank("gone") {
		t.Error("sizes that are not on the ladder differ in rank")
	}
	for size, want := range map[string]engine.SizeLadder{"25cc": {"25cc"}, "100cc": ladder, "gone": {}} {
		if got := ladder.UpTo(size); !slices.Equal(got, want) {
			t.Errorf("up to %s: %v, want %v", size, got, want)
		}
	}
}

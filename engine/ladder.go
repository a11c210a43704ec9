package engine

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// Family tells which sizes compare with one another. Every size belongs to
// exactly one, by its name alone.
type Family string

// The families.
const (
	FamilyCC    Family = "cc"  // 25cc, 128C
	FamilyM1    Family = "M.1" // M.1-small
	FamilyOther Family = ""    // small, xlarge
)

// FamilyOf returns the family of a size's name. Letter case counts.
func FamilyOf(size string) Family {
	stem, cc := strings.CutSuffix(size, "cc")
	if !cc {
		stem, cc = strings.CutSuffix(size, "C")
	}
	switch {
	case cc && stem != "" && stem[len(stem)-1] >= '0' && stem[len(stem)-1] <= '9':
		return FamilyCC
	case strings.HasPrefix(size, "M.1-"):
		return FamilyM1
	}
	return FamilyOther
}

// SizeLadder orders the sizes of one family from cheap to dear.
type SizeLadder []string

// NewSizeLadder builds the ladder of the family that size belongs to, of all
// sizes offered. Sizes of equal processes and workers all stay on it; a name
// that is offered twice is on it once, where it comes first.
func NewSizeLadder(offered []Size, size string) SizeLadder {
	family := FamilyOf(size)
	var rungs []Size
	for _, s := range offered {
		if FamilyOf(s.Name) == family {
			rungs = append(rungs, s)
		}
	}
	slices.SortStableFunc(rungs, func(a, b Size) int {
		return cmp.Or(cmp.Compare(a.CreditsPerHour, b.CreditsPerHour), cmp.Compare(a.Processes, b.Processes),
			cmp.Compare(a.Workers, b.Workers), strings.Compare(a.Name, b.Name))
	})
	var ladder SizeLadder
	for _, s := range rungs {
		if !slices.Contains(ladder, s.Name) {
			ladder = append(ladder, s.Name)
		}
	}
	return ladder
}

// Rank is the position of a size on the ladder. All sizes that are not on it
// share one rank above all others.
func (l SizeLadder) Rank(size string) int {
	if i := slices.Index(l, size); i >= 0 {
		return i
	}
	return math.MaxInt
}

// UpTo returns the sizes up to and including size.
func (l SizeLadder) UpTo(size string) SizeLadder {
	return l[:slices.Index(l, size)+1]
}

package mzsim_test

import (
	"flag"
	"os"
	"testing"
	"time"

	"mzproxy/proxy/mzsim"
	"mzproxy/proxy/mzsim/conformance"
)

var printAnswers = flag.Bool("print", false, "print the cases of the conformance tests with the answers that they get")

const caseFiles = "../../testdata/materialize"

// Every case of testdata/materialize holds on the stand-in in both protocols, except those that say that they do not hold
// yet: one of those that holds is an error, so that nobody forgets to say so.
func TestConformance(t *testing.T) {
	sim := start(t, mzsim.Config{Startup: 50 * time.Millisecond, Hydration: 200 * time.Millisecond})
	server, err := conformance.Prepare(t.Context(), sim.DSN())
	if err != nil {
		t.Fatal(err)
	}
	runners := []*conformance.Runner{conformance.NewRunner(server, false), conformance.NewRunner(server, true)}
	for _, r := range runners {
		defer r.Close()
	}
	for _, c := range allCases(t) {
		t.Run(c.File+"/"+c.Name, func(t *testing.T) {
			var wrong []any
			skipped, ran := "", false
			for _, r := range runners {
				if why := r.Skips(c); why != "" {
					skipped = why
					continue
				}
				ran = true
				wrong = append(wrong, whatDiffers(t, r, c)...)
				if c.Pending != "" && len(wrong) > 0 {
					break // as it was expected
				}
			}
			switch {
			case !ran:
				t.Skip(skipped)
			case c.Pending == "":
				for _, w := range wrong {
					t.Error(w)
				}
			case len(wrong) == 0:
				t.Errorf("%s:%d: %s holds now: remove the line that begins with pending", c.File, c.Line, c.Name)
			default:
				for _, w := range wrong {
					t.Log(w) // -v shows what it is that is pending
				}
			}
		})
	}
}

// The cases are tried on the Materialize that MATERIALIZE_URL names, and what differs is printed. Cases that need a superuser
// run if MATERIALIZE_SUPERUSER_URL names one.
func TestConformanceOfMaterialize(t *testing.T) {
	url := os.Getenv("MATERIALIZE_URL")
	if url == "" {
		t.Skip("MATERIALIZE_URL names no Materialize")
	}
	server{url}.mustBeEmpty(t)
	for name, extended := range map[string]bool{"simple": false, "extended": true} {
		r := conformance.NewRunner(conformance.Server{Ordinary: url, Superuser: os.Getenv("MATERIALIZE_SUPERUSER_URL"), Real: true}, extended)
		defer r.Close()
		for _, c := range allCases(t) {
			t.Run(name+"/"+c.File+"/"+c.Name, func(t *testing.T) {
				if why := r.Skips(c); why != "" {
					t.Skip(why)
				}
				for _, w := range whatDiffers(t, r, c) {
					t.Error(w)
				}
			})
		}
	}
}

// whatDiffers runs a case. One that cannot run differs, too.
func whatDiffers(t *testing.T, r *conformance.Runner, c *conformance.Case) []any {
	t.Helper()
	differences, err := r.Run(t.Context(), c, *printAnswers)
	var all []any
	for _, d := range differences {
		all = append(all, d)
	}
	if err != nil {
		all = append(all, err)
	}
	return all
}

func allCases(t *testing.T) []*conformance.Case {
	t.Helper()
	all, err := conformance.ReadDir(caseFiles)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

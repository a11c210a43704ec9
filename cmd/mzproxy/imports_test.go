package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// leaf is the package below all others, which may all import it.
const leaf = "mzproxy/rewrite/pgtext"

// What each package of the module may import of the module, besides the leaf. The packages of
// cmd are not listed: they wire everything.
var mayImport = map[string][]string{
	"mzproxy/engine":             {},
	"mzproxy/engine/strategy":    {"mzproxy/engine"},
	"mzproxy/engine/reconcile":   {"mzproxy/engine"},
	"mzproxy/engine/materialize": {"mzproxy/engine", "mzproxy/engine/mirror", "mzproxy/engine/reconcile"},
	"mzproxy/engine/mirror":      {"mzproxy/engine"},
	"mzproxy/engine/enginetest":  {"mzproxy/engine", "mzproxy/engine/reconcile"},
	"mzproxy/proxy":              {"mzproxy/proxy/netpoll", "mzproxy/proxy/wire"},
	"mzproxy/proxy/wire":         {},
	"mzproxy/proxy/netpoll":      {},
	"mzproxy/proxy/pgtest":       {"mzproxy/proxy"},
	"mzproxy/proxy/intercept":    {"mzproxy/proxy", "mzproxy/proxy/wire", "mzproxy/rewrite", "mzproxy/engine", "mzproxy/engine/reconcile"},
	"mzproxy/proxy/mzsim":        {"mzproxy/proxy", "mzproxy/proxy/wire", "mzproxy/rewrite"},
	"mzproxy/rewrite":            {},
	leaf:                         {},

	"mzproxy/proxy/mzsim/conformance": {},
}

// Which packages of the module may import a library, by a prefix of both.
// Libraries that are not listed have no fence.
var librariesOf = map[string][]string{
	"C":                                {},
	"github.com/pganalyze/pg_query_go": {"mzproxy/rewrite"},                                       // cgo, a minute to build
	"github.com/jackc/pgproto3/v2":     {"mzproxy/proxy/wire", "mzproxy/proxy/mzsim/conformance"}, // the wire, and who plays a client
	"github.com/jackc/pgx/v5/pgproto3": {},                                                        // types that are not those of the wire
	"github.com/jackc/pgx/v5":          {"mzproxy/engine/materialize", "mzproxy/proxy/mzsim", "mzproxy/cmd"},
	"github.com/alecthomas/kong":       {"mzproxy/cmd"},
	"github.com/goccy/go-yaml":         {"mzproxy/cmd"},
	"testing":                          {"mzproxy/proxy/pgtest", "mzproxy/engine/enginetest"},
	"log":                              {},
}

// The packages that decide, and the one that knows what a server told. They are functions of values: no clock, no goroutine, no I/O.
var pure = []string{"mzproxy/engine", "mzproxy/engine/strategy", "mzproxy/engine/mirror"}

// What a decision may import of the standard library, and what of these it may not use.
var (
	pureLibraries = []string{"bytes", "cmp", "encoding/json", "errors", "fmt", "maps", "math", "math/big", "regexp", "slices", "strconv", "strings", "time", "unicode", "unicode/utf8"}
	impureNames   = map[string][]string{
		"time": {"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker", "Local", "LoadLocation"},
		"fmt":  {"Print", "Printf", "Println", "Scan", "Scanf", "Scanln"},
	}
)

type listedPackage struct {
	ImportPath, Dir string
	GoFiles         []string
	Imports, Deps   []string
}

// goList returns the module's packages as they are without their tests.
func goList(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,Deps", "mzproxy/...").Output()
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			t.Fatalf("go list: %s\n%s", err, exit.Stderr)
		}
		t.Fatal(err)
	}
	var all []listedPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func within(path, tree string) bool {
	return path == tree || strings.HasPrefix(path, tree+"/")
}

func TestImportDirections(t *testing.T) {
	for _, p := range goList(t) {
		allowed, fenced := mayImport[p.ImportPath]
		if !fenced && !within(p.ImportPath, "mzproxy/cmd") {
			t.Errorf("%s: a new package needs an entry in mayImport", p.ImportPath)
		}
		for _, i := range p.Imports {
			if fenced && within(i, "mzproxy") && i != leaf && !slices.Contains(allowed, i) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

func TestLibraryFences(t *testing.T) {
	for _, p := range goList(t) {
		for _, i := range p.Imports {
			// The longest entry that fits decides.
			fence := ""
			for library := range librariesOf {
				if within(i, library) && len(library) > len(fence) {
					fence = library
				}
			}
			inside := func(tree string) bool { return within(p.ImportPath, tree) }
			if fence != "" && !slices.ContainsFunc(librariesOf[fence], inside) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

// The engine decides by values alone.
func TestDecisionsArePure(t *testing.T) {
	for _, p := range goList(t) {
		if !slices.Contains(pure, p.ImportPath) {
			continue
		}
		for _, i := range p.Imports {
			if !within(i, "mzproxy") && i != leaf && !slices.Contains(pureLibraries, i) {
				t.Errorf("%s decides, and imports %s", p.ImportPath, i)
			}
		}
		for _, name := range p.GoFiles {
			files := token.NewFileSet()
			file, err := parser.ParseFile(files, filepath.Join(p.Dir, name), nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			for n := range ast.Preorder(file) {
				if what := impure(n); what != "" {
					t.Errorf("%s: %s in a decision", files.Position(n.Pos()), what)
				}
			}
		}
	}
}

// impure names what a decision may not do; empty: it may.
func impure(n ast.Node) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "a goroutine"
	case *ast.ChanType, *ast.SelectStmt:
		return "a channel"
	case *ast.SelectorExpr:
		library, ok := n.X.(*ast.Ident)
		if ok && slices.Contains(impureNames[library.Name], n.Sel.Name) {
			return library.Name + "." + n.Sel.Name
		}
	}
	return ""
}

// The relay and the engine compile and are tested without cgo.
func TestCgoStaysInRewrite(t *testing.T) {
	for _, p := range goList(t) {
		if !slices.Contains([]string{"mzproxy/proxy", "mzproxy/proxy/netpoll", "mzproxy/proxy/wire"}, p.ImportPath) && !within(p.ImportPath, "mzproxy/engine") {
			continue
		}
		for _, d := range p.Deps {
			if within(d, "mzproxy/rewrite") && d != leaf || strings.HasPrefix(d, "github.com/pganalyze/") {
				t.Errorf("%s depends on %s", p.ImportPath, d)
			}
		}
	}
}

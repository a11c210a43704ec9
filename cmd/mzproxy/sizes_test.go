package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"
)

// Limits of the relay's packages, tests left out: what is larger hides a second noun.
const (
	maxLines   = 350
	maxMethods = 25
)

// sized are the packages that the limits hold for.
var sized = []string{"proxy", "proxy/netpoll", "proxy/wire", "proxy/pgtest", "rewrite/pgtext"}

func TestSizes(t *testing.T) {
	for _, folder := range sized {
		files, err := filepath.Glob(filepath.Join("..", "..", folder, "*.go"))
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: no files, %v", folder, err)
		}
		methods := map[string]int{}
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			if n := set.File(file.Pos()).LineCount(); n > maxLines {
				t.Errorf("%s/%s has %d lines", folder, filepath.Base(name), n)
			}
			if filepath.Base(name) == "portable.go" { // the same types as those of its twin
				continue
			}
			for _, d := range file.Decls {
				if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil {
					methods[receiver(f.Recv.List[0].Type)]++
				}
			}
		}
		for name, n := range methods {
			if n > maxMethods {
				t.Errorf("%s: type %s has %d methods", folder, name, n)
			}
		}
	}
}

// receiver is the name of the type that a method is of.
func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

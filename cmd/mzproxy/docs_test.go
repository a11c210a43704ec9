package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
)

// Every exported type, function, method, variable and constant says what it promises.
func TestDocComments(t *testing.T) {
	root := filepath.Join("..", "..")
	seen := 0
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") && path != root || entry.Name() == "testdata" || entry.Name() == "bin"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, name := range undocumented(file) {
			t.Errorf("%s: %s has no comment", set.Position(name.Pos()), name.Name)
		}
		seen++
		return nil
	})
	if err != nil || seen < 100 {
		t.Fatalf("%d files, %v", seen, err)
	}
}

// undocumented lists the exported names of a file that nothing is said of.
func undocumented(file *ast.File) []*ast.Ident {
	var missing []*ast.Ident
	check := func(comments []*ast.CommentGroup, names ...*ast.Ident) {
		for _, c := range comments {
			if c != nil {
				return
			}
		}
		for _, name := range names {
			if name.IsExported() {
				missing = append(missing, name)
			}
		}
	}
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type)) {
				check([]*ast.CommentGroup{d.Doc}, d.Name)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					check([]*ast.CommentGroup{d.Doc, spec.Doc, spec.Comment}, spec.Names...)
				case *ast.TypeSpec:
					check([]*ast.CommentGroup{d.Doc, spec.Doc}, spec.Name)
				}
			}
		}
	}
	return missing
}

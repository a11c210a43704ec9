package mzsim

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// ErrNoPostgres says that no PostgreSQL server was found on this machine. The
// errors of Start that wrap it say what to install.
var ErrNoPostgres = errors.New("no PostgreSQL server found")

// postgresGlobs are the places where distributions install the server
// binaries: Debian and Ubuntu (also the PGDG packages), PGDG on Red Hat,
// Homebrew on both architectures, Postgres.app.
var postgresGlobs = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/opt/homebrew/opt/postgresql@*/bin",
	"/opt/homebrew/opt/postgresql/bin",
	"/usr/local/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin",
}

// oldestPostgres is the oldest major version that the stand-in works with.
const oldestPostgres = 14

// findPostgres returns the directory that holds initdb and postgres. An
// explicit directory, or the one that MZSIM_POSTGRES_BIN names, has to be right; otherwise
// PATH is searched, then the usual places, newest version first.
func findPostgres(explicit string) (string, error) {
	if explicit == "" {
		explicit = os.Getenv("MZSIM_POSTGRES_BIN")
	}
	if explicit != "" {
		if !hasServer(explicit) {
			return "", fmt.Errorf("%w in %q: initdb and postgres have to be there", ErrNoPostgres, explicit)
		}
		return explicit, nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil && hasServer(filepath.Dir(real)) {
			return filepath.Dir(real), nil
		}
	}
	var found []string
	for _, glob := range postgresGlobs {
		dirs, _ := filepath.Glob(glob) // the patterns are constants: no error is possible
		for _, dir := range dirs {
			if v := majorVersion(dir); hasServer(dir) && (v == 0 || v >= oldestPostgres) {
				found = append(found, dir)
			}
		}
	}
	if len(found) == 0 {
		return "", fmt.Errorf("%w: install one (Debian, Ubuntu: apt-get install postgresql; Fedora: dnf install postgresql-server; macOS: brew install postgresql@16), or name the directory of its binaries with --postgres-bin or MZSIM_POSTGRES_BIN", ErrNoPostgres)
	}
	return slices.MaxFunc(found, func(a, b string) int { return majorVersion(a) - majorVersion(b) }), nil
}

// hasServer reports whether dir holds the two programs that the stand-in runs.
func hasServer(dir string) bool {
	for _, name := range []string{"initdb", "postgres"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

// majorVersion reads the version out of the path of a binary directory; 0 if
// the path has none.
func majorVersion(dir string) int {
	for part := range strings.SplitSeq(filepath.Dir(dir), string(filepath.Separator)) {
		part = part[strings.LastIndexAny(part, "-@")+1:]
		if n, err := strconv.Atoi(strings.SplitN(part, ".", 2)[0]); err == nil {
			return n
		}
	}
	return 0
}

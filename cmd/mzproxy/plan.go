package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"mzproxy/engine"
	"mzproxy/engine/strategy"
)

// runPlan writes the plan for the snapshot in a file; "-" is standard input.
// It looks at nothing else. A snapshot that cannot be used gives one line on
// stderr and exitUsage.
func runPlan(file string, stdin io.Reader, stdout, stderr io.Writer) int {
	data, err := readAll(file, stdin)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	snapshot, err := engine.ParseSnapshot(data)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	planner := engine.Planner{Registry: engine.NewRegistry(strategy.All()...)}
	e := json.NewEncoder(stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(planner.Plan(snapshot)); err != nil {
		fmt.Fprintf(stderr, "write plan: %s\n", err)
		return exitFailure
	}
	return 0
}

func readAll(file string, stdin io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(stdin)
	}
	return os.ReadFile(file)
}

# Every target does the set-up that it needs.
SHELL := /bin/bash
GOLANGCI_VERSION := v2.15.0
TOOLS := $(CURDIR)/bin/tools
GOLANGCI := $(TOOLS)/golangci-lint
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)
# Packages in which goroutines meet.
RACE := ./proxy/... ./engine/... ./cmd/...
FUZZTIME ?= 30s
SOAK ?= 10m
WRITES ?= 1000
MODEL ?= 10m

.DEFAULT_GOAL := help
.PHONY: help setup build demo test race fuzz bench lint fmt-check vet deflake presubmit drivers soak whatif model clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## install PostgreSQL, psql and a C compiler where they are missing
	@.ci/setup

build: setup ## build bin/mzproxy and bin/mzsim
	go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## start the stand-in and the proxy, and print the psql line to copy
	@bin/mzproxy demo

test: setup fmt-check vet lint build ## what a change has to pass: format, vet, lint, build, all tests, race where it matters
	go test ./rewrite/... ./engine
	go test -race -timeout 30m $(RACE)
	go test -tags portable ./proxy ./proxy/netpoll

race: setup ## all tests under the race detector
	go test -race ./...

fuzz: setup ## run every fuzz target for FUZZTIME (30s), up to the first finding
	@set -e; packages=$$(go list ./...); for p in $$packages; do \
	  tests=$$(go test -list '^Fuzz' $$p); \
	  for f in $$(grep ^Fuzz <<<"$$tests" || true); do \
	    echo "$$p $$f"; go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 10x $$p; \
	  done; \
	done

bench: setup ## run the Go benchmarks
	go test -run '^$$' -bench . -benchmem ./...

lint: $(GOLANGCI) ## run golangci-lint
	$(GOLANGCI) run
	GOOS=darwin go vet ./proxy ./proxy/netpoll ./proxy/pgtest ./engine ./engine/strategy # the others need a C compiler for it

$(GOLANGCI):
	GOBIN=$(TOOLS) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

fmt-check:
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not formatted (gofmt -w):"; echo "$$files"; exit 1; }

vet: setup
	go vet ./...

deflake: setup ## repeat the tests under the race detector until one fails
	while go test -race -count=1 -shuffle=on ./...; do :; done

presubmit: test ## what CI runs
	@git diff --exit-code go.mod go.sum

drivers: build ## run drivers' own suites direct and proxied, and strategies through drivers
	testdata/drivers/run.sh
	testdata/drivers/run.sh --tls
	testdata/drivers/run.sh --tls --postgres 18
	testdata/drivers/strategies.sh

soak: setup ## put mixed load on the relay for SOAK (10m), and look for what is left behind
	go test -run '^TestSoak$$' -count=1 -timeout 0 -v ./proxy -soak $(SOAK)

model: setup ## drive two reconcilers through random events and faults for MODEL (10m)
	MZPROXY_MODEL=$(MODEL) go test -run '^TestModel$$' -count=1 -timeout 0 -v ./engine/materialize

whatif: setup ## compare what-if with what happens for WRITES (1000) random writes
	go test -run '^TestWhatIf$$' -count=1 -timeout 0 -v ./cmd/mzproxy -writes $(WRITES)

clean: ## remove what was built
	rm -rf bin

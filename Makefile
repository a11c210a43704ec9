# Every target does the set-up that it needs.
SHELL := /bin/bash
GOLANGCI_VERSION := v2.15.0
TOOLS := $(CURDIR)/bin/tools/$(GOLANGCI_VERSION)
GOLANGCI := $(TOOLS)/golangci-lint
# The linter takes long to build: it runs where it is there already, and where it was asked for.
LINT := $(if $(wildcard $(GOLANGCI))$(filter presubmit,$(MAKECMDGOALS)),lint,no-lint)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS := -X main.version=$(VERSION)
# Pure packages compute a lot; in the others goroutines meet, or cgo is at work, and they are compiled once, with the race detector.
PURE := ./engine ./engine/strategy/... ./engine/enginetest/...
RACE = $$(go list ./... | grep -vxFf <(go list $(PURE)))
FUZZTIME ?= 30s
SOAK ?= 10m
WRITES ?= 1000
MODEL ?= 10m
RESTARTS ?= 20
CONVERSATIONS ?= 1000000

.DEFAULT_GOAL := help
say := f() { printf '\n== %s  %s\n' "$$(date +%T)" "$$1"; }; f
.PHONY: help setup build demo test race fuzz bench lint no-lint fmt-check vet deflake presubmit drivers clients soak whatif model equivalence restart-test any-day bare clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 12

setup: ## see that Go is new enough, and install PostgreSQL, psql and a C compiler where they are missing
	@.ci/setup

build: setup ## build bin/mzproxy and bin/mzsim
	go build -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

demo: build ## start the stand-in and the proxy, and print the psql line to copy; DEMO adds flags
	@bin/mzproxy demo $(DEMO)

test: setup fmt-check vet $(LINT) ## what a change has to pass: format, vet, lint if make lint was run once, all tests, race where it matters
	@$(say) 'tests of what is pure, and of the loop in fake time'
	go test -vet=off $(PURE) ./engine/reconcile
	@$(say) 'the other tests, with the race detector: a package is reported when it is through'
	go test -vet=off -race -timeout 30m $(RACE)
	@$(say) 'the relay once more, with the portable way to wait'
	go test -vet=off -tags portable ./proxy ./proxy/netpoll

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

lint: $(GOLANGCI) ## run golangci-lint, which is built the first time
	@$(say) lint
	$(GOLANGCI) run
	GOOS=darwin go vet ./proxy ./proxy/netpoll ./proxy/wire ./proxy/pgtest ./engine ./engine/strategy # the others need a C compiler for it

no-lint:
	@$(say) 'no lint: once make lint has built the linter, make test runs it, too'

$(GOLANGCI): | setup
	@$(say) 'build the linter and its 231 modules, once'
	GOBIN=$(TOOLS) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)

fmt-check: setup
	@$(say) 'format (gofmt)'
	@files=$$(gofmt -l .); [ -z "$$files" ] || { echo "not formatted (gofmt -w):"; echo "$$files"; exit 1; }

vet: setup
	@$(say) 'vet, which compiles everything: the first time that takes minutes, most of them for the C code of the SQL parser'
	go vet -race ./...

deflake: setup ## repeat the tests under the race detector until one fails
	while go test -race -count=1 -shuffle=on ./...; do :; done

presubmit: test ## what CI runs: make test with lint, and go.mod as it was
	@git diff --exit-code go.mod go.sum

drivers: build ## run drivers' own suites direct and proxied, and strategies through drivers
	testdata/drivers/run.sh
	testdata/drivers/run.sh --tls
	testdata/drivers/run.sh --tls --postgres 18
	testdata/drivers/strategies.sh

clients: build ## run dbt, SQLAlchemy, HikariCP, pgcli and drivers of Python and Node on the stand-in, direct and proxied; they come from the registries
	testdata/clients/run.sh

soak: setup ## put mixed load on the relay for SOAK (10m), and look for what is left behind
	go test -run '^TestSoak$$' -count=1 -timeout 0 -v ./proxy -soak $(SOAK)

model: setup ## drive two reconcilers through random events and faults for MODEL (10m)
	MZPROXY_MODEL=$(MODEL) go test -run '^TestModel$$' -count=1 -timeout 0 -v ./engine/materialize

equivalence: setup ## compare CONVERSATIONS (1000000) random conversations, direct and through the proxy
	go test -run '^TestEquivalence$$' -count=1 -timeout 0 -v ./proxy -conversations $(CONVERSATIONS) -conversation-seed $$(date +%s)

whatif: setup ## compare what-if with what happens for WRITES (1000) random writes
	go test -run '^TestWhatIf$$' -count=1 -timeout 0 -v ./cmd/mzproxy -writes $(WRITES) -seed $$(date +%s)

restart-test: setup ## replace a running proxy under load RESTARTS (20) times without one failed query
	go test -run '^TestRestartUnderLoad$$' -count=1 -v ./cmd/mzproxy -restarts $(RESTARTS)

any-day: setup ## all tests on other days, in other zones and locales, with four times the load; DAYS picks some of them
	.ci/any-day $(DAYS)

bare: ## make demo and make test in a bare Debian with nothing but Go, git and make
	.ci/bare

clean: ## remove what was built
	rm -rf bin

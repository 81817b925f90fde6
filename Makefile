# fealty's house. Everything a person or CI does starts here; `make help` lists it.
#
# What these targets make lies in bin/, build/ and .tools/ (all git-ignored) and, so that a fresh clone
# needn't fetch or build it again, in $FEALTY_CACHE (default ~/.cache/fealty).

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The shipped program has no cgo; what is tested and measured is what is shipped.
export CGO_ENABLED := 0

# A test that reaches this has hung.
TEST_TIMEOUT ?= 20m
TORTURE_TIMEOUT ?= 4h
# How long torture fuzzes each fuzz target.
FUZZTIME ?= 1m
# PKG narrows test, torture and bench to some packages: make test PKG=./model/...
PKG ?= ./...
# What takes longest is begun first, so that no core waits for it at the end; go test takes a package once.
LONGEST := $(if $(filter ./...,$(PKG)),./features/clickhouse ./serving/servingtest ./cmd/fealty ./serving ./serving/store)
# BENCH narrows bench to the benchmarks that match.
BENCH ?= .

# CI proves the commit at hand, whatever an earlier run on the machine left in Go's cache.
FRESH := $(if $(filter true,$(CI)),-count=1)
GOTESTSUM := .tools/bin/gotestsum --format pkgname-and-test-fails --format-hide-empty-pkg
GOFILES = $$(git ls-files --cached --others --exclude-standard '*.go' ':!serving/gen')

.PHONY: help setup build demo test test-engines protocol-t refs notebooks check fmt vet lint law generated bench bench-peers torture generate clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## fetch what fealty needs beside Go modules: the embedded ClickHouse engine (once per machine)
	@.ci/engine/fetch

build: ## build bin/fealty
	@go build -trimpath -o bin/fealty ./cmd/fealty

demo: setup build ## run the main job on an invented town and serve it; CHECK=1 ends after the first answer
	@bin/fealty demo $(if $(CHECK),--check)

test: setup ## build every variant and run every test; PKG=./model/... narrows it
	@.ci/tools/get gotestsum
	go build ./...
	go build -tags nochdb ./...
	$(GOTESTSUM) -- -timeout $(TEST_TIMEOUT) $(FRESH) $(LONGEST) $(PKG)
	@# The twins of the assembly, as a processor without AVX2 has them; of crosssell what calls its kernel, not
	@# the tests on whole data sets.
	$(GOTESTSUM) -- -timeout $(TEST_TIMEOUT) $(FRESH) -tags purego ./model/boost ./model/shap ./model/tree
	$(GOTESTSUM) -- -timeout $(TEST_TIMEOUT) $(FRESH) -tags purego -run Inverse ./model/crosssell

test-engines: setup ## run every SQL file on the older ClickHouse releases too (24.8 and 25.8)
	features/featurestest/engines/run

protocol-t: setup build ## measure fealty on public orders: a table, then one JSON line per figure; a missed bar is exit 1
	@bin/fealty protocol-t --data "$${FEALTY_DATA:-../shared/data}"

refs: build ## set fealty's numbers beside published ones: one JSON line per figure; a missed bar is exit 1
	@bin/fealty refs --data "$${FEALTY_DATA:-../shared/data}"

notebooks: setup build ## execute the notebooks in a virtual environment; a cell that fails is exit 1
	@notebooks/run

check: fmt vet lint law generated ## format, vet, lint, import law, generated code

fmt: ## say which files gofmt would change
	@changed=$$(gofmt -l $(GOFILES)); if [ -n "$$changed" ]; then echo "gofmt -w these files:" >&2; echo "$$changed" >&2; exit 1; fi

vet:
	go vet ./...
	go vet -tags nochdb ./...
	go vet -tags purego ./model/...

lint: ## run golangci-lint with .golangci.yml
	@.ci/tools/get golangci-lint
	.tools/bin/golangci-lint run ./...

law: ## who may import whom, what may stand at the top level
	go test $(FRESH) -run '^TestLaw' ./cmd/fealty

generated: ## say whether serving/gen is older than serving/proto
	.ci/generate --check

generate: ## write serving/gen anew from serving/proto
	.ci/generate

bench: setup build ## benchmarks, then one JSON line per figure from the scripts; BENCH=regexp narrows it
	FEALTY_BENCH=1 go test -run '^$$' -bench '$(BENCH)' -benchmem -timeout $(TORTURE_TIMEOUT) $(PKG)
	@git ls-files --cached --others --exclude-standard '*/bench/run' | while read -r script; do \
		echo "$$script" >&2; "$$script" </dev/null; done

bench-peers: setup ## our learners against LightGBM, XGBoost, scikit-learn, shap and others in one run; ARGS="-scale 0.1 -rounds 1" for a quick look
	@cmd/peers/run $(ARGS)

torture: setup ## the long tests (kills, faults, large sizes), then every fuzz target for FUZZTIME
	@.ci/tools/get gotestsum
	FEALTY_TORTURE=1 $(GOTESTSUM) -- -timeout $(TORTURE_TIMEOUT) -count=1 $(PKG)
	.ci/fuzz $(FUZZTIME) $(PKG)

clean: ## remove what was built or fetched into this clone; the cache shared by clones stays
	rm -rf bin build .tools

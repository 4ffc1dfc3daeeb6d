# Every command a developer types; each is a thin line over a script or cargo.

# The scripts behind the commands say what went wrong in one sentence; make's talk about directories would only hide it.
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help
.PHONY: run stop clean-dev test check services-test services-test-stop fmt lint docs deny openapi bench \
	load-real-data fuzz-api help

TASKMED := cargo run --quiet --package taskmed-gateway --bin taskmed --

run: ## a development server with everything it needs; Ctrl-C stops all of it
	@deploy/dev/run.sh

stop: ## end `make run` from elsewhere, and what a killed one left
	@deploy/dev/stop.sh

clean-dev: ## stop, and remove the development data
	@deploy/dev/stop.sh --clean

test: ## every test, on services of its own; ARGS="…" goes to cargo test
	@deploy/dev/test.sh $(ARGS)

check: ## the quick part, for every commit: formatting, lints, unit tests
	@cargo fmt --all --check
	@cargo clippy --workspace --all-targets -- -D warnings
	@cargo test --workspace --lib --bins

services-test: ## start the services for single tests and leave them running: . .test/env && cargo test …
	@deploy/dev/services.sh install test
	@deploy/dev/services.sh start .test --throw-away
	@echo "Now: . .test/env && cargo test …"

services-test-stop: ## stop them and remove their data
	@deploy/dev/services.sh remove .test

fmt: ## format the code
	@cargo fmt --all

lint: ## clippy and shellcheck, as continuous integration runs them
	@deploy/dev/services.sh install lint
	@cargo clippy --workspace --all-targets -- -D warnings
	@shellcheck -x -S warning deploy/dev/*.sh loadtests/*.sh .ci/run

docs: ## the documentation of the code, in target/doc
	@RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --workspace

deny: ## licences, sources and bans of the dependencies (needs `cargo install --locked cargo-deny`)
	@cargo deny check bans licenses sources

openapi: ## write openapi/openapi.json from the handlers
	@$(TASKMED) openapi >openapi/openapi.json.new
	@mv openapi/openapi.json.new openapi/openapi.json

bench: ## measure against the ceilings; writes loadtests/reports/latest.json
	@loadtests/bench.sh

load-real-data: ## load FILE, the recorded appointments of 81 clinics, into the development database; ARGS="--again" anew
	@test -n "$(FILE)" || { echo "Say which file: make load-real-data FILE=…/vitoria-appointments-2016.csv.gz" >&2; exit 2; }
	@deploy/dev/with-services.sh .dev $(TASKMED) migrate
	@deploy/dev/with-services.sh .dev cargo run --quiet --release --package taskmed-loadtests -- load "$(FILE)" $(ARGS)

fuzz-api: ## schemathesis against a gateway of its own
	@deploy/dev/fuzz-api.sh

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-20s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

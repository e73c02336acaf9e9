# Two commands do everything on a fresh machine: `make demo` and `make test`. Both set up .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# where pip has been told to look for wheels on disk, uv is told too: it does not read pip's settings
LINKS = $(shell $(PYTHON) -m pip config get global.find-links 2>/dev/null)
CONSTRAINTS := constraints.txt
EXTRAS := clip,ray,c2pa,nsfw,dataset,fast,live,docs,dev

.DEFAULT_GOAL := help
.PHONY: help install demo campaign test test-all check format prove-main prove-hostile prove-filters prove-slurm prove-home prove-rebuild prove-report prove-bench bench docs clean

help:  ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

install: $(VENV)/installed  ## Make the virtual environment and install everything into it

$(VENV)/installed: pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "pairtrawl needs Python 3.11, 3.12 or 3.13; say which with make PYTHON=python3.12"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "No virtual environment could be made. On Debian: apt install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check uv
	@UV_FIND_LINKS="$${PIP_FIND_LINKS:-$(LINKS)}" $(BIN)/uv pip install -q --compile-bytecode --python $(BIN)/python -c $(CONSTRAINTS) -e '.[$(EXTRAS)]' \
	  || { echo "Installation stopped. If it asked for triton: on Linux the registry's torch is the CUDA build;"; \
	       echo "README, \"Install\", says how to take the CPU build, or the CUDA one on purpose."; exit 1; }
	@# open_clip's training loader needs this older webdataset; a test reads our shards with both
	@$(BIN)/uv pip install -q --no-deps --target $(VENV)/peers webdataset==0.2.86
	@touch $@

demo: install  ## Run the main job on the input that comes along: shards, a report, and where to look
	$(BIN)/pairtrawl demo $(DEMO)

campaign: install  ## Run a campaign in a box: tracker, three volunteers, one a cheat, one killed; a few minutes
	$(BIN)/python -m examples.campaign $(CAMPAIGN)

# Four streams: those of SLURM mostly wait, those of Ray and the slow ones do in part; the rest would keep one core busy
# for longer than all of them take on two. What a stream prints comes when it has ended.
OTHERS := not slurm and not ray and not slow and not minutes
test: install  ## Run the tests (some fifteen minutes on 2 cores)
	@told=$$(mktemp -d); pytest="$(BIN)/pytest -q -p no:cacheprovider"; \
	  $$pytest -m "slurm and not minutes" >"$$told/1" 2>&1 & one=$$!; \
	  $$pytest -m "(ray or slow) and not slurm and not minutes" >"$$told/2" 2>&1 & two=$$!; \
	  $$pytest -m "$(OTHERS)" --ignore=tests/workers >"$$told/3" 2>&1 & three=$$!; \
	  trap 'kill $$one $$two $$three; wait; rm -rf "$$told"; exit 130' INT TERM; \
	  $$pytest -m "$(OTHERS)" tests/workers; four=$$?; \
	  wait $$three; three=$$?; wait $$two; two=$$?; wait $$one; one=$$?; cat "$$told"/*; rm -rf "$$told"; \
	  [ "$$one$$two$$three$$four" = 0000 ]

test-all: install  ## Run the tests and the slow proofs
	$(BIN)/pytest -q -m ''

check: install  ## Lint, types, layers and tests: green before each commit
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	@$(MAKE) --no-print-directory test

format: install  ## Format the code
	$(BIN)/ruff check -q --fix
	$(BIN)/ruff format -q

prove-main: install  ## Show that the main job does what it says; a table of figures comes last
	$(BIN)/python benchmarks/prove_main.py

prove-hostile: install  ## Show that fetching and decoding can be trusted; a table of figures comes last
	$(BIN)/python benchmarks/prove_hostile.py

prove-filters: install  ## Show what the filters decide, how surely and how fast; a table of figures comes last
	$(BIN)/python benchmarks/prove_filters.py

prove-slurm: install  ## Show that the same job runs on a supercomputer (a real SLURM starts here); figures come last
	$(BIN)/python benchmarks/prove_slurm.py

prove-home: install  ## Show that a tracker and its volunteers can be relied on, and how fast; a table of figures comes last
	$(BIN)/python benchmarks/prove_home.py

prove-rebuild: install  ## Show that published data sets can be fetched again, repaired and re-issued; figures come last
	$(BIN)/python benchmarks/prove_rebuild.py

prove-report: install  ## Show that people see what a data set holds, and how sure its figures are; figures come last
	$(BIN)/python benchmarks/prove_report.py

prove-bench: install  ## Show how fast every stage is beside the tools people use, and what a crawl costs; figures come last
	$(BIN)/python benchmarks/prove_bench.py $(BENCH)

bench: install  ## Measure every stage beside its peers (BENCH="wat --rounds 3": one of them); docs/results.md has the last
	$(BIN)/python benchmarks/bench.py $(BENCH)

docs: install  ## Build the documentation as a site, in site/
	$(BIN)/mkdocs build --strict

clean:  ## Remove the virtual environment and caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info

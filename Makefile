# From Dense to Convolution: `make book` builds the site, `make test` runs every test. `make help` lists the rest.
# Options: PYTHON=python3.12 (which Python), TORCH=cpu (PyTorch's own CPU index), FORCE=1 (execute all), PORT=8000.
PYTHON ?= python3
PORT   ?= 8000
BIN    := .venv/bin
RUN    := OMP_NUM_THREADS=1 $(BIN)/python -m

.PHONY: help book notebooks serve test check lint nbval translation-status experiments bench clean environment
help:          ## list these targets
	@grep -E '^[a-z-]+: .*##' Makefile | sed -E 's/: [^#]*##/:/' | column -t -s:

book: notebooks  ## environment, stale notebooks, site; prints the address to open
	@$(BIN)/python -m tools.site

notebooks: environment  ## make the notebooks that are stale, or all with FORCE=1
	@$(BIN)/python -m tools.exercises
	@$(BIN)/python -m tools.notebooks $(if $(FORCE),--force)

serve: book    ## serve the site on this machine
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

test: environment lint  ## every test
	@$(PYTHON) tools/system.py
	$(RUN) tools.notebooks --check
	$(RUN) pytest -n 2 --dist loadgroup
	$(MAKE) nbval

check: environment lint  ## the fast part of the tests, for every edit (2 minutes)
	$(RUN) tools.notebooks --check
	HYPOTHESIS_PROFILE=fast $(RUN) pytest -q -n 2 --dist worksteal -m "not slow and not full_size"

lint: environment
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell && $(BIN)/mypy
	$(BIN)/python -m tools.lint_cells

nbval: environment  ## run every notebook and compare its outputs with the committed ones
	$(RUN) pytest -n 2 --dist loadscope --nbval --nbval-sanitize-with tests/nbval.cfg -c tests/nbval.ini --rootdir . book $(wildcard zh/book)

translation-status: environment  ## the sections of the Chinese edition that are behind the English text
	@$(BIN)/python -m tools.editions

experiments: environment  ## run the long experiments (hours); the results are JSON in the package
	$(BIN)/python -m coursecode.experiments

bench: environment  ## measure speed and memory; the results are JSON in the package
	$(BIN)/python -m benchmarks

clean:         ## remove the environment and everything built
	rm -rf .venv _build .pytest_cache .mypy_cache .ruff_cache .hypothesis build src/*.egg-info

environment:
	@$(PYTHON) tools/environment.py $(if $(TORCH),--torch $(TORCH))

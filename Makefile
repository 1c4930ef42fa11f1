# From Dense to Convolution: `make book` builds the site, `make test` runs every test. `make help` lists the rest.
# Options: PYTHON=python3.12 (which Python), TORCH=cpu (PyTorch's own CPU index), FORCE=1 (execute all), PORT=8000,
# WORKERS=4 (how many processes run the tests), LANGUAGE=zh (which edition `make lab` opens),
# TORCH_INDEX=https://… (a mirror of PyTorch's index; PIP_INDEX_URL names one of PyPI).
PYTHON ?= python3
PORT   ?= 8000
WORKERS ?= 2
# how `make nbval` runs
OFFLINE ?= tools.machine.offline
BIN    := .venv/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
RUN    := OMP_NUM_THREADS=1 $(BIN)/python -m

# Hundreds of processes import torch: what they compile is kept, whatever the caller set.
unexport PYTHONDONTWRITEBYTECODE
# Files are UTF-8 wherever the console is not; what it cannot write, coursecode._console makes plain.
export PYTHONUTF8 := 1

.PHONY: help book notebooks lab read serve slides pdf epub archive figures page words test check lint nbval package gpu translation-status
.PHONY: experiments record bench release publish-as thebe links next-packages next-sphinx next-linters clean environment
help:          ## list these targets
	@sed -nE 's/^([a-z-]+):[^#]*## *(.*)/\1\t\2/p' Makefile | expand -t 20

book: environment  ## environment, stale notebooks, site; prints the address to open
	@$(BIN)/python -m tools.book $(if $(FORCE),--force)

notebooks: environment  ## make the notebooks that are stale, or all with FORCE=1
	@$(BIN)/python -m tools.book notebooks $(if $(FORCE),--force)

lab: notebooks ## JupyterLab on work/, your own copy of the chapters and exercises (LANGUAGE=zh: the Chinese ones)
	@$(RUN) tools.notebooks.lab $(if $(filter command line,$(origin LANGUAGE)),--language '$(LANGUAGE)')

serve: environment  ## make the book and serve the site on this machine
	@$(BIN)/python -c "import sys; from tools.site.server import port_of; port_of(sys.argv[1])" '$(PORT)'
	@$(MAKE) --no-print-directory book
	@$(BIN)/python -m tools.site.server '$(PORT)'

slides: book   ## the chapters as slide decks, in the site: _build/html/slides and zh/slides
	@ls _build/html/slides/*.html _build/html/zh/slides/*.html

pdf: notebooks ## both editions as PDF, printed by the system's Chromium, in _build/paper
	@$(BIN)/python -m tools.paper pdf

epub: notebooks ## both editions as EPUB, in _build/paper
	@$(BIN)/python -m tools.paper epub

archive: book  ## the site as one ZIP that opens from disk, and checksums of all in _build/paper
	@$(BIN)/python -m tools.paper archive

figures: environment  ## the figures as an npm package for other pages: a file in _build/paper
	@$(BIN)/python -m tools.embed

page: environment  ## what is wrong with a page and its twin, or with all: make page PAGE=book/pooling.md
	@$(RUN) tools.rules $(PAGE)

words: environment  ## bring the files of words up to what the code says, and name what lacks a translation
	@$(RUN) tools.rules.words --fix

test: environment  ## every test
	@$(PYTHON) tools/machine/system.py
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target lint read
	$(RUN) pytest -n $(WORKERS) --dist worksteal
	$(MAKE) nbval

# what the tests read
read: environment
	$(RUN) tools.notebooks --check
	$(RUN) tools.site

check: environment lint  ## the fast part of the tests, for every edit
	$(RUN) tools.notebooks --check
	HYPOTHESIS_PROFILE=fast $(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "not slow and not full_size"

lint: environment
	$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/codespell && $(BIN)/mypy
	$(BIN)/python -m tools.rules.lint_cells

nbval: environment  ## run every notebook without a network, in 2 GiB, and compare with the committed outputs
	$(RUN) $(OFFLINE) pytest -n $(WORKERS) --dist loadscope --nbval --nbval-sanitize-with tests/nbval.cfg -c tests/nbval.ini --rootdir . book

package: environment  ## the tests of the package alone, which run on Windows too
	$(RUN) pytest -q -n $(WORKERS) --dist worksteal -m "not full_size" $(wildcard $(patsubst src/coursecode/%,tests/coursecode/test_%,$(wildcard src/coursecode/*.py)))

gpu: environment  ## every test and notebook on CUDA
	@$(PYTHON) tools/machine/system.py
	COURSECODE_DEVICE=cuda $(RUN) pytest -q -n $(WORKERS) --dist worksteal
	COURSECODE_DEVICE=cuda $(MAKE) nbval OFFLINE=

translation-status: environment  ## the sections of the Chinese edition that are behind the English text
	@$(BIN)/python -m tools.rules.editions

experiments: environment  ## run the studies and a sceptic's re-runs (hours); the results are JSON in the package
	$(BIN)/python -m coursecode.experiments

record: environment  ## enter a recipe into the record table, from the sandbox: make record RECIPE=mine.py [DATA=mnist]
	@OMP_NUM_THREADS=1 $(BIN)/python -m coursegrade.contest '$(RECIPE)' --data '$(or $(DATA),fashion-mnist)'

bench: environment  ## measure speed and memory; the results are JSON in the package
	$(BIN)/python -m benchmarks

publish-as: environment  ## write the public address everywhere: make publish-as OWNER/REPO [BASEURL=https://…/]
	@$(BIN)/python -m tools.site.address '$(REPO)' $(if $(BASEURL),--site '$(BASEURL)') $(if $(BRANCH),--branch '$(BRANCH)')

# OWNER/REPO stands where make expects a target: it is one that does nothing.
ifeq (publish-as,$(firstword $(MAKECMDGOALS)))
REPO ?= $(word 2,$(MAKECMDGOALS))
.PHONY: $(word 2,$(MAKECMDGOALS))
$(word 2,$(MAKECMDGOALS)): ; @:
endif

thebe: environment  ## fetch what "Run live" loads, so that the site asks no other host for it
	@$(BIN)/python -m tools.site.thebe

release: environment  ## what a release holds, in _build/paper: site, PDF, EPUB and figures with checksums, and its notes
	@$(BIN)/python -m tools.machine.release
	@$(MAKE) thebe
	@$(MAKE) pdf epub figures
	@$(MAKE) archive

links: notebooks  ## ask whether the pages of other sites that the book links to are still there
	@$(BIN)/python -m tools.machine.ahead links

next-packages: environment  ## the package and its notebooks with the newest torch, numpy and matplotlib
	@$(BIN)/python -m tools.machine.ahead packages

next-sphinx: environment  ## both editions without Jupyter Book, on the newest Sphinx
	@$(BIN)/python -m tools.machine.ahead sphinx

next-linters: environment  ## the workflows and the class's image, by the newest zizmor and hadolint
	@$(BIN)/python -m tools.machine.ahead linters

clean:         ## remove the environment and everything built; work/ stays
	rm -rf .venv _build .pytest_cache .mypy_cache .ruff_cache .hypothesis build src/*.egg-info

environment:
	@command -v $(firstword $(PYTHON)) >/dev/null || { echo "environment: there is no $(PYTHON) here. Install Python 3.11 to 3.14," \
		"or name the one you have: make book PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) tools/machine/environment.py $(if $(TORCH),--torch $(TORCH))

# The two commands are `make report` and `make test`; `make help` lists the rest.
# .venv/ is built when it is absent or older than the lock; nothing outside the checkout is touched.

LOG ?= data/exchange55-appendix-a.log
OUT ?= report
FIGURE := 04-turn-by-turn
PYTHON ?= $(firstword $(foreach v,python3.13 python3.12 python3.11 python3.14 python3,$(if $(shell $(v) -c 'import sys; print(sys.version_info >= (3, 11) or "")' 2>/dev/null),$(v))))
PY := .venv/bin/python
READY := .venv/.ready

.PHONY: help report test lab notebooks figure lint bench bench-full testbed wire lock clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

report: $(READY) ## run the notebooks on LOG (the white paper's log unless LOG=… is given) and write OUT (report/)
	@$(PY) -m spamlab report $(LOG) -o $(OUT)

test: $(READY) ## run the tests
	$(PY) -m pytest

lab: $(READY) ## open the notebooks in JupyterLab
	$(PY) -m jupyterlab notebooks

notebooks: $(READY) ## run every notebook on its own log again, in place; outputs stay as they are
	$(PY) -m spamlab.execute notebooks/*.ipynb

figure: $(READY) ## make the README's figure again
	$(PY) -m spamlab report data/exchange55-appendix-a.log -o report
	cp report/figures/04-turn-by-turn.png docs/figure.png

lint: $(READY) ## style, types, and the one-way flow of imports
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	.venv/bin/lint-imports

bench: $(READY) ## measure time and memory, side by side with other tools (ten minutes; ARGS=… as `-m benchmarks --help` says)
	$(PY) -m benchmarks $(ARGS)

bench-full: $(READY) ## the same of every format, up to 10 GB, written into the README (two hours, 20 GB of disk)
	$(PY) -m benchmarks --full --readme $(ARGS)

testbed: $(READY) ## run real mail servers in namespaces and store their logs with the truth in data/samples/ (root)
	$(PY) -m tests.testbed

wire: $(READY) ## count every packet between real mail servers and store it in data/wire/ (root; 15 minutes)
	$(PY) -m tests.testbed.wire

lock: pyproject.toml ## resolve the dependencies anew: names, versions and hashes, nothing else
	env -u PIP_FIND_LINKS -u UV_FIND_LINKS $(PY) -m uv pip compile pyproject.toml --extra dev --universal \
	  --python-version 3.11 --generate-hashes \
	  --custom-compile-command "make lock" --quiet -o requirements.lock

clean: ## remove what make made
	rm -rf .venv report build *.egg-info

# Built from nothing each time, so that it holds what the lock says and no leftovers.
.venv/.locked: requirements.lock
	@test -n "$(PYTHON)" || { echo "spamlab needs Python 3.11 or newer; name one with make PYTHON=…" >&2; exit 1; }
	@echo "Building .venv (once; a minute or two) …"
	@$(PYTHON) -m venv --clear .venv
	@$(PY) -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@touch $@

$(READY): .venv/.locked pyproject.toml
	@$(PY) -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(PY) -c "from spamlab.read import prepare; prepare()"
	@touch $@

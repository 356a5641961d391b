# Everything a contributor runs. PYTHON chooses the interpreter.
PYTHON ?= python

.PHONY: check test bench golden lines

check:  ## style, types, layers, line budget
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	@$(MAKE) --no-print-directory lines

test:  ## the whole suite
	$(PYTHON) -m pytest

bench:  ## what is fast, measured on this machine in minutes; what is good (levels, COIN) takes hours and is asked for by name
	$(PYTHON) benchmarks/bench_rasterizer.py
	$(PYTHON) benchmarks/bench_floor.py

golden:  ## draw the reference renders anew, then look at every one of them
	$(PYTHON) tests/golden/regenerate.py

lines:  ## line budget: modules of at most 300 lines
	@git ls-files 'toolkit/*.py' 'exporters/*.py' 'runtime/*.py' 'facecraft4d/*.py' | xargs wc -l | sort -rn | head -8

# Everything a contributor runs. PYTHON chooses the interpreter.
PYTHON ?= python

.PHONY: check quick test bench bench-speed bench-coin golden lines

check:  ## style, types, layers, line budget
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	@$(MAKE) --no-print-directory lines

quick:  ## the tests that take seconds, by file over two cores: under two minutes in all
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(PYTHON) -m pytest -m "not slow" -q -n 2 --dist loadfile

test:  ## the whole suite
	$(PYTHON) -m pytest

bench: bench-speed bench-coin  ## the speed table, then the COIN table

bench-speed:  ## the rasteriser beside its peers, and its floor; minutes
	$(PYTHON) benchmarks/bench_rasterizer.py
	$(PYTHON) benchmarks/bench_floor.py

bench-coin:  ## four ways to train on three subjects with three seeds; 55 minutes on two cores, goes on where it was stopped
	$(PYTHON) benchmarks/coin_ablation.py

golden:  ## draw the reference renders anew, then look at every one of them
	$(PYTHON) tests/golden/regenerate.py

lines:  ## line budget: modules of at most 300 lines
	@git ls-files 'toolkit/*.py' 'exporters/*.py' 'runtime/*.py' 'facecraft4d/*.py' | xargs wc -l | sort -rn | head -8

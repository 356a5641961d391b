# Everything a contributor runs. PYTHON chooses the interpreter.
PYTHON ?= python
export PYTHONDONTWRITEBYTECODE :=  # modules are compiled once, whatever the shell says: each process that a test starts would do it again

.PHONY: check quick test fuzz soak engines bench bench-speed bench-runtime bench-coin golden gpu house lines

check:  ## style, types, layers, line budget
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	@$(MAKE) --no-print-directory lines

quick:  ## the tests that take less than 0.3 s, by file over two cores: under two minutes in all
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(PYTHON) -m pytest -m "not slow" -q -n 2 --dist loadfile

test:  ## the whole suite, by file over two cores
	OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=1 $(PYTHON) -m pytest -n 2 --dist loadfile

fuzz:  ## 5,000 damaged files for every reader and packets for every driver, a quarter of an hour; findings lie in build/fuzz. SEED chooses other ones
	$(PYTHON) tests/fuzz/run.py --count 5000 --seed $(or $(SEED),$(shell date +%j))

soak:  ## a hundred thousand frames of every way of drawing; an hour
	$(PYTHON) benchmarks/soak.py

AVATAR ?= samples/tiny_avatar.glb
OUT ?= build/engines/out
engines:  ## AVATAR in every engine that runs here, compared with our renderer; ten minutes. PUBLISH=--publish writes docs/engines.md and its sheet
	$(PYTHON) samples/engines/overview.py $(AVATAR) $(OUT) $(PUBLISH)

bench: bench-speed bench-coin  ## the speed table, then the COIN table

bench-speed:  ## the rasteriser beside its peers, and its floor; minutes
	$(PYTHON) benchmarks/bench_rasterizer.py
	$(PYTHON) benchmarks/bench_floor.py

bench-runtime:  ## a frame of AVATAR by every tier, beside the browsers' viewers of splats; a quarter of an hour, alone on the machine
	$(PYTHON) benchmarks/bench_runtime.py $(AVATAR)

bench-coin:  ## four ways to train on three subjects with three seeds; 55 minutes on two cores, goes on where it was stopped
	$(PYTHON) benchmarks/coin_ablation.py

house:  ## the drawing of folders in docs/architecture.md, and its counts
	$(PYTHON) benchmarks/house.py --document docs/architecture.md

golden:  ## draw the reference renders anew, then look at every one of them
	$(PYTHON) tests/golden/regenerate.py

ARCHITECTURE ?= 9.0
JOBS ?= 2
gpu:  ## compile gsplat for one kind of GPU (9.0: H100, H200) where nvcc is; needs no GPU, takes ten minutes of processor time
	@command -v nvcc >/dev/null || { echo "make gpu: needs nvcc, CUDA's compiler, on the PATH; found none" >&2; exit 1; }
	@$(PYTHON) -c "import sys, torch; torch.version.cuda or sys.exit('make gpu: needs a torch for CUDA, found ' + torch.__version__)"
	@$(PYTHON) -c "import sys, importlib.util as u; u.find_spec('gsplat') or sys.exit('make gpu: needs gsplat; install the extra [cuda]')"
	TORCH_CUDA_ARCH_LIST=$(ARCHITECTURE) MAX_JOBS=$(JOBS) $(PYTHON) -c "from gsplat.cuda._backend import _C; raise SystemExit(_C is None)"
	@echo "make gpu: gsplat's kernels are compiled for $(ARCHITECTURE); no GPU was asked for, and nothing was drawn"

lines:  ## line budget: modules of at most 300 lines
	@git ls-files 'toolkit/*.py' 'exporters/*.py' 'runtime/*.py' 'facecraft4d/*.py' | xargs wc -l | sort -rn | head -8

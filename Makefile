# Two commands do everything on a machine with Python 3.11+: `make train` and `make test`. A C++ compiler makes it fast.
PYTHON ?= python3
VENV := .venv
TEST_VENV := .venv-test
BIN := $(TEST_VENV)/bin
JOBS ?= auto

.PHONY: train test check golden parity names digits-model clean

train: $(VENV)/.installed  ## install, train LeNet-5 on the embedded digits, print the test accuracy, write curves
	$(VENV)/bin/nptorch train lenet5 --data digits --epochs 40 --batch-size 32 --schedule cosine --augment --run-dir runs/lenet5-digits-$$(date +%Y%m%d-%H%M%S)

test: $(TEST_VENV)/.installed  ## the whole suite
	$(BIN)/python -m pytest -n $(JOBS) -q

check: $(TEST_VENV)/.installed  ## ruff, mypy, the quick tests
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n $(JOBS) -q -m "not slow"

golden: $(TEST_VENV)/.installed  ## what PyTorch says, written to tests/golden; needs torch in the test environment
	for script in tests/golden/make_*.py; do $(BIN)/python $$script || exit 1; done

names: $(TEST_VENV)/.installed  ## docs/NAMES.md, the names of PyTorch that are here, read from the code
	$(BIN)/python docs/make_names.py

parity: $(TEST_VENV)/.installed  ## every operator of PyTorch's own table, compared; writes docs/PARITY.md and tests/parity/right.txt
	$(BIN)/python -m tests.parity

$(VENV)/.installed: pyproject.toml setup.py $(wildcard native/*/*)
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install -q --disable-pip-version-check ".[plot]"
	touch $@

$(TEST_VENV)/.installed: pyproject.toml setup.py $(wildcard native/*/*)
	$(PYTHON) -m venv $(TEST_VENV)
	$(BIN)/pip install -q --disable-pip-version-check -e ".[dev]"
	touch $@

# The weights of the last epoch: the best epoch was chosen on the test set.
digits-model: $(VENV)/.installed  ## the digit network of the package, as it was trained: about ten minutes
	$(VENV)/bin/nptorch train digitnet --data mnist --augment --reject --epochs 22 --schedule cosine --seed 0 --threads 3 --run-dir runs/digitnet
	$(VENV)/bin/python -c "from nptorch import load, save; best, last = (load(f'runs/digitnet/{f}.pt') for f in ('best', 'last')); \
	    save({'model': last['model'], 'epoch': last['epoch'], 'config': best['config']}, 'src/nptorch/app/digits.pt')"

clean:  ## remove what was built
	rm -rf $(VENV) $(TEST_VENV) build dist src/*.egg-info src/nptorch/*.so .pytest_cache .mypy_cache .ruff_cache

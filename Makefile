# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

export OMP_NUM_THREADS ?= 1

.PHONY: demo test test-slow lint clean
.DEFAULT_GOAL := demo

$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,test]'
	touch $@

.PHONY: setup
setup: $(VENV)/installed
	@sh .ci/system-packages

demo: setup  ## a phantom patient as DICOM through the whole chain
	$(BIN)/perfusiondl simulate --out $(DEMO)/study --seed 7 --overwrite
	$(BIN)/perfusiondl run $(DEMO)/study --out $(DEMO)/results --overwrite --profile

test: setup  ## everything but the slow tests
	$(BIN)/python -m ruff check .
	$(BIN)/python -m pytest

test-slow: setup  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

lint: setup
	$(BIN)/python -m ruff check .

clean:
	rm -rf $(VENV) $(DEMO) build dist *.egg-info PerfusionDL/*.egg-info

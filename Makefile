# Two commands do all the set-up on a fresh machine: `make demo` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DEMO := demo

# One thread per process: arrays here are small, and more threads only get into each other's way.
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := demo
.PHONY: attack demo test coverage test-slow fuzz evaluate bench bench-agreement bench-batch bench-clinic bench-edit bench-hints bench-layers bench-learning bench-mbf bench-motion bench-peak bench-propagation bench-serve bench-speed screenshot docs pictures lint lower-types clean

$(VENV)/installed: pyproject.toml constraints.txt .ci/system-packages
	sh .ci/system-packages $(PYTHON)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[batch,serve,train,test]'
	touch $@

demo: $(VENV)/installed  ## a phantom patient as DICOM through the whole chain
	$(BIN)/perfusiondl simulate --out $(DEMO)/study --seed 28 --overwrite
	$(BIN)/perfusiondl run $(DEMO)/study/dicom --out $(DEMO)/results --overwrite --profile

# Files of tests beside each other; each worker takes some 3 GB at the end.
BESIDE := --numprocesses auto --maxprocesses 4 --dist loadfile

test: lint  ## everything but the slow tests
	$(BIN)/python -m pytest $(BESIDE)

coverage: $(VENV)/installed  ## which lines the tests run
	$(BIN)/python -m pytest $(BESIDE) --cov --cov-report=term --cov-report=xml

test-slow: $(VENV)/installed  ## the tests that take minutes
	$(BIN)/python -m pytest -m slow

MINUTES ?= 10
fuzz: $(VENV)/installed  ## DICOM damaged at random for MINUTES: the same numbers, or words
	PYTHONPATH=Testing/core $(BIN)/python Testing/core/fuzz_dicom.py --minutes $(MINUTES)

evaluate: $(VENV)/installed  ## the networks on phantoms they have never seen
	$(BIN)/perfusiondl evaluate --out runs/evaluate --seeds 20 --overwrite
	$(BIN)/perfusiondl evaluate --out runs/evaluate-held-out --seeds 20 --held-out --overwrite
	$(BIN)/perfusiondl evaluate --out runs/evaluate-closed-cavities --seeds 40 --closed-cavities --overwrite
	$(BIN)/perfusiondl evaluate --out runs/evaluate-difficult --seeds 20 --difficult --overwrite
	$(BIN)/perfusiondl evaluate --out runs/evaluate-strangers --seeds 10 --strangers --overwrite

bench: bench-agreement bench-batch bench-clinic bench-edit bench-mbf bench-motion  ## every claim about speed and accuracy beside other programs

bench-agreement: $(VENV)/installed  ## twenty phantom studies disturbed in known ways: what agree should find beside what it finds
	PYTHONPATH=Testing/core $(BIN)/python benchmarks/agreement.py
	PYTHONPATH=Testing/core $(BIN)/python benchmarks/coverage.py

bench-edit: $(VENV)/installed  ## how long the numbers take to follow a correction
	$(BIN)/python benchmarks/edit.py

bench-mbf: $(VENV)/installed  ## flow models beside other people's programs on curves with known flow
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench]'
	$(BIN)/python benchmarks/mbf.py
	$(BIN)/python benchmarks/mbf.py --varied --seeds 8 --methods "averaged (default)"
	$(BIN)/python benchmarks/single_bolus.py
	$(BIN)/python benchmarks/mbf_speed.py
	$(BIN)/python benchmarks/mbf_chain.py

bench-hints: $(VENV)/installed  ## clicks and strokes until the contours of difficult phantoms are right
	$(BIN)/python benchmarks/hints.py

bench-propagation: $(VENV)/installed  ## slices that follow the correction of one, before and after
	$(BIN)/python benchmarks/propagation.py

bench-peak: $(VENV)/installed  ## the peak frame of phantoms as they are, and with their blood cut off at a ceiling
	$(BIN)/python benchmarks/peak.py

bench-layers: $(VENV)/installed  ## inner and outer half of the wall, and relative flow, with intervals against truth
	$(BIN)/python benchmarks/layers.py

bench-clinic: $(VENV)/installed  ## flow, reserve and their intervals of 100 patients as clinics send them
	$(BIN)/python benchmarks/clinic.py
	$(BIN)/python benchmarks/independent.py
	$(BIN)/python benchmarks/shifted.py

attack: $(VENV)/installed  ## 2,000 damaged scenes, archives, tables, cards and objects: what is lost, leaked or run
	$(BIN)/python benchmarks/attack.py --count 400

ROUNDS ?= 5
bench-speed: $(VENV)/installed  ## whole studies on one core and on all of them: time and memory
	$(BIN)/python benchmarks/speed.py --rounds $(ROUNDS)

bench-batch: $(VENV)/installed  ## cohorts: throughput, overhead, faults, ten thousand studies
	PYTHONPATH=Testing/core $(BIN)/python benchmarks/batch.py all

bench-serve: $(VENV)/installed  ## a node with 200 studies in its queue, killed at random with its archive: nothing lost, nothing twice
	PYTHONPATH=Testing/core $(BIN)/python benchmarks/serve.py

bench-motion: $(VENV)/installed  ## motion compensation beside other people's programs on phantoms with known motion
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[bench-motion]'
	$(BIN)/python benchmarks/motion.py --out docs/motion.csv
	$(BIN)/python benchmarks/motion_conditions.py
	$(BIN)/python benchmarks/motion_picture.py docs/motion.png

bench-learning: $(VENV)/installed  ## what networks learn from corrected phantoms of a different look
	$(BIN)/python benchmarks/learning.py --out runs/learning --minutes 20

lint: $(VENV)/installed  ## style, format and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python Testing/check_types.py

lower-types: $(VENV)/installed  ## write down that a room has fewer type errors than it had
	$(BIN)/python Testing/check_types.py --lower

docs: $(VENV)/installed  ## the site in build/site; a broken link or a docstring that does not parse fails
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

pictures: demo  ## the pictures of the tutorial, from the phantom of `make demo`
	$(BIN)/python docs/make_pictures.py $(DEMO)/study/dicom
	$(BIN)/python docs/make_review_picture.py $(DEMO)/results/report.html

clean:
	rm -rf $(VENV) $(DEMO) build dist PerfusionDL/*.egg-info

screenshot: $(VENV)/installed  ## build/panel.png: the panel on stand-ins for Slicer's widgets, beside its views
	mkdir -p build
	PYTHONPATH=Testing/mrml:Testing/widget $(BIN)/python Testing/widget/make_screenshot.py build/panel.png

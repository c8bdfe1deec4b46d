# Every target works on a fresh clone: the environment is made on first use.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SAMPLE ?= FORMAT.md
DEMO   := $(VENV)/demo

.PHONY: demo test lint format docs clean

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --constraint constraints.txt --editable ".[test,lint,docs]"
	touch $@

demo: $(VENV)/.ready
	mkdir -p $(DEMO)
	$(BIN)/nncompress compress --force --verbose --output $(DEMO)/sample.nnc $(SAMPLE)
	$(BIN)/nncompress decompress --force --output $(DEMO)/sample.out $(DEMO)/sample.nnc
	cmp $(SAMPLE) $(DEMO)/sample.out && echo "restored exactly"
	$(BIN)/nncompress compare $(SAMPLE)

test: $(VENV)/.ready
	$(BIN)/nncompress warm-up
	$(BIN)/python -m pytest -q --numprocesses auto --maxprocesses 4 --dist loadfile

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(VENV)/.ready
	$(BIN)/sphinx-build -q -E -W --keep-going -b html docs build/docs/html
	$(BIN)/sphinx-build -q -E -W --keep-going -b man docs build/docs/man
	cp build/docs/man/nncompress.1 docs/nncompress.1
	@echo "build/docs/html/index.html, docs/nncompress.1"

clean:
	rm -rf $(VENV) build dist *.egg-info

# Every target works on a fresh clone: the environment is made on first use.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
SAMPLE ?= FORMAT.md
DEMO   := $(VENV)/demo

.PHONY: demo test lint format clean

$(VENV)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[test,lint]"
	touch $@

demo: $(VENV)/.ready
	mkdir -p $(DEMO)
	$(BIN)/nncompress compress --force --verbose --output $(DEMO)/sample.nnc $(SAMPLE)
	$(BIN)/nncompress decompress --force --output $(DEMO)/sample.out $(DEMO)/sample.nnc
	cmp $(SAMPLE) $(DEMO)/sample.out && echo "restored exactly"
	$(BIN)/nncompress compare $(SAMPLE)

test: $(VENV)/.ready
	$(BIN)/python -m pytest -q

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info

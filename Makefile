.PHONY: demo test lint docs gallery clean

VENV := .venv
PYTHON ?= python3
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Installed once for each state of the files that say what is needed.
$(VENV)/.train: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[train]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[train,test]'
	touch $@ $(VENV)/.train

demo: $(VENV)/.train
	$(VENV)/bin/hubtools publish examples/harbourlog.zip --base scratch --to local:hub
	@echo
	@echo "Look at it:  $(VENV)/bin/hubtools hub serve"
	@echo "Talk to it:  $(VENV)/bin/hubtools predict models/harbourlog \"The Nightferry is\""

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

test: lint
	$(VENV)/bin/python -m pytest --numprocesses auto --dist loadfile

docs: $(VENV)/.test
	$(VENV)/bin/python docs/make_reference.py
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

gallery: $(VENV)/.test
	$(VENV)/bin/python docs/make_gallery.py

clean:
	rm -rf $(VENV) hub models gallery site

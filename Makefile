.PHONY: demo test lint docs gallery clean

VENV := .venv
PYTHON ?= python3
PIP := $(VENV)/bin/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt

# Installed again only when the requirements change.
$(VENV)/.train: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[train]'
	touch $@

$(VENV)/.test: pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable '.[train,test]'
	touch $@ $(VENV)/.train

# A project of its own, and a git repository of its own: `init` writes its workflow to the root of the repository.
demo: $(VENV)/.train
	test -e demo/.git || git init --quiet demo
	$(VENV)/bin/hubtools init demo --quiet
	cd demo && ../$(VENV)/bin/hubtools publish ../examples/harbourlog.zip --base scratch --to local:hub
	@echo
	@echo "Look at it:  cd demo && ../$(VENV)/bin/hubtools hub serve"
	@echo "Prompt it:   cd demo && ../$(VENV)/bin/hubtools predict models/harbourlog \"The Nightferry is\""

lint: $(VENV)/.test
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

# worksteal: each worker starts with a contiguous half, so module fixtures are rarely built twice,
# and an idle worker takes over what the other has left.
test: lint
	$(VENV)/bin/python -m pytest --numprocesses logical --dist worksteal

docs: $(VENV)/.test
	$(VENV)/bin/python docs/make_reference.py
	NO_MKDOCS_2_WARNING=1 $(VENV)/bin/mkdocs build --strict

gallery: $(VENV)/.test
	$(VENV)/bin/python docs/make_gallery.py

clean:
	rm -rf $(VENV) demo gallery site

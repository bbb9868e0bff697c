# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Target dponnx::vesin_header: vesin.h, nothing to link. From VESIN_INCLUDE_DIR, the system, or the
# Python package vesin (pip builds with it: pyproject.toml, build-system.requires).
include_guard(GLOBAL)

find_path(VESIN_INCLUDE_DIR vesin.h)
if(NOT VESIN_INCLUDE_DIR)
  find_package(Python3 COMPONENTS Interpreter QUIET)
  if(Python3_FOUND)
    execute_process(
      COMMAND ${Python3_EXECUTABLE} -c
        "import importlib.util as u; print(u.find_spec('vesin').submodule_search_locations[0])"
      OUTPUT_VARIABLE _vesin OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  endif()
  if(NOT EXISTS "${_vesin}/include/vesin.h")
    message(FATAL_ERROR "vesin.h is missing: pip install vesin, or set VESIN_INCLUDE_DIR to its folder")
  endif()
  # Not cached: pip's build environment, and the header in it, go after the build.
  set(VESIN_INCLUDE_DIR "${_vesin}/include")
endif()
message(STATUS "vesin header: ${VESIN_INCLUDE_DIR}")

add_library(dponnx_vesin_header INTERFACE)
add_library(dponnx::vesin_header ALIAS dponnx_vesin_header)
target_include_directories(dponnx_vesin_header SYSTEM INTERFACE "${VESIN_INCLUDE_DIR}")

# SPDX-License-Identifier: LGPL-3.0-or-later
#
# Target dponnx::onnxruntime_headers: the C/C++ headers of ONNX Runtime, nothing to link. From, in order,
#   1. ONNXRUNTIME_INCLUDE_DIR (cmake -D, or the environment): the folder of onnxruntime_cxx_api.h;
#   2. the system;
#   3. Debian's package, unpacked once into DPONNX_HEADER_CACHE (fetch_onnxruntime_headers.sh; no root needed).
include_guard(GLOBAL)

set(DPONNX_FETCH_HEADERS ON CACHE BOOL "Fetch ONNX Runtime's headers where the system has none")
if(DEFINED ENV{XDG_CACHE_HOME})
  set(_cache "$ENV{XDG_CACHE_HOME}/dponnx")
elseif(DEFINED ENV{HOME})
  set(_cache "$ENV{HOME}/.cache/dponnx")
else()
  set(_cache "${CMAKE_BINARY_DIR}")
endif()
set(DPONNX_HEADER_CACHE "${_cache}" CACHE PATH "Where fetched headers are kept")

set(_suffixes onnxruntime onnxruntime/core/session)

if(NOT ONNXRUNTIME_INCLUDE_DIR AND DEFINED ENV{ONNXRUNTIME_INCLUDE_DIR})
  set(ONNXRUNTIME_INCLUDE_DIR "$ENV{ONNXRUNTIME_INCLUDE_DIR}")
endif()
if(ONNXRUNTIME_INCLUDE_DIR AND NOT EXISTS "${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_cxx_api.h")
  if(NOT DPONNX_HEADERS_FOUND_HERE STREQUAL ONNXRUNTIME_INCLUDE_DIR)
    message(FATAL_ERROR "ONNXRUNTIME_INCLUDE_DIR=${ONNXRUNTIME_INCLUDE_DIR} holds no onnxruntime_cxx_api.h")
  endif()
  # We found them there ourselves in an earlier run, and they went: look again.
  unset(ONNXRUNTIME_INCLUDE_DIR CACHE)
endif()

if(NOT ONNXRUNTIME_INCLUDE_DIR)
  find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h PATH_SUFFIXES ${_suffixes})
  set(_kept "${DPONNX_HEADER_CACHE}/onnxruntime")
  if(NOT ONNXRUNTIME_INCLUDE_DIR AND DPONNX_FETCH_HEADERS)
    if(NOT EXISTS "${_kept}/usr/include")
      message(STATUS "Fetching ONNX Runtime's headers into ${_kept}")
      execute_process(
        COMMAND "${CMAKE_CURRENT_LIST_DIR}/fetch_onnxruntime_headers.sh" "${_kept}"
        ERROR_VARIABLE _why RESULT_VARIABLE _failed)
    endif()
    find_path(ONNXRUNTIME_INCLUDE_DIR onnxruntime_cxx_api.h
      PATHS "${_kept}/usr/include" PATH_SUFFIXES ${_suffixes} NO_DEFAULT_PATH)
  endif()
  if(NOT ONNXRUNTIME_INCLUDE_DIR)
    message(FATAL_ERROR
      "ONNX Runtime's C++ headers (onnxruntime_cxx_api.h) are missing. Do one of these:\n"
      "  apt install libonnxruntime-dev      (Debian 13, Ubuntu 25.04 or later)\n"
      "  set ONNXRUNTIME_INCLUDE_DIR         to include/ of an ONNX Runtime release archive, 1.21 or later\n"
      "  connect this machine to its apt mirror, so that they can be fetched without root\n"
      "${_why}")
  endif()
  set(DPONNX_HEADERS_FOUND_HERE "${ONNXRUNTIME_INCLUDE_DIR}" CACHE INTERNAL "")
endif()

file(STRINGS "${ONNXRUNTIME_INCLUDE_DIR}/onnxruntime_c_api.h" _api REGEX "^#define ORT_API_VERSION [0-9]+")
string(REGEX REPLACE "[^0-9]" "" DPONNX_ORT_API "${_api}")
if(NOT DPONNX_ORT_API OR DPONNX_ORT_API LESS 21)
  message(FATAL_ERROR "${ONNXRUNTIME_INCLUDE_DIR} is of ONNX Runtime 1.${DPONNX_ORT_API}; expected 1.21 or later")
endif()
message(STATUS "ONNX Runtime headers: ${ONNXRUNTIME_INCLUDE_DIR} (API ${DPONNX_ORT_API})")

add_library(dponnx_onnxruntime_headers INTERFACE)
add_library(dponnx::onnxruntime_headers ALIAS dponnx_onnxruntime_headers)
target_include_directories(dponnx_onnxruntime_headers SYSTEM INTERFACE "${ONNXRUNTIME_INCLUDE_DIR}")

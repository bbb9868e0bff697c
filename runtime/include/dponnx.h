/* SPDX-License-Identifier: LGPL-3.0-or-later */
/* libdponnx: energies, forces and virials of models written by `dponnx compress` or `dponnx
 * convert`.
 *
 *     dponnx_model* model;
 *     if (dponnx_open("water.onnx", NULL, &model)) { puts(dponnx_last_error()); exit(1); }
 *     dponnx_system system = {.natoms = n, .coord = coord, .type = type, .box = box};
 *     dponnx_result result = {.energy = &energy, .force = force, .virial = virial};
 *     if (dponnx_compute(model, &system, &result)) { ... }
 *     dponnx_close(model);
 *
 * Lengths in angstrom, energies in eV, forces in eV/angstrom, virials in eV. Matrices are row by
 * row. Every function that can fail returns a dponnx_status; what went wrong is in
 * dponnx_last_error(). A model may be used from any thread, one call at a time (calls on one model
 * wait for each other); two models share nothing that changes. A failing call leaves its outputs
 * undefined, nothing else.
 *
 * A model of k components (1 of potentials; 3, 9, N of dipole, polar, dos) has k totals, and k of
 * each derivative. Where k is not mentioned below, it is 1.
 */
#ifndef DPONNX_H
#define DPONNX_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define DPONNX_EXPORT __attribute__((visibility("default")))
#else
#define DPONNX_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Of this header; dponnx_api_version() tells the library's. Structs only grow at their end, zeros
 * mean the default, and a library takes headers up to its own version. */
#define DPONNX_API_VERSION 1

typedef enum {
  DPONNX_OK = 0,
  DPONNX_INVALID_ARGUMENT = 1, /* an argument of this call */
  DPONNX_INVALID_MODEL = 2,    /* the file: missing, damaged, or not one of ours */
  DPONNX_NO_RUNTIME = 3,       /* ONNX Runtime, our operators or the device are missing */
  DPONNX_FAILED = 4            /* everything else: out of memory, ONNX Runtime refused to run */
} dponnx_status;

/* A model opened. */
typedef struct dponnx_model dponnx_model;

/* How to open one. NULL or zeros: the defaults. */
typedef struct {
  /* libonnxruntime.so. Default: the variable DPONNX_ORT_LIBRARY, then the Python package
   * onnxruntime beside ours, then what the system's loader finds. One a process: the first wins. */
  const char* ort_library;
  /* Threads of one operator; 0: one. */
  int32_t threads;
  /* 0: CPU. n > 0: CUDA device n - 1. -1: CUDA device 0 where it can be used, otherwise the CPU
   * (dponnx_info.device_note says why). */
  int32_t cuda_device;
  /* Atoms evaluated together, which bounds the memory used; 0: what fits memory_mb. */
  int32_t block;
  /* MB for evaluating a block of atoms; 0: 256 on the CPU; on CUDA, 0.6 of the memory that is free
   * when the model is opened, divided by cuda_share. */
  int32_t memory_mb;
  /* Models, of all processes, that share the CUDA device; 0: one. */
  int32_t cuda_share;
} dponnx_options;

/* What the model file says about itself; valid until the model is closed. */
typedef struct {
  const char* model_type;   /* ener, dipole, polar, dos */
  const char* precision;    /* float64, float32: what the model computes in */
  double rcut;              /* cutoff, angstrom */
  int32_t ntypes;           /* atom types */
  int32_t components;       /* k */
  int32_t dim_fparam;       /* parameters a frame; 0: takes none */
  int32_t dim_aparam;       /* parameters an atom; 0: takes none */
  int32_t has_force;        /* 0: there are no derivatives (dos) */
  int32_t compressed;       /* whether embedding nets are tables */
  int32_t ntables;          /* tables whose overflow is checked; 0: no check (compress -f) */
  const char* const* names; /* [ntypes] names of the types; "" where the model has none */
  const int32_t* sel;       /* [ntypes] most neighbours of each type that the model regards */
  const char* device;       /* cpu, cuda:0, ... */
  const char* device_note;  /* why cuda_device = -1 took the CPU, one line; otherwise "" */
} dponnx_info;

/* Neighbours as engines list them: a full list (i lists j and j lists i). */
typedef struct {
  int32_t inum;                     /* atoms with neighbours: all local ones, or a part of them */
  const int32_t* ilist;             /* [inum] their rows, below natoms */
  const int32_t* numneigh;          /* [natoms] neighbours of each */
  const int32_t* const* firstneigh; /* [natoms] rows of the neighbours, below natoms + nghost; any
                                     * order, within at least rcut, farther ones are ignored */
  int32_t mask;                     /* bits of firstneigh that count; 0: all */
  int32_t ago;                      /* 0: list, types or number of atoms changed since this model's
                                     * last call; above: only coordinates did */
} dponnx_nlist;

/* Atoms. With nlist, rows are natoms local atoms, then nghost ghosts, and box is not used;
 * without, nghost is 0 and neighbours and images are found here, anew in each call but where the
 * same atoms, in the same box, moved by less than half an angstrom. */
typedef struct {
  int64_t natoms, nghost;
  const double* coord;  /* [natoms + nghost, 3] anywhere, also outside the box */
  const int32_t* type;  /* [natoms + nghost] below 0: ignored, results are 0 */
  const double* box;    /* [3, 3] a vector a row; NULL: not periodic */
  const int32_t* along; /* [3] whether periodic along each box vector; NULL: along all */
  const double* fparam; /* [dim_fparam] */
  const double* aparam; /* [natoms, dim_aparam] */
  const dponnx_nlist* nlist;
} dponnx_system;

/* Results, in the rows of the system; NULL: not wanted. */
typedef struct {
  double* energy;      /* [k] of the atoms in nlist, or all */
  double* force;       /* [k, natoms + nghost, 3] ghosts carry their share: add it to the owner */
  double* virial;      /* [k, 9] -dE/d(e_ij) at 3 j + i, where x_j grows by x_i e_ij */
  double* atom_energy; /* [natoms, k] */
  double* atom_virial; /* [k, natoms + nghost, 9] summed over rows: virial */
} dponnx_result;

/* The same with single precision arrays. */
typedef struct {
  int64_t natoms, nghost;
  const float* coord;
  const int32_t* type;
  const float* box;
  const int32_t* along;
  const float* fparam;
  const float* aparam;
  const dponnx_nlist* nlist;
} dponnx_system_float;

/* The same with single precision arrays; energies stay double: they carry too many digits. */
typedef struct {
  double* energy;
  float* force;
  float* virial;
  double* atom_energy;
  float* atom_virial;
} dponnx_result_float;

/* For engines that keep their atoms on the GPU: pointers are to memory of the model's CUDA device
 * unless said otherwise. Lists as dponnx_nlist, entries of atom i at neighbors[i * atom_stride +
 * k * neighbor_stride], k < numneigh[i], -1: none. */
typedef struct {
  int32_t inum;
  const int32_t* ilist; /* [inum]; NULL: 0 .. inum - 1 */
  const int32_t* numneigh;
  const int32_t* neighbors;
  int64_t atom_stride, neighbor_stride;
  int32_t mask, ago;
} dponnx_nlist_cuda;

/* As dponnx_system. type and nlist are copied or worked up in the call with ago = 0 and not looked
 * at while ago is above. */
typedef struct {
  int64_t natoms, nghost;
  const double* coord;
  const int32_t* type;      /* on the device or, host_type, on the host */
  const int32_t* host_type; /* give one of the two */
  const double* box;        /* on the host */
  const int32_t* along;     /* on the host */
  const double* fparam;     /* on the host */
  const double* aparam;
  const dponnx_nlist_cuda* nlist; /* itself on the host */
  const dponnx_nlist* host_nlist; /* give one of the two, or none */
} dponnx_system_cuda;

/* Spread of several models' predictions, in DeePMD-kit's definition. With f_m the force on an atom
 * by model m and f their mean: e = sqrt(mean_m |f_m - f|^2), relative: e / (|f| + level). Virial:
 * e = sqrt(mean_m (v_m - v)^2) of each of the nine components of v = virial / natoms, relative:
 * e / (|v| + level) with |v| over all nine; the average is sqrt(mean over the components of e^2).
 */
typedef struct {
  double max_force, min_force, avg_force;    /* over the atoms, eV/angstrom */
  double max_virial, min_virial, avg_virial; /* over the nine components, eV an atom */
} dponnx_deviation;

/* DPONNX_API_VERSION of the library. */
DPONNX_EXPORT int32_t dponnx_api_version(void);

/* "0.1.0": the release. */
DPONNX_EXPORT const char* dponnx_version(void);

/* What the last failing call of this thread found: one line. Never NULL. */
DPONNX_EXPORT const char* dponnx_last_error(void);

/* Opens a model file. *model is NULL after a failure. */
DPONNX_EXPORT dponnx_status dponnx_open(const char* path, const dponnx_options* options,
                                        dponnx_model** model);

/* The same from memory, which may be freed afterwards; name is used in messages. */
DPONNX_EXPORT dponnx_status dponnx_open_memory(const void* data, size_t size, const char* name,
                                               const dponnx_options* options, dponnx_model** model);

/* Closes it; NULL is fine. */
DPONNX_EXPORT void dponnx_close(dponnx_model* model);

DPONNX_EXPORT const dponnx_info* dponnx_get_info(const dponnx_model* model);

/* An entry of the file's metadata (docs/format.md), such as "original_sha256"; NULL: there is none.
 */
DPONNX_EXPORT const char* dponnx_metadata(const dponnx_model* model, const char* key);

/* Energy and its derivatives of one frame. */
DPONNX_EXPORT dponnx_status dponnx_compute(dponnx_model* model, const dponnx_system* system,
                                           const dponnx_result* result);
DPONNX_EXPORT dponnx_status dponnx_compute_float(dponnx_model* model,
                                                 const dponnx_system_float* system,
                                                 const dponnx_result_float* result);

/* The same for a model on a CUDA device, arrays on the device; result: pointers to its memory.
 * stream: a cudaStream_t of that device (NULL: the default stream): the call's work comes after
 * what the stream holds, and what the stream gets next comes after the call's work. The host waits
 * for it only where ago is 0 or there is no list; otherwise what kernels find wrong is said by the
 * next call. Nothing checks that coordinates are finite: results then are not either. */
DPONNX_EXPORT dponnx_status dponnx_compute_cuda(dponnx_model* model,
                                                const dponnx_system_cuda* system,
                                                const dponnx_result* result, void* stream);

/* One frame by several models that agree in ntypes, and their deviation. results: [count], each
 * with room for force and virial. relative_force, relative_virial: the levels; below 0: absolute.
 * For systems without ghosts: with ghosts add their forces to the owners first, then call the two
 * functions below. */
DPONNX_EXPORT dponnx_status dponnx_compute_deviation(dponnx_model* const* models, int32_t count,
                                                     const dponnx_system* system,
                                                     const dponnx_result* results,
                                                     double relative_force, double relative_virial,
                                                     dponnx_deviation* deviation);

/* e of each atom [natoms] from the forces [count][natoms, 3] of several models. */
DPONNX_EXPORT void dponnx_force_deviation(const double* const* force, int32_t count, int64_t natoms,
                                          double relative, double* e);

/* e of each component [9] from the virials [count][9] of systems of natoms atoms. */
DPONNX_EXPORT void dponnx_virial_deviation(const double* const* virial, int32_t count,
                                           int64_t natoms, double relative, double* e);

/* What the last overflow check found (models compressed with -f N are checked every N-th
 * evaluation). tables [ntables, 2]: inputs in the coarse part of a table, and outside it;
 * sel [ntypes]: neighbours of a type beyond sel. Either may be NULL. Returns a line a finding, ""
 * if all is well: valid until this model's next call. */
DPONNX_EXPORT const char* dponnx_overflow(dponnx_model* model, int64_t* tables, int64_t* sel);

#ifdef __cplusplus
}
#endif
#endif

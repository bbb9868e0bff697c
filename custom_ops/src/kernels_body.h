// SPDX-License-Identifier: LGPL-3.0-or-later
// Included once by each isa_*.cc, which names the namespace (DPONNX_ISA), the vector length
// (DPONNX_VECTOR_BYTES) and how many vectors of outputs stay in registers (DPONNX_BLOCK).
// No std:: templates here: the linker would share them between ISA files.
#include "kernels.h"

namespace dponnx::DPONNX_ISA {
namespace {

template <class T>
using Wide = typename Vec<T, DPONNX_VECTOR_BYTES>::type;

#include "env_mat_body.h"
#include "scatter_body.h"
#include "tabulate_body.h"

template <class T>
constexpr KernelsOf<T> table_of = {find_near<T>, env_rows<T>, force<T>,
                                   virial<T>,    tabulate<T>, tabulate_grad<T>};

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {DPONNX_ISA_NAME, DPONNX_VECTOR_BYTES, table_of<float>, table_of<double>};

}  // namespace dponnx::DPONNX_ISA

// SPDX-License-Identifier: LGPL-3.0-or-later
// Included once by each isa_*.cc, which names the namespace (DPONNX_ISA), the vector length
// (DPONNX_VECTOR_BYTES) and how many vectors of outputs stay in registers (DPONNX_BLOCK).
// No std:: templates here: the linker would share them between ISA files.
#include <dponnx/bits.h>

#include "kernels.h"

namespace dponnx::DPONNX_ISA {
namespace {

template <class T>
using Wide = typename Vec<T, DPONNX_VECTOR_BYTES>::type;

// clang-format off: descriptors need what stands before them
#include "env_mat_body.h"
#include "scatter_body.h"
#include "tabulate_body.h"
#include "tabulate_each_body.h"
#include "tabulate_pairs_body.h"
#include "descriptor_body.h"
#include "descriptor_groups_body.h"
#include "descriptor_a_body.h"
#include "descriptor_pairs_body.h"
#include "contract_body.h"
#include "layer_body.h"
// clang-format on

template <int C, class T>
constexpr RowKernels<T> row_kernels = {env_rows<C, T>, force<C, T>, virial<C, T>};

template <class T>
constexpr KernelsOf<T> table_of = {find_near<T>,
                                   row_kernels<4, T>,
                                   row_kernels<1, T>,
                                   {tabulate<T, false>, tabulate_grad<T, false>},
                                   {tabulate_pairs<T>, tabulate_pairs_grad<T>},
                                   {tabulate_each<T>, tabulate_each_grad<T>},
                                   {tabulate<T, true>, tabulate_grad<T, true>},
                                   {contract<T>, contract_grad<T>},
                                   {layer<T>, layer_grad<T>}};

template <class E, class T>
constexpr DescriptorKernelsOf<E, T> descriptors_of = {
    {descriptor_sum<4, E, T>, descriptor_a_grad<E, T>},
    {descriptor_pairs<E, T>, descriptor_pairs_grad<E, T>},
    {descriptor_sum<1, E, T>, descriptor_r_grad<E, T>}};

}  // namespace

extern const Kernels kernels;
const Kernels kernels = {DPONNX_ISA_NAME,
                         DPONNX_VECTOR_BYTES,
                         table_of<float>,
                         table_of<double>,
                         descriptors_of<float, float>,
                         descriptors_of<double, double>,
                         descriptors_of<double, float>};

}  // namespace dponnx::DPONNX_ISA

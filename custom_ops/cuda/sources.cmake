# SPDX-License-Identifier: LGPL-3.0-or-later
# The CUDA operators: kernels (*.cu), what they need beside (host code without ONNX Runtime), and
# the operators around them.
set(cuda_kernels report cells contract descriptor_forces descriptor_neighbors descriptor_pairs
    device_descriptor elementwise environment layer neighbors scan scatter system tabulate
    tabulate_pairs)
set(cuda_helpers device device_table gemm)
set(cuda_operators cuda_ops op_contract op_descriptor op_elementwise op_env_mat op_layer op_scatter
    op_tabulate runtime_api)
foreach(list cuda_kernels cuda_helpers cuda_operators)
  list(TRANSFORM ${list} PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
endforeach()
list(TRANSFORM cuda_kernels APPEND .cu)
list(TRANSFORM cuda_helpers APPEND .cc)
list(TRANSFORM cuda_operators APPEND .cc)

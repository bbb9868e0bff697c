# SPDX-License-Identifier: LGPL-3.0-or-later
# The CUDA operators: *.cu are kernels and what starts them, *.cc their operators.
set(cuda_kernels report cells contract descriptor_forces descriptor_neighbors descriptor_pairs
    device_descriptor elementwise environment layer neighbors scan scatter system tabulate)
set(cuda_operators cuda_ops device_table gemm op_contract op_descriptor op_elementwise op_env_mat
    op_layer op_scatter op_tabulate runtime_api)
list(TRANSFORM cuda_kernels PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM cuda_kernels APPEND .cu)
list(TRANSFORM cuda_operators PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM cuda_operators APPEND .cc)

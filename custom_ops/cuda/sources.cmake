# SPDX-License-Identifier: LGPL-3.0-or-later
# The CUDA operators: *.cu are kernels and what starts them, *.cc their operators.
set(cuda_kernels contract report elementwise scatter neighbors device_descriptor
    layer descriptor_forces descriptor_neighbors descriptor_pairs)
set(cuda_operators cuda_ops device_table gemm op_layer op_contract op_elementwise op_scatter op_descriptor)
list(TRANSFORM cuda_kernels PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM cuda_kernels APPEND .cu)
list(TRANSFORM cuda_operators PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
list(TRANSFORM cuda_operators APPEND .cc)

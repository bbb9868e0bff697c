// SPDX-License-Identifier: LGPL-3.0-or-later
#include "ops.h"

namespace dponnx {

namespace {

/// Sizes of tensors from natoms: sizes[k] = constants[k] + sum_j coefficients[k, j] natoms[j].
/// Of the CPU on every device: other operators read sizes on the host, and so natoms never leaves
/// it.
class Sizes {
 public:
  static constexpr const char* name = "Sizes";
  static constexpr Port inputs[] = {{"natoms", element_type<int32_t>}};
  static constexpr Port outputs[] = {{"sizes", element_type<int64_t>}};

  explicit Sizes(Ort::ConstKernelInfo info)
      : coefficients_(info.GetAttributes<int64_t>("coefficients")),
        constants_(info.GetAttributes<int64_t>("constants")) {
    if (constants_.empty() || coefficients_.size() % constants_.size() != 0) {
      fail(Code::invalid_model, "coefficients holds ", coefficients_.size(),
           " numbers; expected as many for each of ", constants_.size(), " constants");
    }
  }

  void run(Ort::KernelContext& context) {
    const int64_t n = constants_.size(), columns = coefficients_.size() / n;
    const int32_t* natoms = get_input<int32_t>(context, inputs, 0, {columns}).data;
    int64_t* sizes = get_output<int64_t>(context, 0, {n});
    for (int64_t k = 0; k < n; ++k) {
      sizes[k] = constants_[k];
      for (int64_t j = 0; j < columns; ++j) {
        sizes[k] += coefficients_[k * columns + j] * natoms[j];
      }
    }
  }

 private:
  std::vector<int64_t> coefficients_, constants_;
};

}  // namespace

void add_sizes_ops(Ort::CustomOpDomain& domain) { add_op<Sizes>(domain); }

}  // namespace dponnx

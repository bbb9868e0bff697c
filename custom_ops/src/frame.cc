// SPDX-License-Identifier: LGPL-3.0-or-later
#include "frame.h"

namespace dponnx {

template <class T>
Switch<T> read_switch(const Ort::ConstKernelInfo& info, const char* rmin, const char* rmax) {
  const Switch<T> cut = {T(info.GetAttribute<float>(rmin)), T(info.GetAttribute<float>(rmax))};
  if (!(cut.rmin >= 0 && cut.rmin < cut.rmax)) {
    fail(Code::invalid_model, rmin, " = ", cut.rmin, ", ", rmax, " = ", cut.rmax,
         "; expected 0 <= ", rmin, " < ", rmax);
  }
  return cut;
}

std::vector<int> read_sections(const Ort::ConstKernelInfo& info, const char* sel) {
  const auto slots = info.GetAttributes<int64_t>(sel);
  std::vector<int> sections{0};
  for (int64_t n : slots) {
    if (n < 0 || n > 1000000 - sections.back()) {
      fail(Code::invalid_model, sel, " holds ", n, "; expected >= 0 and a sum up to 1000000");
    }
    sections.push_back(sections.back() + static_cast<int>(n));
  }
  if (slots.empty()) fail(Code::invalid_model, sel, " is empty; expected one number a type");
  return sections;
}

template <class T>
Frame<T>::Frame(const Ort::KernelContext& context, const Port* ports, const Switch<T>& cut,
                const std::vector<int>& sections, bool mixed) {
  const int64_t groups = static_cast<int64_t>(sections.size()) - 1;
  const auto natoms = get_input<int32_t>(context, ports, 2, {mixed ? -1 : 2 + groups});
  const auto counts = read_natoms(natoms);
  nloc = counts[0];
  nall = counts[1];
  ntypes = natoms.shape[0] - 2;
  const auto coord = get_input<T>(context, ports, 0, {nall, 3});
  atype_ = get_input<int32_t>(context, ports, 1, {nall});
  nlist_ = get_input<int32_t>(context, ports, 3, {nloc, -1});
  list = {coord.data,
          atype_.data,
          nlist_.data,
          nlist_.shape[1],
          cut,
          sections.data(),
          static_cast<int>(groups)};
}

template <class T>
void Frame<T>::check_indices() const {
  check_range(atype_, INT32_MIN, ntypes - 1, "at most ntypes-1");
  check_range(nlist_, -1, nall - 1, "-1 or 0..nall-1");
}

#define DPONNX_INSTANTIATE(T)                                                            \
  template Switch<T> read_switch(const Ort::ConstKernelInfo&, const char*, const char*); \
  template struct Frame<T>;
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "overflow_sum.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

namespace dponnx {

void OverflowSum::add(const int64_t* tables, int64_t ntables, const int64_t* sel, int64_t nenv,
                      int64_t ntypes) {
  if (ntables && tables[0] < 0) return;
  if (fresh_) {
    tables_.assign(2 * ntables, 0);
    sel_.assign(ntypes, 0);
    fresh_ = false;
  }
  for (int64_t k = 0; k < 2 * ntables; ++k) tables_[k] += tables[k];
  for (int64_t k = 0; k < nenv * ntypes; ++k) {
    sel_[k % ntypes] = std::max(sel_[k % ntypes], sel[k]);
  }
}

std::string OverflowSum::text(const About& about) const {
  std::ostringstream out;
  out << std::fixed << std::setprecision(3);
  for (size_t t = 0; 2 * t < tables_.size(); ++t) {
    const int64_t coarse = tables_[2 * t], outside = tables_[2 * t + 1];
    if (coarse == 0 && outside == 0) continue;
    std::istringstream line(t < about.table_lines.size() ? about.table_lines[t] : "? ? 0 0");
    std::string name, types;
    double fine_reach = 0, reach = 0;  // distances below which inputs are coarse, outside
    line >> name >> types >> fine_reach >> reach;
    out << (outside ? outside : coarse) << " inputs "
        << (outside ? "outside the table of " : "in the coarse table of ") << types << " (" << name
        << "): closer than " << (outside ? reach : fine_reach) << " angstrom\n";
  }
  for (size_t t = 0; t < sel_.size(); ++t) {
    if (sel_[t] <= 0) continue;
    const std::string& name = about.type_names[t];
    out << "an atom has " << sel_[t] << " neighbours of type "
        << (name.empty() ? std::to_string(t) : name) << " more than sel\n";
  }
  std::string text = out.str();
  if (!text.empty()) text.pop_back();
  return text;
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "about.h"

#include <cstdlib>
#include <sstream>

#include "error.h"

namespace dponnx {

namespace {

constexpr const char* kFormat = "dponnx-1";

/// Entries of the metadata, converted; a bad one is an error that names it.
class Reader {
 public:
  Reader(const std::string& name, const std::map<std::string, std::string>& entries)
      : name_(name), entries_(entries) {}

  const std::string& text(const std::string& key, const std::string& otherwise) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? otherwise : found->second;
  }
  const std::string& text(const std::string& key) const {
    const auto found = entries_.find(key);
    if (found == entries_.end()) {
      fail(Code::invalid_model, name_, ": metadata entry '", key, "' is missing; convert it again");
    }
    return found->second;
  }
  double number(const std::string& key, const std::string& text) const {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end) {
      fail(Code::invalid_model, name_, ": metadata entry '", key, "' is '", text.substr(0, 60),
           "'; convert it again");
    }
    return value;
  }
  int32_t count(const std::string& key, const std::string& text) const {
    const double value = number(key, text);
    if (!(value >= 0 && value <= 1e9 && value == static_cast<int32_t>(value))) {
      fail(Code::invalid_model, name_, ": metadata entry '", key, "' is '", text.substr(0, 60),
           "'; convert it again");
    }
    return static_cast<int32_t>(value);
  }
  std::vector<int32_t> counts(const std::string& key, const std::string& text) const {
    std::vector<int32_t> result;
    for (const std::string& word : words(text)) result.push_back(count(key, word));
    return result;
  }
  static std::vector<std::string> words(const std::string& text) {
    std::istringstream stream(text);
    std::vector<std::string> result;
    for (std::string word; stream >> word;) result.push_back(word);
    return result;
  }

 private:
  const std::string& name_;
  const std::map<std::string, std::string>& entries_;
};

}  // namespace

About read_about(const std::string& name, std::map<std::string, std::string> entries) {
  About about;
  about.name = name;
  about.entries = std::move(entries);
  const Reader read(about.name, about.entries);
  const std::string format = read.text("format", "");
  if (format.empty()) {
    fail(Code::invalid_model, name, ": no 'format' entry in its metadata; expected '", kFormat,
         "'. Was it written by dponnx compress or dponnx convert?");
  }
  if (format != kFormat) {
    fail(Code::invalid_model, name, ": format is '", format, "'; expected '", kFormat,
         "'. Upgrade dponnx, or convert the original graph again");
  }
  about.model_type = read.text("model_type", "ener");
  about.precision = read.text("precision", "float64");
  about.compressed = read.text("compressed", "false") == "true";
  about.rcut = read.number("rcut", read.text("rcut"));
  if (!(about.rcut > 0 && about.rcut < 1e6)) {
    fail(Code::invalid_model, name, ": rcut is ", about.rcut, "; expected angstrom above 0");
  }
  about.sel = read.counts("sel", read.text("sel"));
  about.type_names = Reader::words(read.text("type_map"));
  about.ntypes =
      static_cast<int32_t>(about.type_names.empty() ? about.sel.size() : about.type_names.size());
  about.type_names.resize(about.ntypes);
  about.sel.resize(about.ntypes);
  about.components = read.count("output_dim", read.text("output_dim", "1"));
  about.dim_fparam = read.count("dfparam", read.text("dfparam", "0"));
  about.dim_aparam = read.count("daparam", read.text("daparam", "0"));
  about.bytes_per_atom = read.count("bytes_per_atom", read.text("bytes_per_atom", "0"));
  about.sel_type = read.counts("sel_type", read.text("sel_type", ""));
  for (int32_t t : about.sel_type) {
    if (t >= about.ntypes) {
      fail(Code::invalid_model, name, ": metadata entry 'sel_type' holds ", t, "; expected 0..",
           about.ntypes - 1);
    }
  }
  std::istringstream lines(read.text("table_reach", ""));
  for (std::string line; std::getline(lines, line);) about.table_lines.push_back(line);
  if (about.sel_type.empty()) {
    for (int32_t t = 0; t < about.ntypes; ++t) about.sel_type.push_back(t);
  }
  return about;
}

}  // namespace dponnx

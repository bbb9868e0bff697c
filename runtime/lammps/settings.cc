// SPDX-License-Identifier: LGPL-3.0-or-later
#include "settings.h"

#include <cmath>
#include <cstdlib>
#include <functional>
#include <limits>
#include <map>
#include <stdexcept>

namespace dponnx_lammps {
namespace {

const char* const kUsage =
    "pair_style dponnx m1.onnx [m2.onnx ...] [out_file F] [out_freq N] [atomic] [relative X] "
    "[relative_v X] [fparam X ...] [fparam_from_compute ID] [aparam X ...] "
    "[aparam_from_compute ID] [overflow ignore|warn|error] [threads N] [gpus N]";

[[noreturn]] void refuse(const std::string& what) { throw std::runtime_error(what); }

bool is_number(const std::string& text, double* value) {
  char* end = nullptr;
  *value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && std::isfinite(*value);
}

/// The arguments, and how far they are read.
class Reader {
 public:
  explicit Reader(const std::vector<std::string>& words) : words_(words) {}

  bool done() const { return at_ == words_.size(); }
  const std::string& peek() const { return words_[at_]; }
  const std::string& next() { return words_[at_++]; }

  const std::string& value(const std::string& key) {
    if (done())
      refuse(key + " is the last argument; expected its value behind it. Usage: " + kUsage);
    return next();
  }

  double number(const std::string& key, double at_least) {
    const std::string& text = value(key);
    double x;
    if (!is_number(text, &x) || x < at_least)
      refuse(key + " is '" + text + "'; expected a number of at least " + plain(at_least));
    return x;
  }

  int integer(const std::string& key, int at_least) {
    const double x = number(key, at_least);
    if (x != std::floor(x) || x > std::numeric_limits<int>::max())
      refuse(key + " is '" + words_[at_ - 1] + "'; expected an integer");
    return static_cast<int>(x);
  }

  std::vector<double> numbers(const std::string& key) {
    std::vector<double> result;
    double x;
    while (!done() && is_number(peek(), &x)) {
      result.push_back(x);
      next();
    }
    if (result.empty())
      refuse(key + (done() ? " is the last argument" : " is '" + peek() + "'") +
             "; expected the numbers the model takes");
    return result;
  }

 private:
  static std::string plain(double x) { return std::to_string(static_cast<long>(x)); }

  const std::vector<std::string>& words_;
  size_t at_ = 0;
};

Overflow policy(const std::string& text) {
  if (text == "ignore") return Overflow::ignore;
  if (text == "warn") return Overflow::warn;
  if (text == "error") return Overflow::error;
  refuse("overflow is '" + text + "'; expected ignore, warn or error");
}

using Action = std::function<void(Settings&, Reader&, const std::string& key)>;

const std::map<std::string, Action>& actions() {
  using S = Settings;
  using R = Reader;
  using K = std::string;
  static const std::map<std::string, Action> table = {
      {"out_file", [](S& s, R& r, const K& k) { s.out_file = r.value(k); }},
      {"out_freq", [](S& s, R& r, const K& k) { s.out_freq = r.integer(k, 0); }},
      {"atomic", [](S& s, R&, const K&) { s.atomic = true; }},
      {"relative", [](S& s, R& r, const K& k) { s.relative = r.number(k, 0); }},
      {"relative_v", [](S& s, R& r, const K& k) { s.relative_v = r.number(k, 0); }},
      {"fparam", [](S& s, R& r, const K& k) { s.fparam = r.numbers(k); }},
      {"aparam", [](S& s, R& r, const K& k) { s.aparam = r.numbers(k); }},
      {"fparam_from_compute", [](S& s, R& r, const K& k) { s.fparam_compute = r.value(k); }},
      {"aparam_from_compute", [](S& s, R& r, const K& k) { s.aparam_compute = r.value(k); }},
      {"overflow", [](S& s, R& r, const K& k) { s.overflow = policy(r.value(k)); }},
      {"threads", [](S& s, R& r, const K& k) { s.threads = r.integer(k, 1); }},
      {"gpus", [](S& s, R& r, const K& k) { s.gpus = r.integer(k, 0); }},
  };
  return table;
}

}  // namespace

Settings parse(const std::vector<std::string>& arguments) {
  Settings settings;
  settings.arguments = arguments;
  Reader reader(arguments);
  while (!reader.done() && !actions().count(reader.peek()))
    settings.models.push_back(reader.next());
  if (settings.models.empty()) refuse(std::string("no model is named. Usage: ") + kUsage);
  while (!reader.done()) {
    const std::string& key = reader.next();
    const auto action = actions().find(key);
    if (action == actions().end())
      refuse("'" + key + "' is no keyword (model files come first). Usage: " + kUsage);
    action->second(settings, reader, key);
  }
  if (!settings.fparam.empty() && !settings.fparam_compute.empty())
    refuse("fparam and fparam_from_compute are both given; expected one of them");
  if (!settings.aparam.empty() && !settings.aparam_compute.empty())
    refuse("aparam and aparam_from_compute are both given; expected one of them");
  return settings;
}

}  // namespace dponnx_lammps

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace dponnx {

/// Who has to act: the caller (an argument), the model's author (a node), the machine's owner.
enum class Code { invalid_argument, invalid_model, unsupported_machine };

/// The one exception type of this library. Its message says where, found, expected.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& what) : std::runtime_error(what), code_(code) {}
  Code code() const { return code_; }

 private:
  Code code_;
};

/// Throws an Error whose message is the parts, one after the other.
template <class... Parts>
[[noreturn]] void fail(Code code, const Parts&... parts) {
  std::ostringstream message;
  (message << ... << parts);
  throw Error(code, message.str());
}

}  // namespace dponnx

// SPDX-License-Identifier: LGPL-3.0-or-later
#include "dispatch.h"

#include <cstdlib>
#include <cstring>

#include "error.h"

namespace dponnx {

namespace isa_scalar {
extern const Kernels kernels;
}
#ifdef DPONNX_X86
namespace isa_avx2 {
extern const Kernels kernels;
}
namespace isa_avx512 {
extern const Kernels kernels;
}
namespace isa_avx512_emulated {
extern const Kernels kernels;
}
#endif

namespace {

struct Path {
  const Kernels& kernels;
  bool runs_here;
  bool only_if_asked;
};

const Kernels& choose() {
#ifdef DPONNX_X86
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl");
#endif
  const Path paths[] = {
#ifdef DPONNX_X86
      {isa_avx512::kernels, avx512, false},
      {isa_avx2::kernels, avx2, false},
      {isa_avx512_emulated::kernels, avx2, true},
#endif
      {isa_scalar::kernels, true, false},
  };
  const char* asked = std::getenv("DPONNX_ISA");
  std::string known;
  for (const Path& path : paths) {
    if (asked && *asked) {
      known += std::string(known.empty() ? "" : ", ") + path.kernels.name;
      if (std::strcmp(asked, path.kernels.name) != 0) continue;
      if (path.runs_here) return path.kernels;
      fail(Code::unsupported_machine, "DPONNX_ISA=", asked,
           ": this processor does not have the instructions; unset it to let dponnx choose");
    } else if (path.runs_here && !path.only_if_asked) {
      return path.kernels;
    }
  }
  fail(Code::invalid_argument, "DPONNX_ISA=", asked, ": expected one of ", known);
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace dponnx

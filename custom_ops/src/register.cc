// SPDX-License-Identifier: LGPL-3.0-or-later
#include "dispatch.h"
#include "ops.h"

namespace {

/// One domain for all sessions of the process, never destroyed: sessions keep pointers to it.
OrtCustomOpDomain* domain() {
  static Ort::CustomOpDomain& made = *[] {
    auto* domain = new Ort::CustomOpDomain("dponnx");
    dponnx::add_env_mat_ops(*domain);
    dponnx::add_scatter_ops(*domain);
    dponnx::add_tabulate_ops(*domain);
    dponnx::add_activation_ops(*domain);
    dponnx::add_descriptor_ops(*domain);
    dponnx::add_contract_ops(*domain);
    dponnx::add_layer_ops(*domain);
    return domain;
  }();
  return made;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) OrtStatusPtr ORT_API_CALL
RegisterCustomOps(OrtSessionOptions* options, const OrtApiBase* base) {
  const OrtApi* api = base->GetApi(dponnx::kOrtApiVersion);
  if (!api) {
    // The first functions of the table never change, CreateStatus among them.
    const std::string found = base->GetVersionString();
    return base->GetApi(1)->CreateStatus(
        ORT_NOT_IMPLEMENTED,
        ("dponnx: ONNX Runtime " + found + " is too old; expected 1.21 or later").c_str());
  }
  return dponnx::guard(*api, "dponnx", [&] {
    Ort::InitApi(api);
    dponnx::kernels();
    Ort::ThrowOnError(api->AddCustomOpDomain(options, domain()));
  });
}

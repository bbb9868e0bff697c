// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstdio>
#include <functional>

#include "checks.h"
#include "cuda/gemm.h"

/// Microseconds an atom of each step of a model, beside what the device can do at best.
namespace harness {

using dponnx::cuda::check;

/// Seconds that work takes on the default stream: the median of several runs after a first.
inline double seconds_of(const std::function<void()>& work) {
  constexpr int kRuns = 7;
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "event");
  check(cudaEventCreate(&end), "event");
  std::vector<float> milliseconds(kRuns);
  work();
  for (float& ms : milliseconds) {
    check(cudaEventRecord(begin), "event");
    work();
    check(cudaEventRecord(end), "event");
    check(cudaEventSynchronize(end), "work on the device");
    check(cudaEventElapsedTime(&ms, begin, end), "event");
  }
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  std::sort(milliseconds.begin(), milliseconds.end());
  return milliseconds[kRuns / 2] * 1e-3;
}

/// Bytes a second read and written by a copy within the device.
inline double bandwidth() {
  constexpr int64_t kBytes = int64_t(1) << 29;
  Room<char> from(kBytes), to(kBytes);
  return 2 * kBytes / seconds_of([&] {
           check(cudaMemcpyAsync(to.data(), from.data(), kBytes, cudaMemcpyDeviceToDevice, nullptr),
                 "copy");
         });
}

/// Operations a second of a large product by cuBLAS.
template <class T>
double gemm_rate() {
  constexpr int64_t kRows = 65536, kInner = 1024;
  Room<T> x(kRows * kInner), w(kInner * kInner), y(kRows * kInner);
  return 2.0 * kRows * kInner * kInner / seconds_of([&] {
           dponnx::cuda::multiply(x.data(), w.data(), y.data(), kRows, kInner, kInner, nullptr);
         });
}

struct Peaks {
  double bandwidth, gemm64, gemm32;
};

inline const Peaks& peaks() {
  static const Peaks measured = {bandwidth(), gemm_rate<double>(), gemm_rate<float>()};
  return measured;
}

inline void print_device() {
  cudaDeviceProp device{};
  check(cudaGetDeviceProperties(&device, 0), "properties of the device");
  std::printf(
      ",\n\"device\": \"%s\", \"bandwidth_GBps\": %.0f, \"gemm_float64_TFLOPs\": %.2f, "
      "\"gemm_float32_TFLOPs\": %.2f",
      device.name, peaks().bandwidth * 1e-9, peaks().gemm64 * 1e-12, peaks().gemm32 * 1e-12);
}

/// One step. bytes: what has to be read and written once, flops: additions and multiplications;
/// both an atom, tables left out of the bytes.
struct Timing {
  std::string model, precision, step;
  int64_t atoms;
  double us_per_atom, bytes, flops, flop_rate;

  std::string json() const {
    char text[512];
    const double seconds = us_per_atom * 1e-6;
    std::snprintf(text, sizeof(text),
                  "{\"model\": \"%s\", \"precision\": \"%s\", \"step\": \"%s\", \"atoms\": %lld, "
                  "\"us_per_atom\": %.5f, \"bytes\": %.0f, \"flops\": %.0f, "
                  "\"share_of_bandwidth\": %.3f, \"share_of_gemm\": %.3f}",
                  model.c_str(), precision.c_str(), step.c_str(), static_cast<long long>(atoms),
                  us_per_atom, bytes, flops, bytes / seconds / peaks().bandwidth,
                  flops / seconds / flop_rate);
    return text;
  }
};

/// Times the steps of one model and precision.
class Steps {
 public:
  Steps(std::string model, std::string precision, int64_t atoms, double flop_rate)
      : base_{std::move(model), std::move(precision), "", atoms, 0, 0, 0, flop_rate} {}

  void time(const char* step, double bytes, double flops, const std::function<void()>& work) {
    Timing timing = base_;
    timing.step = step;
    timing.us_per_atom = seconds_of(work) * 1e6 / base_.atoms;
    timing.bytes = bytes, timing.flops = flops;
    all.push_back(timing);
  }
  /// Their sum, as a step of its own.
  void add_total() {
    Timing total = base_;
    total.step = "all";
    for (const Timing& t : all) {
      total.us_per_atom += t.us_per_atom, total.bytes += t.bytes, total.flops += t.flops;
    }
    all.push_back(total);
  }

  std::vector<Timing> all;

 private:
  Timing base_;
};

/// Neighbours within rcut of an atom, on average over the first ones.
inline double mean_neighbors(const System& system, double rcut) {
  const int64_t n = std::min<int64_t>(system.nloc, 200);
  int64_t count = 0;
  for (int64_t k = 0; k < n * system.nnei_in; ++k) {
    const int64_t i = k / system.nnei_in, j = system.nlist[k];
    if (j < 0) continue;
    count += square_distance(system, i, j) < rcut * rcut;
  }
  return n > 0 ? double(count) / n : 0;
}

template <class E, class T>
void time_descriptor(const Model& model, const System& system, Steps& steps) {
  const Problem<E, T> problem(model, system);
  const DeviceProblem<E, T> device(problem);
  Room<T> out(problem.out_size());
  Room<E> force(3 * system.nall), virial(9);
  const auto frame = device.frame(out.data());
  const double n = mean_neighbors(system, model.rcut), width = model.width;
  const double listed = 4.0 * system.nnei_in + 24, sums = 4 * width * sizeof(T);
  steps.time("descriptor", listed + 8 * n + sums, n * (60 + 18 * width), [&] {
    dponnx::cuda::descriptor_sum(model.kind, frame, {nullptr, 0, nullptr}, nullptr);
  });
  steps.time("descriptor's gradient", listed + 8 * n + sums + 8 * n * sizeof(E) + 48 * n,
             n * (250 + 38 * width), [&] {
               dponnx::cuda::descriptor_gradient<E, T>(
                   model.kind, frame, {force.data(), virial.data(), nullptr}, nullptr);
             });
}

template <class T>
void time_contraction(int64_t n, int width, int axis, Steps& steps) {
  dponnx::ContractArgs<T> args{};
  args.width = width, args.axis = axis;
  args.size = dponnx::contraction_size(width, axis);
  Room<T> t(n * 4 * width), d(n * args.size), dt(n * 4 * width);
  args.t = t.data(), args.d = d.data(), args.dd = d.data(), args.dt = dt.data();
  const double rows = 4.0 * width * sizeof(T), packed = args.size * sizeof(T);
  steps.time("contraction", rows + packed, 8.0 * args.size,
             [&] { dponnx::cuda::contract(args, n, nullptr); });
  steps.time("contraction's gradient", 2 * rows + packed, 16.0 * args.size,
             [&] { dponnx::cuda::contract_gradient(args, n, nullptr); });
}

/// One layer m -> k of a fitting net and its gradient.
template <class T>
void time_layer(const char* forward, const char* backward, int64_t n, int64_t m, int64_t k,
                Steps& steps) {
  Room<T> x(n * m), w(m * k), bias(k);
  Room<T> y(n * k), slope(n * k), dx(n * m);
  const dponnx::LayerArgs<T> args = {x.data(), {w.data(), m, k},         bias.data(), nullptr,
                                     nullptr,  dponnx::Activation::tanh, y.data(),    slope.data()};
  const dponnx::LayerGradArgs<T> grad = {
      slope.data(), y.data(), {w.data(), k, m}, nullptr, dx.data()};
  const double bytes = (m + 4.0 * k) * sizeof(T), flops = 2.0 * m * k;
  steps.time(forward, bytes, flops, [&] { dponnx::cuda::layer(args, n, nullptr); });
  steps.time(backward, bytes, flops, [&] { dponnx::cuda::layer_gradient(grad, n, nullptr); });
}

/// The steps of a model of this shape, fitting net 240 x 240 x 240.
template <class E, class T>
void time_model(const std::string& name, const std::string& precision, const Model& model,
                const System& system, std::vector<Timing>& timings) {
  const double rate = sizeof(T) == 8 ? peaks().gemm64 : peaks().gemm32;
  Steps steps(name, precision, system.nloc, rate);
  constexpr int kAxis = 16;
  const int64_t packed = int64_t(kAxis) * model.width - kAxis * (kAxis - 1) / 2;
  time_descriptor<E, T>(model, system, steps);
  time_contraction<T>(system.nloc, model.width, kAxis, steps);
  time_layer<T>("first layer", "first layer's gradient", system.nloc, packed, 240, steps);
  time_layer<T>("second layer", "second layer's gradient", system.nloc, 240, 240, steps);
  time_layer<T>("third layer", "third layer's gradient", system.nloc, 240, 240, steps);
  steps.add_total();
  timings.insert(timings.end(), steps.all.begin(), steps.all.end());
}

/// Water-like: 89 neighbours within 6 angstrom, 210 listed. Copper-like: 500 slots, one type.
inline std::vector<Timing> time_all(int64_t atoms) {
  std::vector<Timing> timings;
  for (const bool copper : {false, true}) {
    const std::string name = copper ? "copper-like" : "water-like";
    const System system =
        make_system({atoms, copper ? 9.0 : 8.0, copper ? 2.28 : 2.15, copper ? 1 : 2});
    Model model{Descriptor::se_a, copper ? std::vector<int>{500} : std::vector<int>{46, 92}, 100};
    model.rcut = copper ? 8 : 6;
    time_model<double, double>(name, "float64", model, system, timings);
    time_model<float, float>(name, "float32", model, system, timings);
    time_model<double, float>(name, "mixed", model, system, timings);
  }
  return timings;
}

}  // namespace harness

// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <cstring>
#include <string>

#include "cuda/contract.h"
#include "cuda/layer.h"
#include "cuda/neighbors.h"
#include "problem.h"

/// The device's numbers beside those of the CPU's kernels.
namespace harness {

struct Check {
  std::string what;
  double error, allowed;  ///< largest difference over the largest number, at least 1
};

class Checks {
 public:
  /// T: what it was computed in.
  template <class T, class N>
  void compare(const std::string& what, const std::vector<N>& found,
               const std::vector<N>& expected) {
    double error = found.size() == expected.size() ? 0 : 1e300, largest = 1;
    for (size_t k = 0; error < 1e300 && k < found.size(); ++k) {
      error = std::max(error, std::abs(double(found[k]) - double(expected[k])));
      largest = std::max(largest, std::abs(double(expected[k])));
      if (std::isnan(found[k])) error = 1e300;
    }
    all.push_back({what, error / largest, sizeof(T) == 4 ? 1e-4 : 1e-10});
  }
  template <class N>
  void same_bits(const std::string& what, const std::vector<N>& first,
                 const std::vector<N>& second) {
    const bool same =
        first.size() == second.size() &&
        (first.empty() || std::memcmp(first.data(), second.data(), first.size() * sizeof(N)) == 0);
    all.push_back({what, same ? 0.0 : 1.0, 0});
  }
  bool good() const {
    return std::all_of(all.begin(), all.end(), [](const Check& c) { return c.error <= c.allowed; });
  }

  std::vector<Check> all;
};

/// What a descriptor gives.
template <class E, class T>
struct Results {
  std::vector<T> out;
  std::vector<E> force, virial, atom_virial;
  std::vector<int64_t> table_overflow, sel_overflow;
};

template <class E, class T>
Results<E, T> on_cpu(const Problem<E, T>& problem) {
  const System& system = problem.system();
  const auto& all = dponnx::kernels().descriptors<E, T>();
  const Descriptor kind = problem.model().kind;
  const auto& kernels = kind == Descriptor::se_a   ? all.se_a
                        : kind == Descriptor::se_t ? all.se_t
                                                   : all.se_r;
  Results<E, T> results;
  results.out.resize(problem.out_size());
  results.force.resize(3 * system.nall);
  results.virial.resize(9);
  results.atom_virial.resize(9 * system.nall);
  auto args = problem.args();
  args.out = results.out.data();
  dponnx::DescriptorWorker<E, T> worker(args, kind, problem.n_rows());
  worker.count_overflow(2 * problem.n_tables());
  const dponnx::PairSums<E> sums = {results.force.data(), results.virial.data(),
                                    results.atom_virial.data()};
  for (int64_t i = 0; i < system.nloc; ++i) kernels.forward(args, i, worker.at(i));
  results.table_overflow = worker.overflow();
  for (int64_t i = 0; i < system.nloc; ++i) kernels.gradient(args, i, worker.at(i), sums);
  for (int t = 0; t < args.ntypes; ++t) {
    const int64_t more = worker.most()[t] - (args.sec[t + 1] - args.sec[t]);
    results.sel_overflow.push_back(std::max<int64_t>(0, more));
  }
  return results;
}

template <class E, class T>
Results<E, T> on_device(const Problem<E, T>& problem) {
  const DeviceProblem<E, T> device(problem);
  const Descriptor kind = problem.model().kind;
  const int64_t nall = problem.system().nall;
  Room<T> out(problem.out_size());
  Room<E> force(3 * nall), virial(9), atom_virial(9 * nall);
  Room<int64_t> table_overflow(2 * problem.n_tables());
  Room<int64_t> sel_overflow(problem.ntypes());
  const auto frame = device.frame(out.data());
  dponnx::cuda::descriptor_sum(
      kind, frame, {table_overflow.data(), problem.n_tables(), sel_overflow.data()}, nullptr);
  dponnx::cuda::descriptor_gradient<E, T>(
      kind, frame, {force.data(), virial.data(), atom_virial.data()}, nullptr);
  return {out.bring_back(),         force.bring_back(),          virial.bring_back(),
          atom_virial.bring_back(), table_overflow.bring_back(), sel_overflow.bring_back()};
}

template <class E, class T>
void check_descriptor(const std::string& what, const Model& model, const System& system,
                      Checks& checks) {
  const Problem<E, T> problem(model, system);
  const auto expected = on_cpu(problem), found = on_device(problem), again = on_device(problem);
  checks.compare<T>(what + ": sums", found.out, expected.out);
  checks.compare<T>(what + ": force", found.force, expected.force);
  checks.compare<T>(what + ": virial", found.virial, expected.virial);
  checks.compare<T>(what + ": atom_virial", found.atom_virial, expected.atom_virial);
  checks.same_bits(what + ": table_overflow", found.table_overflow, expected.table_overflow);
  checks.same_bits(what + ": sel_overflow", found.sel_overflow, expected.sel_overflow);
  checks.same_bits(what + ": sums, again", found.out, again.out);
  checks.same_bits(what + ": force, again", found.force, again.force);
  checks.same_bits(what + ": virial, again", found.virial, again.virial);
}

/// Slots and their numbers, to the last.
inline void check_neighbors(const std::string& what, const Model& model, const System& system,
                            Checks& checks) {
  const Problem<double, double> problem(model, system);
  const DeviceProblem<double, double> device(problem);
  const auto args = problem.args();
  const int nnei = problem.sec().back();
  dponnx::Placer<double> placer(args);
  std::vector<int32_t> expected(system.nloc * nnei), filled;
  for (int64_t i = 0; i < system.nloc; ++i) {
    placer.place(dponnx::kernels().of<double>(), i, expected.data() + i * nnei);
    filled.insert(filled.end(), placer.filled().begin(), placer.filled().end());
  }
  Room<int32_t> slots(expected.size()), found_filled(filled.size());
  const auto frame = device.frame(nullptr);
  dponnx::cuda::place_neighbors<double>({frame, system.nall, 0, system.nloc, args.ntypes, false,
                                         nnei, slots.data(), found_filled.data(), nullptr},
                                        nullptr);
  checks.same_bits(what + ": slots", slots.bring_back(), expected);
  checks.same_bits(what + ": filled", found_filled.bring_back(), filled);
}

template <class T>
std::vector<T> random_numbers(int64_t n, int seed) {
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::vector<T> numbers(n);
  for (T& x : numbers) x = T(uniform(random));
  return numbers;
}

/// D of se_e2_a and its gradient beside the CPU's.
template <class T>
void check_contraction(int64_t n, int width, int axis, Checks& checks) {
  dponnx::ContractArgs<T> args{};
  args.width = width, args.axis = axis, args.stride = width + 32;
  args.size = dponnx::contraction_size(width, axis);
  const auto t = random_numbers<T>(n * 4 * width, 1), dd = random_numbers<T>(n * args.size, 2);
  std::vector<T> d(dd.size()), dt(t.size()), scratch((4 + axis) * args.stride);
  args.t = t.data(), args.dd = dd.data(), args.d = d.data(), args.dt = dt.data();
  const auto& kernels = dponnx::kernels().of<T>().contract;
  kernels.forward(args, 0, n, scratch.data());
  kernels.gradient(args, 0, n, scratch.data());
  const DeviceArray<T> device_t(t), device_dd(dd);
  Room<T> found_d(d.size()), found_dt(dt.size());
  args.t = device_t.data(), args.dd = device_dd.data();
  args.d = found_d.data(), args.dt = found_dt.data();
  dponnx::cuda::contract(args, n, nullptr);
  dponnx::cuda::contract_gradient(args, n, nullptr);
  const std::string what = "contraction " + std::to_string(width) + " x " + std::to_string(axis);
  checks.compare<T>(what, found_d.bring_back(), d);
  checks.compare<T>(what + ": gradient", found_dt.bring_back(), dt);
}

/// A tanh layer with time step and residual, and its gradient, beside plain loops.
template <class T>
void check_layer(int64_t n, int64_t m, int64_t k, Checks& checks) {
  const auto x = random_numbers<T>(n * m, 1), w = random_numbers<T>(m * k, 2),
             dy = random_numbers<T>(n * k, 3);
  const auto bias = random_numbers<T>(k, 4), idt = random_numbers<T>(k, 5),
             residual = random_numbers<T>(n * k, 6);
  std::vector<T> y(n * k), slope(n * k), dx(n * m);
  for (int64_t row = 0; row < n; ++row) {
    for (int64_t column = 0; column < k; ++column) {
      double sum = bias[column];
      for (int64_t l = 0; l < m; ++l) sum += double(x[row * m + l]) * w[l * k + column];
      const double t = std::tanh(sum);
      y[row * k + column] = T(residual[row * k + column] + idt[column] * t);
      slope[row * k + column] = T(idt[column] * (1 - t * t));
    }
    for (int64_t l = 0; l < m; ++l) {
      double sum = 0;
      for (int64_t c = 0; c < k; ++c)
        sum += double(dy[row * k + c]) * slope[row * k + c] * w[l * k + c];
      dx[row * m + l] = T(sum);
    }
  }
  const DeviceArray<T> dev_x(x), dev_w(w), dev_bias(bias), dev_idt(idt), dev_residual(residual),
      dev_dy(dy);
  Room<T> found_y(n * k), found_slope(n * k), found_dx(n * m);
  dponnx::cuda::layer<T>({dev_x.data(),
                          {dev_w.data(), m, k},
                          dev_bias.data(),
                          dev_idt.data(),
                          dev_residual.data(),
                          dponnx::Activation::tanh,
                          found_y.data(),
                          found_slope.data()},
                         n, nullptr);
  dponnx::cuda::layer_gradient<T>(
      {found_slope.data(), dev_dy.data(), {dev_w.data(), k, m}, nullptr, found_dx.data()}, n,
      nullptr);
  checks.compare<T>("layer", found_y.bring_back(), y);
  checks.compare<T>("layer: slope", found_slope.bring_back(), slope);
  checks.compare<T>("layer: gradient", found_dx.bring_back(), dx);
}

}  // namespace harness

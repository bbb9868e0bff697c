// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <array>
#include <type_traits>

#include "kernel_args.h"
#include "table_input.h"

/// What TabulateFusionSe{A,R,T,Atten} and their gradients read on all devices.
namespace dponnx {

/// The descriptor a tabulation belongs to.
enum class TableKind { se_a, se_t, se_r, se_atten };

/// Whether em has four columns, those of the environment matrix.
constexpr bool has_rows(TableKind k) { return k == TableKind::se_a || k == TableKind::se_atten; }

/// Which tabulation, in which element type.
template <class Element, TableKind K>
struct TabulationTypes {
  using T = Element;
  static constexpr TableKind kind = K;
};

/// f(TabulationTypes) for each that there are operators of.
template <class F>
void for_each_tabulation(const F& f) {
  const auto each_precision = [&](auto kind) {
    constexpr TableKind K = decltype(kind)::value;
    f(TabulationTypes<float, K>{});
    f(TabulationTypes<double, K>{});
  };
  each_precision(std::integral_constant<TableKind, TableKind::se_a>{});
  each_precision(std::integral_constant<TableKind, TableKind::se_r>{});
  each_precision(std::integral_constant<TableKind, TableKind::se_t>{});
  each_precision(std::integral_constant<TableKind, TableKind::se_atten>{});
}

/// An attribute that may be missing: then 0.
inline int64_t read_optional(const Ort::ConstKernelInfo& info, const char* name) {
  int64_t n;
  if (OrtStatus* status = Ort::GetApi().KernelInfoGetAttribute_int64(info, name, &n)) {
    Ort::GetApi().ReleaseStatus(status);
    return 0;
  }
  return n;
}

template <class T>
TableGrid<T> read_grid(const Ort::ConstKernelInfo& info) {
  return checked_grid(constant_input<T>(info, 1, "table_info", {6}), read_optional(info, "n_left"),
                      info.GetAttribute<int64_t>("n_fine"), info.GetAttribute<int64_t>("n_coarse"));
}

/// Inputs that forward and gradient share, but for the optional two_scale of se_atten.
template <TableKind K>
constexpr size_t n_shared = K == TableKind::se_r       ? 3
                            : K == TableKind::se_atten ? 6
                                                       : 4;

/// Ports of a node: the table, then em_x (not se_e2_r) and em, then those given; in se_atten
/// two_embed and two_index before those given, two_scale behind them.
template <class T, TableKind K, size_t N>
constexpr auto ports_of(const std::array<const char*, N>& more) {
  std::array<Port, n_shared<K> + N + (K == TableKind::se_atten ? 1 : 0)> ports{};
  size_t k = 0;
  for (const char* name : {"table", "table_info"}) ports[k++] = {name, element_type<T>};
  if (K != TableKind::se_r) ports[k++] = {"em_x", element_type<T>};
  ports[k++] = {"em", element_type<T>};
  if (K == TableKind::se_atten) {
    ports[k++] = {"two_embed", element_type<T>};
    ports[k++] = {"two_index", element_type<int32_t>};
    ports[ports.size() - 1] = {"two_scale", element_type<T>, true};
  }
  for (const char* name : more) ports[k++] = {name, element_type<T>};
  return ports;
}

/// Inputs of one evaluation, checked.
template <class T>
struct Entries {
  TabulateArgs<T> args{};
  int64_t total;                ///< how many em_x
  Input<int32_t> gate_index{};  ///< se_atten: two_index
  std::vector<int64_t> x_shape, em_shape, out_shape;
};

template <class T, TableKind K>
struct TabulateFusionPorts {
  static constexpr const char* name = K == TableKind::se_a       ? "TabulateFusionSeA"
                                      : K == TableKind::se_t     ? "TabulateFusionSeT"
                                      : K == TableKind::se_atten ? "TabulateFusionSeAtten"
                                                                 : "TabulateFusionSeR";
  static constexpr auto inputs = [] {
    constexpr auto before = ports_of<T, K>(std::array<const char*, 0>{});
    std::array<Port, before.size() + 1> ports{};
    for (size_t k = 0; k < before.size(); ++k) ports[k] = before[k];
    ports[before.size()] = {"evaluation", element_type<int64_t>, true};
    return ports;
  }();
  static constexpr Port outputs[] = {{"descriptor", element_type<T>},
                                     {"overflow", element_type<int64_t>, true}};
};

template <class T, TableKind K>
struct TabulateFusionGradPorts {
  static constexpr const char* name = K == TableKind::se_a       ? "TabulateFusionSeAGrad"
                                      : K == TableKind::se_t     ? "TabulateFusionSeTGrad"
                                      : K == TableKind::se_atten ? "TabulateFusionSeAttenGrad"
                                                                 : "TabulateFusionSeRGrad";
  static constexpr auto inputs = ports_of<T, K>(std::array{"dy", "descriptor"});
  static constexpr auto outputs = [] {
    std::array<Port, K == TableKind::se_r ? 1 : K == TableKind::se_atten ? 3 : 2> ports{};
    size_t k = 0;
    if (K != TableKind::se_r) ports[k++] = {"dy_dem_x", element_type<T>};
    ports[k++] = {"dy_dem", element_type<T>};
    if (K == TableKind::se_atten) ports[k++] = {"dy_dscale", element_type<T>, true};
    return ports;
  }();
};

/// The other inputs of a gradient, dy and descriptor, and its outputs.
template <TableKind K, class T>
void read_gradient(const Ort::KernelContext& context, const Port* ports, Entries<T>& in) {
  in.args.dy = get_input<T>(context, ports, n_shared<K>, in.out_shape).data;
  get_input<T>(context, ports, n_shared<K> + 1, in.out_shape);
  if (K == TableKind::se_r) {
    in.args.dem_x = get_output<T>(context, 0, in.em_shape);
    return;
  }
  in.args.dem_x = get_output<T>(context, 0, in.x_shape);
  in.args.dem = get_output<T>(context, 1, in.em_shape);
  if (K == TableKind::se_atten) in.args.dscale = get_optional_output<T>(context, 2, {in.total});
}

/// Attributes and constants of a node, and its inputs em_x and em.
template <class T, TableKind K>
class TabulationNode {
 public:
  explicit TabulationNode(const Ort::ConstKernelInfo& info) {
    const char* const kWidth = "last_layer_size";
    width_ = checked_count(kWidth, info.GetAttribute<int64_t>(kWidth), 1);
    grid_ = read_grid<T>(info);
    const auto table = constant_input<T>(info, 0, "table");
    const std::vector<int64_t> expected = {grid_.n_rows(), 6 * int64_t(width_)};
    if (table.shape != expected) {
      fail(Code::invalid_model, "table has shape ", to_text(table.shape), "; expected ",
           to_text(expected), " = [n_left + n_fine + n_coarse, 6 last_layer_size]");
    }
    coef_ = table.data;
    if (K == TableKind::se_atten) read_gates(constant_input<T>(info, 4, "two_embed"));
  }

  const TableGrid<T>& grid() const { return grid_; }
  int width() const { return width_; }
  /// [rows of the grid, 6 width] on the host, as long as the session lives.
  const T* coef() const { return coef_; }
  /// two_embed [n_gates, width] on the host; se_atten only.
  const T* gates() const { return gates_; }
  int64_t n_gates() const { return n_gates_; }

  /// ports: of a node with n inputs, evaluation not counted. Leaves table and gates.rows to the
  /// caller, and the check of gates.index.
  Entries<T> read(const Ort::KernelContext& context, const Port* ports, size_t n) const {
    const size_t em_at = K == TableKind::se_r ? 2 : 3;
    const auto em = has_rows(K)            ? get_input<T>(context, ports, em_at, {-1, -1, 4})
                    : K == TableKind::se_t ? get_input<T>(context, ports, em_at, {-1, -1, -1})
                                           : get_input<T>(context, ports, em_at, {-1, -1});
    Entries<T> in;
    in.em_shape = em.shape;
    in.out_shape = {em.shape[0], width_};
    if (has_rows(K)) in.out_shape.insert(in.out_shape.begin() + 1, 4);
    if (K == TableKind::se_r) in.out_shape.insert(in.out_shape.begin() + 1, em.shape[1]);
    in.args.nnei = em.shape[1] * (K == TableKind::se_t ? em.shape[2] : 1);
    in.total = em.shape[0] * in.args.nnei;
    in.x_shape = {in.total, 1};
    in.args.em = em.data;
    in.args.em_x =
        K == TableKind::se_r ? em.data : get_input<T>(context, ports, 2, in.x_shape).data;
    if (K == TableKind::se_atten) {
      in.gate_index = get_input<int32_t>(context, ports, 5, {in.total});
      in.args.gates.index = in.gate_index.data;
      if (context.GetInputCount() >= n && context.GetInput(n - 1)) {
        in.args.gates.scale = get_input<T>(context, ports, n - 1, {in.total}).data;
      }
    }
    return in;
  }

 private:
  void read_gates(const Input<T>& two) {
    if (two.shape.size() != 2 || two.shape[1] != width_) {
      fail(Code::invalid_model, "two_embed has shape ", to_text(two.shape), "; expected ",
           to_text({-1, width_}), " = [pairs of types, last_layer_size]");
    }
    n_gates_ = two.shape[0];
    gates_ = two.data;
  }

  TableGrid<T> grid_;
  const T *coef_, *gates_ = nullptr;
  int width_;
  int64_t n_gates_ = 0;
};

}  // namespace dponnx

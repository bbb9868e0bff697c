// SPDX-License-Identifier: LGPL-3.0-or-later
#include <algorithm>

#include "dispatch.h"
#include "laid_table.h"
#include "ops.h"
#include "overflow.h"
#include "table_input.h"

namespace dponnx {

namespace {

/// The descriptor a tabulation belongs to.
enum class Kind { se_a, se_t, se_r, se_atten };

/// Whether em has four columns, those of the environment matrix.
constexpr bool has_rows(Kind k) { return k == Kind::se_a || k == Kind::se_atten; }

/// An attribute that may be missing: then 0.
int64_t read_optional(const Ort::ConstKernelInfo& info, const char* name) {
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
template <Kind K>
constexpr size_t n_shared = K == Kind::se_r       ? 3
                            : K == Kind::se_atten ? 6
                                                  : 4;

/// Ports of a node: the table, then em_x (not se_e2_r) and em, then those given; in se_atten
/// two_embed and two_index before those given, two_scale behind them.
template <class T, Kind K, size_t N>
constexpr auto ports_of(const std::array<const char*, N>& more) {
  std::array<Port, n_shared<K> + N + (K == Kind::se_atten ? 1 : 0)> ports{};
  size_t k = 0;
  for (const char* name : {"table", "table_info"}) ports[k++] = {name, element_type<T>};
  if (K != Kind::se_r) ports[k++] = {"em_x", element_type<T>};
  ports[k++] = {"em", element_type<T>};
  if (K == Kind::se_atten) {
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
  int64_t total;  ///< how many em_x
  std::vector<int64_t> x_shape, em_shape, out_shape;
};

/// What forward and gradient share: the table, the inputs em_x and em, the threads.
template <class T, Kind K>
class Tabulation {
 public:
  explicit Tabulation(const Ort::ConstKernelInfo& info) : all_(dponnx::kernels()) {
    const char* const kWidth = "last_layer_size";
    const int width = checked_count(kWidth, info.GetAttribute<int64_t>(kWidth), 1);
    const TableGrid<T> grid = read_grid<T>(info);
    const auto table = constant_input<T>(info, 0, "table");
    const std::vector<int64_t> expected = {grid.n_rows(), 6 * int64_t(width)};
    if (table.shape != expected) {
      fail(Code::invalid_model, "table has shape ", to_text(table.shape), "; expected ",
           to_text(expected), " = [n_left + n_fine + n_coarse, 6 last_layer_size]");
    }
    laid_ = shared_table(table.data, expected[0], width, all_);
    view_ = laid_->view(grid);
    if (K == Kind::se_atten) read_gates(constant_input<T>(info, 4, "two_embed"));
  }

  const TableGrid<T>& grid() const { return view_.grid; }
  const TableKernels<T>& kernels() const {
    const KernelsOf<T>& of = all_.of<T>();
    switch (K) {
      case Kind::se_a:
        return of.table_a;
      case Kind::se_t:
        return of.table_t;
      case Kind::se_r:
        return of.table_r;
      case Kind::se_atten:
        return of.table_atten;
    }
  }

  /// ports: of a node with n inputs, evaluation not counted.
  Entries<T> read(const Ort::KernelContext& context, const Port* ports, size_t n) const {
    const size_t em_at = K == Kind::se_r ? 2 : 3;
    const auto em = has_rows(K)       ? get_input<T>(context, ports, em_at, {-1, -1, 4})
                    : K == Kind::se_t ? get_input<T>(context, ports, em_at, {-1, -1, -1})
                                      : get_input<T>(context, ports, em_at, {-1, -1});
    Entries<T> in;
    in.em_shape = em.shape;
    in.out_shape = {em.shape[0], view_.width};
    if (has_rows(K)) in.out_shape.insert(in.out_shape.begin() + 1, 4);
    if (K == Kind::se_r) in.out_shape.insert(in.out_shape.begin() + 1, em.shape[1]);
    in.args.table = view_;
    in.args.nnei = em.shape[1] * (K == Kind::se_t ? em.shape[2] : 1);
    in.total = em.shape[0] * in.args.nnei;
    in.x_shape = {in.total, 1};
    in.args.em = em.data;
    in.args.em_x = K == Kind::se_r ? em.data : get_input<T>(context, ports, 2, in.x_shape).data;
    if (K == Kind::se_atten) {
      const auto index = get_input<int32_t>(context, ports, 5, {in.total});
      check_range(index, 0, n_gates_ - 1, "0..rows of two_embed - 1");
      in.args.gates = {gates_.data(), index.data, nullptr};
      if (context.GetInputCount() >= n && context.GetInput(n - 1)) {
        in.args.gates.scale = get_input<T>(context, ports, n - 1, {in.total}).data;
      }
    }
    return in;
  }

  /// One kernel over all atoms (se_e2_r: neighbours), about 100 us of work a task.
  void run(const Ort::KernelContext& context, const Entries<T>& in,
           typename TableKernels<T>::Function* kernel) const {
    constexpr int64_t work = K == Kind::se_t ? 16384 : 2048;
    const int64_t nnei = in.args.nnei, n_rows = view_.grid.n_rows();
    const int64_t n = K == Kind::se_r ? in.total : in.out_shape[0];
    const int64_t chunk = K == Kind::se_r ? work : std::clamp<int64_t>(work / (nnei + 1), 1, 64);
    parallel_for(context, (n + chunk - 1) / chunk, [&](int64_t task) {
      std::vector<Located<T>> located(K == Kind::se_r ? chunk : has_rows(K) ? nnei : 0);
      std::vector<T> dy(4 * view_.row_size / 6);
      std::vector<RowShare<T>> shares(K == Kind::se_t ? std::min(nnei, n_rows) : 0);
      std::vector<int32_t> share_of_row(K == Kind::se_t ? n_rows : 0, -1);
      const int64_t begin = task * chunk;
      kernel(in.args, begin, std::min(n, begin + chunk),
             {located.data(), dy.data(), shares.data(), share_of_row.data()});
    });
  }

 private:
  /// Copies two_embed to rows of the table's vectors, padded with zeros.
  void read_gates(const Input<T>& two) {
    if (two.shape.size() != 2 || two.shape[1] != view_.width) {
      fail(Code::invalid_model, "two_embed has shape ", to_text(two.shape), "; expected ",
           to_text({-1, view_.width}), " = [pairs of types, last_layer_size]");
    }
    n_gates_ = two.shape[0];
    const int64_t size = view_.row_size / 6;
    gates_.resize(n_gates_ * size);
    for (int64_t k = 0; k < n_gates_; ++k) {
      std::copy_n(two.data + k * view_.width, view_.width, gates_.data() + k * size);
    }
  }

  const Kernels& all_;
  std::shared_ptr<const LaidTable<T>> laid_;
  TableView<T> view_;
  std::vector<T> gates_;
  int64_t n_gates_ = 0;
};

template <class T, Kind K>
class TabulateFusion {
 public:
  static constexpr const char* name = K == Kind::se_a       ? "TabulateFusionSeA"
                                      : K == Kind::se_t     ? "TabulateFusionSeT"
                                      : K == Kind::se_atten ? "TabulateFusionSeAtten"
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

  explicit TabulateFusion(Ort::ConstKernelInfo info)
      : tabulation_(info), overflow_(constant_input<T>(info, 1, "table_info").data[5]) {}

  void run(Ort::KernelContext& context) {
    Entries<T> in = tabulation_.read(context, inputs.data(), inputs.size() - 1);
    in.args.out = get_output<T>(context, 0, in.out_shape);
    tabulation_.run(context, in, tabulation_.kernels().forward);
    if (int64_t* counts = get_optional_output<int64_t>(context, 1, {2})) {
      const int64_t evaluation = read_evaluation(context, inputs.data(), inputs.size() - 1);
      overflow_.check(context, tabulation_.grid(), in.args.em_x, in.total, evaluation, counts);
    }
  }

 private:
  Tabulation<T, K> tabulation_;
  OverflowCheck overflow_;
};

template <class T, Kind K>
class TabulateFusionGrad {
 public:
  static constexpr const char* name = K == Kind::se_a       ? "TabulateFusionSeAGrad"
                                      : K == Kind::se_t     ? "TabulateFusionSeTGrad"
                                      : K == Kind::se_atten ? "TabulateFusionSeAttenGrad"
                                                            : "TabulateFusionSeRGrad";
  static constexpr auto inputs = ports_of<T, K>(std::array{"dy", "descriptor"});
  static constexpr auto outputs = [] {
    std::array<Port, K == Kind::se_r ? 1 : K == Kind::se_atten ? 3 : 2> ports{};
    size_t k = 0;
    if (K != Kind::se_r) ports[k++] = {"dy_dem_x", element_type<T>};
    ports[k++] = {"dy_dem", element_type<T>};
    if (K == Kind::se_atten) ports[k++] = {"dy_dscale", element_type<T>, true};
    return ports;
  }();

  explicit TabulateFusionGrad(Ort::ConstKernelInfo info) : tabulation_(info) {}

  void run(Ort::KernelContext& context) {
    Entries<T> in = tabulation_.read(context, inputs.data(), inputs.size());
    in.args.dy = get_input<T>(context, inputs.data(), n_shared<K>, in.out_shape).data;
    get_input<T>(context, inputs.data(), n_shared<K> + 1, in.out_shape);
    if (K == Kind::se_r) {
      in.args.dem_x = get_output<T>(context, 0, in.em_shape);
    } else {
      in.args.dem_x = get_output<T>(context, 0, in.x_shape);
      in.args.dem = get_output<T>(context, 1, in.em_shape);
      if (K == Kind::se_atten) {
        in.args.dscale = get_optional_output<T>(context, 2, {in.total});
      }
    }
    tabulation_.run(context, in, tabulation_.kernels().gradient);
  }

 private:
  Tabulation<T, K> tabulation_;
};

template <class T, Kind K>
void add(Ort::CustomOpDomain& domain) {
  add_op<TabulateFusion<T, K>>(domain);
  add_op<TabulateFusionGrad<T, K>>(domain);
}

}  // namespace

void add_tabulate_ops(Ort::CustomOpDomain& domain) {
  add<float, Kind::se_a>(domain);
  add<double, Kind::se_a>(domain);
  add<float, Kind::se_r>(domain);
  add<double, Kind::se_r>(domain);
  add<float, Kind::se_t>(domain);
  add<double, Kind::se_t>(domain);
  add<float, Kind::se_atten>(domain);
  add<double, Kind::se_atten>(domain);
}

}  // namespace dponnx

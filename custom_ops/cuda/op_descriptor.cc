// SPDX-License-Identifier: LGPL-3.0-or-later
#include "cuda_ops.h"
#include "descriptor_node.h"
#include "device_descriptor.h"
#include "device_table.h"
#include "kept_counts.h"
#include "laid_table.h"

namespace dponnx::cuda {

namespace {

/// The node's constants on the device.
template <class E, class T>
class DeviceNode {
 public:
  DeviceNode(const Ort::ConstKernelInfo& info, Descriptor kind)
      : constants_(info, kind),
        table_(shared_device_table(constants_.table, constants_.n_rows, constants_.width)),
        views_(stacked_views(table_->view({}), constants_.grids)),
        sec_(constants_.sec),
        scale_(constants_.scale),
        kinds_(constants_.kinds),
        table_of_(constants_.table_of) {}

  const DescriptorConstants<E, T>& constants() const { return constants_; }

  /// From coord, atype, natoms, nlist, whose indices the kernels check. out and dy are not set.
  DescriptorFrame<E, T> frame(const Ort::KernelContext& context, const Port* ports) const {
    const Frame<E> read(context, ports, constants_.cut, constants_.sec);
    DescriptorFrame<E, T> frame{};
    static_cast<ListArgs<E>&>(frame) = read.list;
    frame.sec = sec_.data();
    frame.kinds = kinds_.data();
    frame.table_of = table_of_.data();
    frame.tables = views_.data();
    frame.scale = scale_.data();
    frame.nloc = read.nloc;
    frame.nall = read.nall;
    frame.nnei = constants_.sec.back();
    frame.block = table_->view({});
    return frame;
  }

 private:
  DescriptorConstants<E, T> constants_;
  std::shared_ptr<const DeviceTable<T>> table_;
  DeviceArray<TableView<T>> views_;
  DeviceArray<int> sec_;
  DeviceArray<T> scale_;
  DeviceArray<PairKind<E>> kinds_;
  DeviceArray<int> table_of_;
};

/// natoms, and from davg to scale.
constexpr bool is_host_input(size_t input) { return input == 2 || (input >= 4 && input <= 8); }

template <class E, class T, Descriptor K>
class DescriptorSum : public DescriptorSumPorts<E, T, K> {
 public:
  using DescriptorSumPorts<E, T, K>::inputs;
  static constexpr size_t evaluation_at = inputs.size() - 1;
  static bool on_host(size_t input) { return is_host_input(input) || input == evaluation_at; }

  explicit DescriptorSum(Ort::ConstKernelInfo info)
      : node_(info, K), kept_(node_.constants().frequency, 2 * node_.constants().n_tables()) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    DescriptorFrame<E, T> frame = node_.frame(context, inputs.data());
    const int64_t n_tables = node_.constants().n_tables();
    frame.out = get_output<T>(context, 0, node_.constants().shape(frame.nloc));
    int64_t* overflow = get_optional_output<int64_t>(context, 1, {n_tables, 2});
    int64_t* above = get_optional_output<int64_t>(context, 2, {frame.ntypes});
    const int64_t evaluation = read_evaluation(context, inputs.data(), evaluation_at);
    kept_.give(overflow, evaluation, stream, [&](int64_t* counts) {
      descriptor_sum(K, frame, {counts, n_tables, above}, stream);
    });
  }

 private:
  DeviceNode<E, T> node_;
  KeptCounts kept_;
};

template <class E, class T, Descriptor K>
class DescriptorGrad : public DescriptorGradPorts<E, T, K> {
 public:
  using Ports = DescriptorGradPorts<E, T, K>;
  using Ports::inputs;
  static bool on_host(size_t input) { return is_host_input(input) || input == Ports::want_at; }

  explicit DescriptorGrad(Ort::ConstKernelInfo info) : node_(info, K) {}

  void run(Ort::KernelContext& context, cudaStream_t stream) {
    DescriptorFrame<E, T> frame = node_.frame(context, inputs.data());
    const std::vector<int64_t> shape = node_.constants().shape(frame.nloc);
    frame.dy = get_input<T>(context, inputs.data(), Ports::dy_at, shape).data;
    const bool per_atom = Ports::wants_atom_virial(context);
    E* force = get_output<E>(context, 0, {frame.nall, 3});
    E* virial = get_output<E>(context, 1, {9});
    E* atom_virial = get_output<E>(context, 2, {per_atom ? frame.nall : 0, 9});
    descriptor_gradient<E, T>(K, frame, {force, virial, per_atom ? atom_virial : nullptr}, stream);
  }

 private:
  DeviceNode<E, T> node_;
};

}  // namespace

void add_descriptor_ops(Ort::CustomOpDomain& domain) {
  for_each_descriptor([&](auto types) {
    using D = decltype(types);
    add_cuda_op<DescriptorSum<typename D::E, typename D::T, D::kind>>(domain);
    add_cuda_op<DescriptorGrad<typename D::E, typename D::T, D::kind>>(domain);
  });
}

}  // namespace dponnx::cuda

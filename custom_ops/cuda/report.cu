// SPDX-License-Identifier: LGPL-3.0-or-later
#include "report.h"

#include <array>
#include <mutex>
#include <string>

namespace dponnx::cuda {

namespace {

constexpr int kMostDevices = 64;

/// Pinned memory of the host, one a device, made when first asked for and never freed.
std::array<Report*, kMostDevices>& reports() {
  static auto& all = *new std::array<Report*, kMostDevices>{};
  return all;
}

std::mutex& lock() {
  static auto& made = *new std::mutex;
  return made;
}

void forget(Report& report) {
  report.at = report.columns = report.value = report.highest = 0;
  report.what = static_cast<int>(Finding::none);
}

/// What the numbers of an array may be.
struct Range {
  const char *name, *expected;
  int rank;
};

const Range& range_of(Finding what) {
  static const Range nlist = {"nlist", "-1 or 0..nall-1", 2};
  static const Range atype = {"atype", "at most ntypes-1", 1};
  static const Range two_index = {"two_index", "0..rows of two_embed - 1", 1};
  return what == Finding::nlist ? nlist : what == Finding::atype ? atype : two_index;
}

}  // namespace

Report* report_of_device() {
  const int device = current_device();
  if (device >= kMostDevices) {
    fail(Code::unsupported_machine, "CUDA device ", device, "; expected 0..", kMostDevices - 1);
  }
  const std::lock_guard<std::mutex> guard(lock());
  Report*& report = reports()[device];
  if (!report) {
    void* memory = nullptr;
    check(cudaHostAlloc(&memory, sizeof(Report), cudaHostAllocMapped | cudaHostAllocPortable),
          "pinned memory");
    report = static_cast<Report*>(memory);
    forget(*report);
  }
  return report;
}

void check_report() {
  Report found;
  {
    const std::lock_guard<std::mutex> guard(lock());
    const int device = current_device();
    Report* report = device < kMostDevices ? reports()[device] : nullptr;
    if (!report || report->what == static_cast<int>(Finding::none)) return;
    found = *report;
    forget(*report);
  }
  const Range& range = range_of(static_cast<Finding>(found.what));
  std::string at = std::to_string(found.at / found.columns);
  if (range.rank == 2) at += "," + std::to_string(found.at % found.columns);
  fail(Code::invalid_argument, range.name, "[", at, "] = ", found.value, ", expected ",
       range.expected, " = ", found.highest);
}

}  // namespace dponnx::cuda

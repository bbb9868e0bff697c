// SPDX-License-Identifier: LGPL-3.0-or-later
#include "gemm.h"

#ifndef DPONNX_CUDA_EMULATED
#include <dlfcn.h>

#include <map>
#include <mutex>
#include <string>
#include <utility>
#endif

#include <algorithm>

namespace dponnx::cuda {

namespace {

/// A product as cuBLAS counts it, column after column: c [m, n] = a [m, k] b [k, n] + beta c, a
/// transposed if told so.
template <class T>
struct Product {
  bool transposed;
  int m, n, k;
  const T *a, *b;
  T beta;
  T* c;
};

#ifdef DPONNX_CUDA_EMULATED

template <class T>
void run(const Product<T>& p, cudaStream_t) {
  for (int64_t col = 0; col < p.n; ++col) {
    for (int64_t row = 0; row < p.m; ++row) {
      T total = 0;
      for (int64_t l = 0; l < p.k; ++l) {
        total += p.a[p.transposed ? row * p.k + l : l * p.m + row] * p.b[col * p.k + l];
      }
      T& c = p.c[col * p.m + row];
      c = p.beta != 0 ? p.beta * c + total : total;
    }
  }
}

#else

/// The functions used, as NVIDIA's cuBLAS documentation declares them; status 0 is success.
struct Blas {
  using Handle = void*;
  template <class T>
  using GemmFunction = int (*)(Handle, int transa, int transb, int m, int n, int k, const T* alpha,
                               const T* a, int lda, const T* b, int ldb, const T* beta, T* c,
                               int ldc);
  int (*create)(Handle*);
  int (*set_stream)(Handle, cudaStream_t);
  GemmFunction<float> sgemm;
  GemmFunction<double> dgemm;

  int gemm(Handle handle, const Product<float>& p) const { return call(sgemm, handle, p); }
  int gemm(Handle handle, const Product<double>& p) const { return call(dgemm, handle, p); }

 private:
  template <class T>
  static int call(GemmFunction<T> function, Handle handle, const Product<T>& p) {
    const T one = 1;
    const auto stride = [](int n) { return std::max(1, n); };  // also of matrices without columns
    return function(handle, p.transposed ? 1 : 0, 0, p.m, p.n, p.k, &one, p.a,
                    stride(p.transposed ? p.k : p.m), p.b, stride(p.k), &p.beta, p.c, stride(p.m));
  }
};

/// The library that this process has already, else one that the system finds.
void* open_blas() {
  const char* names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};
  for (const int loaded : {RTLD_NOLOAD, 0}) {
    for (const char* name : names) {
      if (void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL | loaded)) return library;
    }
  }
  fail(Code::unsupported_machine,
       "libcublas.so.13 (or .12) is not found; expected from CUDA's runtime libraries, which "
       "onnxruntime-gpu needs, too: pip install 'onnxruntime-gpu[cuda,cudnn]'");
}

const Blas& blas() {
  static const Blas opened = [] {
    void* library = open_blas();
    Blas found{};
    const auto find = [&](auto& function, const char* name) {
      void* symbol = dlsym(library, name);
      if (!symbol) fail(Code::unsupported_machine, "libcublas lacks ", name);
      function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(symbol);
    };
    find(found.create, "cublasCreate_v2");
    find(found.set_stream, "cublasSetStream_v2");
    find(found.sgemm, "cublasSgemm_v2");
    find(found.dgemm, "cublasDgemm_v2");
    return found;
  }();
  return opened;
}

void check_blas(int status, const char* what) {
  if (status != 0) fail(Code::unsupported_machine, what, ": cuBLAS status ", status);
}

/// A handle a device and stream, never destroyed: with several streams on one, cuBLAS does not
/// promise the same bits each time. Not ONNX Runtime's, which rounds float32 to TF32.
Blas::Handle handle_of(cudaStream_t stream) {
  static auto& handles = *new std::map<std::pair<int, cudaStream_t>, Blas::Handle>;
  Blas::Handle& handle = handles[{current_device(), stream}];
  if (!handle) {
    check_blas(blas().create(&handle), "cublasCreate");
    check_blas(blas().set_stream(handle, stream), "cublasSetStream");
  }
  return handle;
}

template <class T>
void run(const Product<T>& product, cudaStream_t stream) {
  static auto& lock = *new std::mutex;
  const std::lock_guard<std::mutex> guard(lock);
  check_blas(blas().gemm(handle_of(stream), product), "product of matrices");
}

#endif

/// run(first, count) for all n rows in pieces whose sizes cuBLAS's 32 bits hold.
template <class Run>
void in_pieces(int64_t n, const Run& run) {
  constexpr int64_t kMost = int64_t(1) << 28;
  for (int64_t first = 0; first < n; first += kMost) {
    run(first, static_cast<int>(std::min(kMost, n - first)));
  }
}

}  // namespace

template <class T>
void multiply(const T* x, const T* w, T* y, int64_t n, int64_t m, int64_t k, cudaStream_t stream) {
  const int depth = static_cast<int>(m), columns = static_cast<int>(k);
  in_pieces(n, [&](int64_t first, int count) {
    run(Product<T>{false, columns, count, depth, w, x + first * m, T(0), y + first * k}, stream);
  });
}

template <class T>
void multiply_transposed(const T* dy, const T* w, T* dx, int64_t n, int64_t m, int64_t k, bool add,
                         cudaStream_t stream) {
  const int depth = static_cast<int>(k), columns = static_cast<int>(m);
  in_pieces(n, [&](int64_t first, int count) {
    run(Product<T>{true, columns, count, depth, w, dy + first * k, T(add ? 1 : 0), dx + first * m},
        stream);
  });
}

#define DPONNX_INSTANTIATE(T)                                                                \
  template void multiply(const T*, const T*, T*, int64_t, int64_t, int64_t, cudaStream_t);   \
  template void multiply_transposed(const T*, const T*, T*, int64_t, int64_t, int64_t, bool, \
                                    cudaStream_t);
DPONNX_INSTANTIATE(float)
DPONNX_INSTANTIATE(double)

}  // namespace dponnx::cuda

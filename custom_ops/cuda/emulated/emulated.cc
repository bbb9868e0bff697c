// SPDX-License-Identifier: LGPL-3.0-or-later
#include <cuda_runtime.h>
#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace emulated {

namespace {

constexpr size_t kStack = 128 * 1024;

/// One thread of the block: where it stands, and what it waits for. It begins in a context of its
/// own and then serves one block after the other; turns are long jumps, which make no system call.
struct Fiber {
  Thread thread;
  jmp_buf at;  ///< where it goes on
  bool begun = false;
  std::unique_ptr<char[]> stack{new char[kStack]};
  enum { ready, at_block, at_warp, done } state = ready;
  unsigned mask = 0;   ///< at_warp: whom it waits for
  uint64_t given = 0;  ///< to the other lanes of the warp
  uint64_t seen[32];   ///< what each lane gave
};

/// The block that runs on this thread of the CPU.
struct Block {
  std::vector<std::unique_ptr<Fiber>> fibers;
  size_t count = 0;
  Fiber* now = nullptr;
  jmp_buf scheduler;
  std::vector<uint64_t> shared;
  const std::function<void()>* body = nullptr;
  std::exception_ptr error;
};

Block& block() {
  static thread_local Block made;
  return made;
}

[[noreturn]] void stop(const std::string& why) {
  std::fprintf(stderr, "emulated CUDA: %s\n", why.c_str());
  std::abort();  // a defect of a kernel, on a real device a hang or worse
}

/// The other side goes on; returns when it is this one's turn again. A function of its own, since
/// setjmp returns twice.
void change_to(jmp_buf& from, jmp_buf& to) {
  if (_setjmp(from) == 0) _longjmp(to, 1);
}

void suspend() { change_to(block().now->at, block().scheduler); }

/// What a fiber does: the kernel for each block it is woken up for.
void serve() {
  Block& b = block();
  for (;;) {
    try {
      (*b.body)();
    } catch (...) {
      b.error = std::current_exception();
    }
    b.now->state = Fiber::done;
    suspend();
  }
}

void begin(Fiber& f) {
  ucontext_t context;
  if (getcontext(&context)) stop("getcontext failed");
  context.uc_stack.ss_sp = f.stack.get();
  context.uc_stack.ss_size = kStack;
  context.uc_link = nullptr;
  makecontext(&context, serve, 0);
  f.begun = true;
  setcontext(&context);
  stop("setcontext failed");
}

/// Lets the fiber run until it waits or ends.
void give_turn(Block& b, Fiber& f) {
  b.now = &f;
  if (f.begun) {
    change_to(b.scheduler, f.at);
  } else if (_setjmp(b.scheduler) == 0) {
    begin(f);
  }
}

/// Lets go on the threads of a warp that wait for each other, once all in the mask have come.
bool release_warp(Block& b, size_t first) {
  const size_t n = std::min<size_t>(32, b.count - first);
  bool any = false;
  for (size_t l = 0; l < n; ++l) {
    Fiber& f = *b.fibers[first + l];
    if (f.state != Fiber::at_warp) continue;
    bool all = true;
    for (size_t m = 0; m < n; ++m) {
      if (!(f.mask >> m & 1)) continue;
      const Fiber& other = *b.fibers[first + m];
      if (other.state == Fiber::done) stop("a thread of a warp function's mask has ended");
      all = all && other.state == Fiber::at_warp && other.mask == f.mask;
    }
    if (!all) continue;
    const unsigned mask = f.mask;
    uint64_t given[32] = {};
    for (size_t k = 0; k < n; ++k) given[k] = b.fibers[first + k]->given;
    for (size_t m = 0; m < n; ++m) {
      if (!(mask >> m & 1)) continue;
      std::memcpy(b.fibers[first + m]->seen, given, sizeof(given));
      b.fibers[first + m]->state = Fiber::ready;
    }
    any = true;
  }
  return any;
}

void run_block(Block& b, bool reverse) {
  for (size_t left = b.count; left > 0;) {
    left = 0;
    size_t waiting = 0;
    bool moved = false;
    for (size_t k = 0; k < b.count; ++k) {
      Fiber& f = *b.fibers[reverse ? b.count - 1 - k : k];
      if (f.state == Fiber::ready) {
        moved = true;
        give_turn(b, f);
        if (b.error) {
          for (auto& left_over : b.fibers) left_over->begun = false;  // in the midst of the block
          std::rethrow_exception(b.error);
        }
      }
      left += f.state != Fiber::done;
      waiting += f.state == Fiber::at_block;
    }
    for (size_t first = 0; first < b.count; first += 32) moved |= release_warp(b, first);
    if (left > 0 && waiting == left) {
      if (left != b.count) stop("__syncthreads is not reached by every thread of the block");
      for (size_t k = 0; k < b.count; ++k) b.fibers[k]->state = Fiber::ready;
      moved = true;
    }
    if (left > 0 && !moved) stop("threads wait for each other for ever");
  }
}

}  // namespace

Thread& self() { return block().now->thread; }
void* dynamic_shared() { return block().shared.data(); }

void run(dim3 grid, dim3 shape, size_t shared_bytes, const std::function<void()>& body) {
  Block& b = block();
  const char* order = std::getenv("DPONNX_EMULATED_ORDER");
  const bool reverse = order && std::string(order) == "reverse";
  b.body = &body;
  b.error = nullptr;
  b.count = shape.x;
  while (b.fibers.size() < b.count) b.fibers.push_back(std::make_unique<Fiber>());
  for (unsigned k = 0; k < grid.x; ++k) {
    // Neither set to zero nor what the last block left: kernels must not read it unset.
    b.shared.assign((shared_bytes + 7) / 8, 0x7ff4dead7ff4deadull);
    for (size_t t = 0; t < b.count; ++t) {
      Fiber& f = *b.fibers[t];
      f.thread = {grid, shape, dim3(reverse ? grid.x - 1 - k : k), dim3(static_cast<unsigned>(t))};
      f.state = Fiber::ready;
    }
    run_block(b, reverse);
  }
}

void wait_for_block() {
  block().now->state = Fiber::at_block;
  suspend();
}

void wait_for_warp(unsigned mask) {
  Fiber& f = *block().now;
  const unsigned threads = f.thread.block.x, first = f.thread.thread_index.x / 32 * 32;
  const unsigned n = threads - first < 32 ? threads - first : 32;
  if (n < 32) mask &= (1u << n) - 1;  // the last warp may be shorter
  if (!(mask >> (f.thread.thread_index.x % 32) & 1)) stop("a thread is not in its own mask");
  f.mask = mask;
  f.state = Fiber::at_warp;
  suspend();
}

uint64_t exchange(unsigned mask, uint64_t value, int lane) {
  Fiber& f = *block().now;
  f.given = value;
  wait_for_warp(mask);
  return f.seen[lane];
}

unsigned ballot(unsigned mask, bool vote) {
  Fiber& f = *block().now;
  f.given = vote;
  wait_for_warp(mask);
  unsigned bits = 0;
  for (int l = 0; l < 32; ++l) {
    if (f.mask >> l & 1) bits |= unsigned(f.seen[l] & 1) << l;
  }
  return bits;
}

}  // namespace emulated

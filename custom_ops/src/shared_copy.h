// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <iterator>
#include <map>
#include <memory>
#include <mutex>

namespace dponnx {

/// The copy made under this key, if it still exists, or a new one by make(): a constant laid out
/// once serves all nodes that read the same initializer. The key holds its address and all that
/// decides the layout.
template <class Copy, class Key, class Make>
std::shared_ptr<const Copy> shared_copy(const Key& key, const Make& make) {
  // Never destroyed: sessions may outlive this library's static objects.
  static auto& lock = *new std::mutex;
  static auto& cache = *new std::map<Key, std::weak_ptr<const Copy>>;
  const std::lock_guard<std::mutex> guard(lock);
  for (auto it = cache.begin(); it != cache.end();) {
    it = it->second.expired() ? cache.erase(it) : std::next(it);
  }
  std::weak_ptr<const Copy>& entry = cache[key];
  std::shared_ptr<const Copy> copy = entry.lock();
  if (!copy) entry = copy = make();
  return copy;
}

}  // namespace dponnx

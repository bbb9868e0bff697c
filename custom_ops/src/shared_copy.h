// SPDX-License-Identifier: LGPL-3.0-or-later
#pragma once

#include <iterator>
#include <map>
#include <memory>
#include <mutex>

namespace dponnx {

/// The object that exists for this key, or the one that make() returns, which then lives as long as
/// somebody holds it. A forward and a gradient node of one session read the same initializer and so
/// share one copy of a table.
template <class Value, class Key, class Make>
std::shared_ptr<const Value> shared_copy(const Key& key, const Make& make) {
  // Never destroyed: sessions may outlive this library's static objects.
  static auto& lock = *new std::mutex;
  static auto& copies = *new std::map<Key, std::weak_ptr<const Value>>;
  const std::lock_guard<std::mutex> guard(lock);
  for (auto it = copies.begin(); it != copies.end();) {
    it = it->second.expired() ? copies.erase(it) : std::next(it);
  }
  std::weak_ptr<const Value>& entry = copies[key];
  std::shared_ptr<const Value> value = entry.lock();
  if (!value) entry = value = make();
  return value;
}

}  // namespace dponnx

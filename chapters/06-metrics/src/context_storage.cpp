#include "treadle/context_storage.hpp"

namespace treadle {

ContextStorage::Value ContextStorage::set(std::string_view key, Value value) {
  // A search from the front: a task remembers a handful of things, and a map of them costs more.
  for (auto& [known, current] : entries_)
    if (known == key) return std::exchange(current, std::move(value));
  entries_.emplace_back(key, std::move(value));
  return nullptr;
}

ContextStorage::Value ContextStorage::get(std::string_view key) const {
  for (const auto& [known, value] : entries_)
    if (known == key) return value;
  return nullptr;
}

}  // namespace treadle

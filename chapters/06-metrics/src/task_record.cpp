#include "treadle/task_record.hpp"

#include <utility>

namespace treadle {

std::string TaskRecord::name() const {
  const std::lock_guard lock(mutex_);
  return name_;
}

void TaskRecord::set_name(std::string_view name) {
  std::string copy(name);
  const std::lock_guard lock(mutex_);
  name_ = std::move(copy);
}

void TaskRecord::set_context(std::string_view key, ContextStorage::Value value) {
  // What was there before goes when the lock is gone: its destructor is not ours.
  ContextStorage::Value before;
  const std::lock_guard lock(mutex_);
  before = context_.set(key, std::move(value));
}

ContextStorage::Value TaskRecord::context(std::string_view key) const {
  const std::lock_guard lock(mutex_);
  return context_.get(key);
}

ContextStorage::List TaskRecord::context() const {
  std::unique_lock lock(mutex_);
  const auto entries = context_.entries();
  lock.unlock();
  ContextStorage::List list;
  for (const auto& [key, value] : entries) list.emplace_back(key, value->text());
  return list;
}

void TaskRecord::note_escape(std::exception_ptr error, AwaitChain chain) {
  escaping_ = std::move(error);
  error_chain_ = std::move(chain);
}

}  // namespace treadle

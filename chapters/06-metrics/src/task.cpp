#include "treadle/task.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace treadle {

namespace {

// Of the whole process. One addition that the processor locks, about as dear as a call: blocks of
// numbers for each thread would save most of that, and names would no longer show who came first.
std::atomic<TaskBlock::Id> last_id = 0;

// How many coroutines of a chain are noted when an error leaves the innermost.
constexpr std::size_t kMostNoted = 100;

}  // namespace

void restart_task_ids() noexcept { last_id = 0; }

void Suspension::wake() noexcept { task_->wake(); }

void Suspension::suspend(PromiseBase& promise) noexcept {
  task_ = &promise.task();
  task_->wait(promise, *this);
}

std::string_view to_string(TaskState state) noexcept {
  constexpr std::array<std::string_view, 6> kWords{"pending",  "running", "suspended",
                                                   "finished", "failed",  "cancelled"};
  return kWords[static_cast<std::size_t>(state)];
}

bool may_follow(TaskState state, TaskState next) noexcept {
  switch (next) {
    case TaskState::kPending:
      return false;
    case TaskState::kRunning:
      return state == TaskState::kPending || state == TaskState::kSuspended;
    case TaskState::kSuspended:
    case TaskState::kFinished:
    case TaskState::kFailed:
      return state == TaskState::kRunning;
    case TaskState::kCancelled:
      return state <= TaskState::kSuspended;  // also without a step, and where the loop goes
  }
  return false;
}

CancelToken::CancelToken() noexcept = default;

CancelToken::~CancelToken() {
  try {
    if (task_) task_->uncancel(*this);
  } catch (const std::bad_alloc&) {
    return;  // the loop is not told, and the task may hear of a request that was taken back
  }
}

CancelledError PromiseBase::take_cancel() noexcept {
  interrupted_ = false;
  return task_->take_cancel();
}

std::exception_ptr PromiseBase::leaving_error() const noexcept {
  std::exception_ptr error = std::current_exception();
  // No chain is kept of a task that was cancelled.
  if (as_cancelled(error) != nullptr) return task_->read_again(std::move(error));
  task_->note_escape(*this, error);
  return error;
}

TaskBlock::TaskBlock(TaskHost& host, Frame&& frame, const std::source_location& made_at) noexcept
    : id_(last_id.fetch_add(1, std::memory_order_relaxed) + 1),
      inbox_(host.inbox()),
      made_at_(made_at),
      host_(&host),
      frame_(std::move(frame)),
      resume_at_(frame_.promise()) {
  precondition(resume_at_ != nullptr, "a Coro becomes a task once");
  resume_at_->start_for(*this);
}

void TaskBlock::delete_record() noexcept { delete record_or_null(); }

TaskRecord& TaskBlock::record() {
  if (TaskRecord* there = record_or_null()) return *there;
  auto made = std::make_unique<TaskRecord>();
  TaskRecord* other = nullptr;
  if (!record_.compare_exchange_strong(other, made.get())) return *other;  // a thread was quicker
  return *made.release();
}

std::string TaskBlock::label() const {
  const TaskRecord* record = record_or_null();
  std::string name = record ? record->name() : "";
  return name.empty() ? fmt::format("Task-{}", id_) : name;
}

ContextStorage::Value TaskBlock::context(std::string_view key) const {
  const TaskRecord* record = record_or_null();
  return record ? record->context(key) : nullptr;
}

ContextStorage::List TaskBlock::context() const {
  const TaskRecord* record = record_or_null();
  return record ? record->context() : ContextStorage::List{};
}

void TaskBlock::keep_times(Clock::time_point now) noexcept {
  try {
    record().keep_times(now);
  } catch (const std::bad_alloc&) {
    return;
  }
}

TaskMetrics TaskBlock::metrics() const {
  TaskMetrics metrics;
  metrics.id = id_;
  metrics.name = label();
  metrics.state = to_string(state());
  metrics.made_at = StackEntry(made_at_);
  metrics.suspends = suspends_;
  if (const TaskTimes* times = this->times())
    times->write_to(metrics, done() ? Clock::time_point() : host_->time());
  return metrics;
}

AwaitChain TaskBlock::chain_from(const PromiseBase& innermost, std::size_t most) {
  AwaitChain chain;
  for (const PromiseBase* each = &innermost; each != nullptr && chain.size() < most;
       each = each->awaiter())
    chain.push_back(each->where());
  std::reverse(chain.begin(), chain.end());
  return chain;
}

AwaitChain TaskBlock::chain() const {
  if (done()) return record_or_null() ? record_or_null()->error_chain() : AwaitChain{};
  // Its own locals may ask as they go.
  if (frame_.promise() == nullptr || resume_at_ == nullptr) return {};
  // Who runs is in the midst of a coroutine that the task does not know: only the first is certain.
  if (state() == TaskState::kRunning) return {frame_.promise()->where()};
  return chain_from(*resume_at_, std::numeric_limits<std::size_t>::max());
}

void TaskBlock::note_escape(const PromiseBase& promise, const std::exception_ptr& error) noexcept {
  try {
    if (record().knows(error)) return;
    record().note_escape(error, chain_from(promise, kMostNoted));
    error_noted_ = true;
  } catch (const std::bad_alloc&) {
    return;  // then nobody hears where it was; that it was is what matters
  }
}

std::string TaskBlock::waits_for() const {
  const auto look = [this] { return waiting_at_ ? waiting_at_->waits_for() : std::string(); };
  return inbox_->ask(look).value_or("");
}

void TaskBlock::run() {
  if (requests_.pending() && state() == TaskState::kPending) [[unlikely]]
    return end_before_first_step();
  move_to(TaskState::kRunning);
  yielded_ = false;
  host_->set_current(this);
  inbox_->note_step(id_);
  if (StepWatch* watch = host_->step_watch()) [[unlikely]]
    watch->resumes(*this);
  resume_at_->handle().resume();
  host_->set_current(nullptr);
  if (error_noted_) [[unlikely]]
    forget_error();
  if (frame_.done()) return end();
  precondition(queued() || waiting_at_ != nullptr,
               "a task is suspended only by an awaiter that can make it ready again");
  move_to(TaskState::kSuspended);
  ++suspends_;
  if (StepWatch* watch = host_->step_watch()) [[unlikely]]
    watch->suspended(*this, queued() ? WaitReason::kReady : waiting_at_->reason());
}

void TaskBlock::forget_error() noexcept {
  error_noted_ = false;
  record().forget_error();
}

void TaskBlock::move_to(TaskState next) noexcept {
  precondition(may_follow(state(), next), "a task goes from state to state as may_follow() says");
  state_.store(next, std::memory_order_release);
}

void TaskBlock::yield(PromiseBase& promise) noexcept {
  yielded_ = true;
  let_others_run(promise);
  if (requests_.pending()) interrupt(promise);  // last, so that the quick way saves no registers
}

bool TaskBlock::cancel(CancelledError request) {
  if (done()) return false;
  // At once, so that a caller on another thread can take it back.
  requests_.add(std::move(request));
  try {
    if (send_cancel()) return true;
  } catch (...) {
    uncancel();  // there was no memory for the way to the loop
    throw;
  }
  uncancel();
  return false;
}

bool TaskBlock::cancel(CancelledError request, CancelToken& token) {
  if (done() || token.requested()) return false;
  token.task_ = Ref<TaskBlock>(*this);
  requests_.add(token, std::move(request));
  if (send_cancel()) return true;
  uncancel(token);
  return false;
}

bool TaskBlock::send_cancel() {
  return inbox_->reach([self = Ref<TaskBlock>(*this)] { self->deliver_cancel(); });
}

// Where the task is, it hears of its requests next: at once if it waits.
void TaskBlock::deliver_cancel() noexcept {
  if (done() || resume_at_ == nullptr) return;  // its own locals may ask while they go
  if (!requests_.arrive()) return;
  if (StepWatch* watch = host_->step_watch()) [[unlikely]]
    watch->asked_to_end(*this);
  if (waiting_at_ != nullptr) {
    withdraw();
  } else if (yielded_ && queued()) {
    interrupt(*resume_at_);
  }
}

// The wait is over without what it waited for, and says so when it is resumed.
void TaskBlock::withdraw() noexcept {
  waiting_at_->withdraw();
  waiting_at_ = nullptr;
  interrupt(*resume_at_);
  make_ready();
}

void TaskBlock::interrupt(PromiseBase& promise) noexcept {
  promise.interrupt();
  requests_.begin_delivery();
}

bool TaskBlock::cancel_from_here(std::string reason) {
  if (done()) return false;
  if (inbox_->runs_elsewhere())
    return cancel(CancelledError(std::move(reason), CancelOrigin::kCode, "another thread"));
  if (const TaskBlock* caller = inbox_->runs_here() ? host_->current() : nullptr)
    return cancel(CancelledError(std::move(reason), CancelOrigin::kTask, caller->label()));
  return cancel(CancelledError(std::move(reason)));
}

std::size_t TaskBlock::uncancel() {
  const bool here = inbox_->runs_here();
  if (requests_.take_back_newest(here)) send_settle();
  return requests_.count();
}

std::size_t TaskBlock::uncancel(CancelToken& token) {
  if (!token.task_ || &*token.task_ != this) return requests_.count();
  const Ref<TaskBlock> task = std::move(token.task_);  // perhaps the last one
  const bool settle = requests_.take_back(token, inbox_->runs_here());
  token.error_ = CancelledError();
  if (settle) send_settle();
  return requests_.count();
}

void TaskBlock::send_settle() {
  inbox_->reach([self = Ref<TaskBlock>(*this)] { self->requests_.settle(); });
}

void TaskBlock::end() noexcept {
  const bool well = keep_result(*frame_.promise());
  finish(well ? TaskState::kFinished : how_it_failed());
}

void TaskBlock::end_before_first_step() noexcept {
  keep_error(std::make_exception_ptr(take_cancel()));
  finish(TaskState::kCancelled);
}

TaskState TaskBlock::how_it_failed() const noexcept {
  return as_cancelled(error()) != nullptr ? TaskState::kCancelled : TaskState::kFailed;
}

void TaskBlock::finish(TaskState how) noexcept {
  const std::source_location last = frame_.promise()->where();
  frame_.reset();
  // Only here: an argument may have held a token, which takes its request back.
  if (how == TaskState::kCancelled) [[unlikely]]
    keep_error(read_again(error()));
  move_to(how);
  if (StepWatch* watch = host_->step_watch()) [[unlikely]]
    watch->finished(*this, last);
  run_completions();
  host_->task_done(*this);  // last: it may be the end of this block
}

void TaskBlock::run_completions() noexcept {
  while (!completions_.empty()) completions_.pop_front().on_done(*this);
}

bool TaskBlock::add_completion_threadsafe(OwnedCompletion completion) {
  return inbox_->reach(
      [self = Ref<TaskBlock>(*this), completion = std::move(completion)]() mutable {
        self->add_completion(*completion.release());
      });
}

void TaskBlock::add_done_callback(OwnedCallback callback) {
  auto add = [self = Ref<TaskBlock>(*this), callback = std::move(callback)]() mutable {
    self->add_completion(*callback.release());
  };
  if (!inbox_->reach(std::move(add))) throw LoopClosedError("the loop of " + label() + " is gone");
}

void TaskBlock::wait_for_end_with_loop() const noexcept {
  for (TaskState seen = state(); seen < TaskState::kFinished; seen = state()) state_.wait(seen);
}

void TaskBlock::detach() noexcept {
  waiting_at_ = nullptr;
  Frame::destroy_chain(std::exchange(resume_at_, nullptr));
  keep_error(std::make_exception_ptr(CancelledError({}, CancelOrigin::kLoopClosing)));
  move_to(TaskState::kCancelled);
  state_.notify_all();
  run_completions();  // callbacks are discarded with all that the loop still has to run
}

void TaskBlock::abandon_ending() noexcept {
  if (references_.has_loop()) return abandon_failed();
  drop_value();
  if (references_.drop_last_owner()) delete this;
}

void TaskBlock::abandon_failed() noexcept {
  // No owner is left that could ask for the error, so the loop reports it.
  struct Drop {
    void operator()(TaskBlock* task) const noexcept {
      if (task->references_.drop_last_owner()) delete task;
    }
  };
  std::unique_ptr<TaskBlock, Drop> owner(this);
  const Ref<Inbox> inbox = inbox_;
  std::function<void()> report;
  {
    const LoopClaim claim(*inbox, LoopClaim::Kind::kActs);
    if (claim || inbox->runs_here()) report = owner.release()->abandon_error();
  }
  if (report) return report();  // after the claim: the handler may destroy the loop
  if (!owner) return;
  inbox->reach([owner = std::move(owner)]() mutable {
    if (const auto lost = owner.release()->abandon_error()) lost();
  });
}

std::function<void()> TaskBlock::abandon_error() {
  if (!references_.has_loop()) {  // it has closed meanwhile, and told of the error then
    abandon_ending();
    return {};
  }
  unlink();
  auto report = lost_error();
  static_cast<void>(references_.drop_last_owner());  // never the last of all: the loop's is left
  leave_loop();
  return report;
}

std::function<void()> TaskBlock::lost_error() {
  if (state() != TaskState::kFailed || retrieved_.exchange(true)) return {};
  return host_->error_lost(*this, error());
}

std::exception_ptr TaskBlock::ending_error() const {
  if (!done()) throw InvalidStateError(label() + " has no error yet: it is not done");
  if (state_ == TaskState::kCancelled) std::rethrow_exception(error());
  return error();
}

template <class F>
auto TaskBlock::inspect(F f) {
  auto answer = inbox_->ask([task = Ref<TaskBlock>(*this), f] { return f(*task); });
  return answer ? *std::move(answer) : f(*this);  // the loop is closed, and nothing moves any more
}

TaskMetrics TaskBlock::inspect_metrics() {
  return inspect([](const TaskBlock& task) { return task.metrics(); });
}

AwaitChain TaskBlock::inspect_chain() {
  return inspect([](const TaskBlock& task) { return task.chain(); });
}

bool Join::join(PromiseBase& caller) {
  if (&caller.task() == &target_)
    throw InvalidStateError(target_.label() + " cannot wait for itself");
  if (&*caller.task().inbox() != &*target_.inbox()) {
    throw InvalidStateError(target_.label() +
                            " belongs to another loop, or its loop is gone; to wait for a task of "
                            "another loop, make it with run_coroutine_threadsafe()");
  }
  target_.add_completion(*this);
  suspend(caller);
  return true;
}

}  // namespace treadle

#include "testing/hang_watch.hpp"

#include <signal.h>
#include <sys/time.h>

#include <csignal>

namespace treadle::testing {

namespace {

void (*volatile watched_function)(void*) = nullptr;
void* volatile watched_object = nullptr;
volatile std::sig_atomic_t has_hung = 0;

void on_alarm(int) {
  has_hung = 1;
  ::signal(SIGALRM, SIG_DFL);  // there is no second chance
  watched_function(watched_object);
}

void set_timer(std::chrono::milliseconds period) {
  itimerval timer{};
  timer.it_value.tv_sec = timer.it_interval.tv_sec = period.count() / 1000;
  timer.it_value.tv_usec = timer.it_interval.tv_usec = period.count() % 1000 * 1000;
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

}  // namespace

HangWatch::HangWatch(std::chrono::milliseconds patience, void (*on_hang)(void*),
                     void* object) noexcept {
  has_hung = 0;
  watched_function = on_hang;
  watched_object = object;
  struct sigaction action {};
  action.sa_handler = on_alarm;  // without SA_RESTART: poll() is to return
  ::sigaction(SIGALRM, &action, nullptr);
  set_timer(patience);
}

HangWatch::~HangWatch() {
  set_timer({});
  ::signal(SIGALRM, SIG_DFL);
}

bool HangWatch::hung() const noexcept { return has_hung != 0; }

}  // namespace treadle::testing

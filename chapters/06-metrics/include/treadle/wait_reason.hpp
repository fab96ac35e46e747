// wait_reason.hpp: why a task does not run, in one word.
//
// What a task waits for is a sentence for people (`recv from 127.0.0.1:40312`), and no two need be
// alike. To add up where the time goes takes a word out of a small closed list, the same in every
// report. So a suspension gives both. No word is used for two things, and none that was given up is
// ever used for another: reports are kept, and compared.
//
// Thread safety: values.
// Source: the wait reasons of Go's runtime.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace treadle {

enum class WaitReason : std::uint8_t {
  kReady,    ///< it could run, and others run before it
  kSleep,    ///< time has to pass
  kRead,     ///< bytes have to come
  kWrite,    ///< the other side has to take what was sent
  kAccept,   ///< a client has to connect
  kConnect,  ///< a server has to answer
  kJoin,     ///< another task has to end
  kThread,   ///< work in a thread has to end
  kOther,    ///< something that is none of these
};

inline constexpr std::size_t kWaitReasons = 9;

/// The reason as a word: `sleep`. That of kReady is `ready-queue`.
constexpr std::string_view to_string(WaitReason reason) noexcept {
  constexpr std::array<std::string_view, kWaitReasons> kWords{
      "ready-queue", "sleep", "read", "write", "accept", "connect", "join", "thread", "other"};
  return kWords[static_cast<std::size_t>(reason)];
}

}  // namespace treadle

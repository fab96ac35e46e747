#include "support/file_tree.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

#if defined(__linux__) && !defined(TREADLE_PORTABLE)
#include <linux/openat2.h>
#include <sys/syscall.h>
#endif

namespace examples {

using treadle::UniqueFd;

namespace {

// Without O_NONBLOCK, opening a named pipe would stop us until somebody writes to it.
constexpr int kHowToOpen = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

[[noreturn]] void throw_errno(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Repeats a system call that asks for it: a signal came in between (EINTR), or something was renamed
// while the kernel looked for a path (EAGAIN), and that may be anything anywhere on this machine. Not
// forever: open(2) also says EAGAIN for a file on which another program has a lease.
template <class F>
auto persistently(F call) {
  constexpr int kTimes = 100;
  auto result = call();
  for (int i = 1; i < kTimes && result < 0 && (errno == EINTR || errno == EAGAIN); ++i)
    result = call();
  return result;
}

int open_at(int folder, const char* name, int how) {
  return persistently([&] { return ::openat(folder, name, how); });
}

// Step by step, and no link is followed: the way of systems that cannot do it in one.
UniqueFd walk(int root, const std::vector<std::string>& path) {
  UniqueFd here(open_at(root, ".", kHowToOpen));
  for (const std::string& part : path) {
    if (!here) break;
    here.reset(open_at(here.get(), part.c_str(), kHowToOpen | O_NOFOLLOW));
  }
  return here;
}

#ifdef RESOLVE_BENEATH
UniqueFd open_beneath(int root, const std::vector<std::string>& path) {
  open_how how{};
  how.flags = kHowToOpen;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  const std::string name = fmt::format("{}", fmt::join(path, "/"));
  UniqueFd fd(static_cast<int>(
      persistently([&] { return ::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how); })));
  // A kernel before 5.6 does not know the call, and some containers forbid it.
  if (!fd && (errno == ENOSYS || errno == EPERM)) return walk(root, path);
  return fd;
}
#else
UniqueFd open_beneath(int root, const std::vector<std::string>& path) { return walk(root, path); }
#endif

std::string_view content_type(std::string_view name) {
  using Row = std::pair<std::string_view, std::string_view>;
  static constexpr std::array<Row, 20> kTypes{{
      {"html", "text/html; charset=utf-8"},
      {"htm", "text/html; charset=utf-8"},
      {"css", "text/css; charset=utf-8"},
      {"js", "text/javascript; charset=utf-8"},
      {"mjs", "text/javascript; charset=utf-8"},
      {"txt", "text/plain; charset=utf-8"},
      {"md", "text/markdown; charset=utf-8"},
      {"json", "application/json"},
      {"map", "application/json"},
      {"xml", "application/xml"},
      {"pdf", "application/pdf"},
      {"wasm", "application/wasm"},
      {"svg", "image/svg+xml"},
      {"png", "image/png"},
      {"jpg", "image/jpeg"},
      {"gif", "image/gif"},
      {"webp", "image/webp"},
      {"ico", "image/x-icon"},
      {"woff2", "font/woff2"},
      {"woff", "font/woff"},
  }};
  const std::string_view extension = name.substr(name.rfind('.') + 1);
  for (const auto& [known, type] : kTypes)
    if (extension == known) return type;
  return "application/octet-stream";
}

}  // namespace

File::File(UniqueFd fd, std::string_view type) : fd_(std::move(fd)), type_(type) {
  struct stat status;
  if (::fstat(fd_.get(), &status) < 0) throw_errno("fstat");
  directory_ = S_ISDIR(status.st_mode);
  if (!directory_ && !S_ISREG(status.st_mode))
    throw std::system_error(EACCES, std::generic_category(), "not a file");
  size_ = static_cast<std::uint64_t>(status.st_size);
  modified_ = status.st_mtime;
}

std::size_t File::read(std::span<char> buffer, std::uint64_t offset) const {
  const ssize_t got = persistently(
      [&] { return ::pread(fd_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset)); });
  if (got < 0) throw_errno("pread");
  return static_cast<std::size_t>(got);
}

FileTree::FileTree(const std::string& folder)
    : root_(open_at(AT_FDCWD, folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY)) {
  if (!root_) throw_errno(folder);
}

File FileTree::open(std::vector<std::string> path) const {
  const bool folder = path.back().empty();
  if (folder) path.back() = "index.html";
  UniqueFd fd = open_beneath(root_.get(), path);
  if (!fd) throw_errno("open");
  File file(std::move(fd), content_type(path.back()));
  // A directory may have a directory called index.html, and that is no page.
  if (folder && file.is_directory())
    throw std::system_error(ENOENT, std::generic_category(), "open");
  return file;
}

}  // namespace examples

// file_tree.hpp: the files of one folder, and no others.
//
// A server hands names that strangers chose to the system. Checking such a name and then opening
// it leaves a moment between the two in which a link can be put in its place. So the kernel is
// told to open nothing outside the folder, and does both in one step.
//
// Source: openat2(2), RESOLVE_BENEATH; openat(2), O_NOFOLLOW.
#pragma once

#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "treadle/unique_fd.hpp"

namespace examples {

/// An open file, or a directory.
class File {
 public:
  /// Throws std::system_error, with EACCES for what is neither.
  File(treadle::UniqueFd fd, std::string_view type);

  bool is_directory() const noexcept { return directory_; }
  /// Its media type, by its name: `text/html; charset=utf-8`.
  std::string_view type() const noexcept { return type_; }

  std::uint64_t size() const noexcept { return size_; }
  std::time_t modified() const noexcept { return modified_; }

  /// Reads what is at `offset`; 0 at the end. A disk answers soon enough that we let the loop
  /// wait for it: the poller cannot tell when a file is ready, it says "always".
  std::size_t read(std::span<char> buffer, std::uint64_t offset) const;

 private:
  treadle::UniqueFd fd_;
  std::string_view type_;  // a constant
  bool directory_;
  std::uint64_t size_;
  std::time_t modified_;
};

class FileTree {
 public:
  /// Throws std::system_error that names `folder` where it cannot be read.
  explicit FileTree(const std::string& folder);

  /// Opens what `path` names; an empty last part stands for the index.html of its directory.
  /// Throws std::system_error: ENOENT and its like where there is nothing, EXDEV or ELOOP where a
  /// link leads out of the folder.
  File open(std::vector<std::string> path) const;

 private:
  treadle::UniqueFd root_;
};

}  // namespace examples

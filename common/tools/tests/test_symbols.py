"""Symbols are cut out whole, with their comments and nothing of their neighbours; doubtful names fail."""

from __future__ import annotations

import unittest

from stage_tree import StageTree

from treadle_tools import cpp, listings, stages, symbols

HEADER = '''\
// coro.hpp: a lazy coroutine.
//
// More about it.
#pragma once

#include <coroutine>  // handles
#include <utility>

namespace treadle {

class Loop;

inline constexpr int kMost = 5;

namespace detail {
struct Box { int value = 1; };
}  // namespace detail

// Not about Coro: a blank line follows.

/// A coroutine that nobody started.
/// It has a result.
template <class T>
  requires(sizeof(T) > 0)
class [[nodiscard]] Coro {
 public:
  // Takes the handle.
  explicit Coro(int x) noexcept
      : x_{x}, text_("}{;"), more_{} {
    if (x_ != '}') {
      x_ = sum(1'000, {2'000});
    }
  }
  ~Coro() { destroy(R"x(})")x"); }

  struct Awaiter {
    bool await_ready() const noexcept { return false; }

    // Symmetric transfer.
    template <class Promise>
    std::coroutine_handle<> await_suspend(
        std::coroutine_handle<Promise> handle) noexcept
    {
      return handle;
    }
  };

  auto operator co_await() && noexcept { return Awaiter{}; }
  bool operator==(const Coro&) const = default;
  bool operator<(const Coro& other) const { return x_ < other.x_; }
  explicit operator bool() const { return true; }
  void* operator new(std::size_t size);
  T* operator->() const;

  enum class State {
    kReady,  // may run
    kDone,
  };
  using promise_type = int;

  // One or the other.
  union {
    int number;
    char letter;
  } word_;

  void step();
  void step(int times) { while (times-- > 0) step(); }

 private:
  // How far it is.
  int x_ = 0;
  std::vector<int> more_{1, 2, 3};  // others
};

/// Nothing comes out.
template <>
class Coro<void> {
 public:
  void step();
};

void Coro<void>::step() { work(); }

template <class T>
  requires(sizeof(T) > 0)
void Coro<T>::step() {
  auto again = [this] { return x_; };
}

template <class T>
concept Runnable = requires(T t) {
  t.run();
};

template <class T>
  requires requires(T t) { t.size(); }
int size_of(const T& value) requires(sizeof(T) > 1) {
  struct Local { int hidden; };
  return value.size();
}

#define TREADLE_CHECK(x) \\
  do_check(x)

using Callback = std::function<void()>;
[[nodiscard]] int twice(int value);
int twice(long value) { return 2; }

}  // namespace treadle
'''

SOURCE = '''\
#include "coro.hpp"

namespace treadle {

namespace {

// How often.
int counter = 0;

void help() {}

}  // namespace

// One turn.
void Loop::run_turn() {
  for (;;) {
    help();
  }
}

Loop::Loop(Clock& clock) : clock_(clock),
                           ready_{} {}

}  // namespace treadle

int main() { return 0; }
'''

TESTS = '''\
#include "catch.hpp"

TEST_CASE("Queue: first in, first out", "[queue]") {
  CHECK(pop() == 1);
}

// A comment.
TEST_CASE_METHOD(LoopFixture, "Queue: a \\"quoted\\" name, "
                 "in two pieces") {
  CHECK(true);
}
'''


class Symbols(unittest.TestCase):
    def text(self, symbol: str, source: str = HEADER, **parts: str) -> list[str]:
        return symbols.cut_text(source, symbol, **parts).text.split("\n")

    def ends(self, symbol: str, source: str = HEADER) -> tuple[str, str]:
        lines = self.text(symbol, source)
        return lines[0].strip(), lines[-1].strip()

    def fails(self, symbol: str, words: str, source: str = HEADER, **parts: str) -> None:
        with self.assertRaises(symbols.SymbolError) as caught:
            symbols.cut_text(source, symbol, **parts)
        self.assertIn(words, str(caught.exception))

    def test_a_class_has_its_comment_and_its_template_head(self) -> None:
        self.assertEqual(self.ends("Coro"), ("/// A coroutine that nobody started.", "};"))
        self.assertEqual(len(self.text("Coro")), 54)

    def test_each_kind_of_symbol_is_cut_whole(self) -> None:
        for symbol, first, last in (
            ("Coro::Coro", "// Takes the handle.", "}"),
            ("Coro::~Coro", '~Coro() { destroy(R"x(})")x"); }', '~Coro() { destroy(R"x(})")x"); }'),
            ("Coro::Awaiter", "struct Awaiter {", "};"),
            ("Coro::Awaiter::await_suspend", "// Symmetric transfer.", "}"),
            ("Awaiter::await_ready", ready := "bool await_ready() const noexcept { return false; }", ready),
            ("Coro::State", "enum class State {", "};"),
            ("Coro::more_", more := "std::vector<int> more_{1, 2, 3};  // others", more),
            ("Coro::x_", "// How far it is.", "int x_ = 0;"),
            ("Coro::word_", "// One or the other.", "} word_;"),
            ("kMost", "inline constexpr int kMost = 5;", "inline constexpr int kMost = 5;"),
            ("detail", "namespace detail {", "}  // namespace detail"),
            ("Box", "struct Box { int value = 1; };", "struct Box { int value = 1; };"),
            ("Runnable", "template <class T>", "};"),
            ("size_of", "template <class T>", "}"),
            ("TREADLE_CHECK", "#define TREADLE_CHECK(x) \\", "do_check(x)"),
            ("Callback", "using Callback = std::function<void()>;", "using Callback = std::function<void()>;"),
            ("Loop", "class Loop;", "class Loop;"),
        ):
            with self.subTest(symbol):
                self.assertEqual(self.ends(symbol), (first, last))

    def test_operators(self) -> None:
        for symbol in ("operator co_await", "operator==", "operator<", "operator bool", "operator new", "operator->"):
            with self.subTest(symbol):
                lines = self.text("Coro::" + symbol)
                self.assertEqual(len(lines), 1)
                self.assertIn(symbol, lines[0])

    def test_a_specialisation_is_named_with_its_arguments(self) -> None:
        self.assertEqual(self.ends("Coro<void>"), ("/// Nothing comes out.", "};"))
        self.assertEqual(self.text("Coro<void>::step"), ["void Coro<void>::step() { work(); }"])

    def test_overloads_are_numbered_in_file_order(self) -> None:
        self.assertEqual(self.text("twice"), ["int twice(long value) { return 2; }"])  # the definition
        self.assertEqual(self.text("twice#1"), ["[[nodiscard]] int twice(int value);"])
        self.assertEqual(self.text("twice#2"), ["int twice(long value) { return 2; }"])
        self.fails("Coro::step", "found 2 times; choose one: Coro::step#2 in line")
        self.assertIn("auto again", "".join(self.text("Coro::step#5")))
        self.fails("twice#3", "found 2 times")

    def test_a_missing_symbol_names_those_that_are_there(self) -> None:
        self.fails("Coro::stop", "no symbol 'Coro::stop'")
        self.fails("Awaite", "Coro::Awaiter")
        self.fails("again", "no symbol")  # a local name

    def test_definitions_in_a_source_file(self) -> None:
        self.assertEqual(self.ends("Loop::run_turn", SOURCE), ("// One turn.", "}"))
        self.assertEqual(self.ends("Loop::Loop", SOURCE), ("Loop::Loop(Clock& clock) : clock_(clock),", "ready_{} {}"))
        self.assertEqual(self.ends("counter", SOURCE), ("// How often.", "int counter = 0;"))
        self.assertEqual(self.text("help", SOURCE), ["void help() {}"])
        self.assertEqual(self.text("main", SOURCE), ["int main() { return 0; }"])

    def test_a_test_case_by_its_quoted_name(self) -> None:
        self.assertEqual(len(self.text('"Queue: first in, first out"', TESTS)), 3)
        cut = symbols.cut_text(TESTS, '"Queue: a \\"quoted\\" name, in two pieces"')
        self.assertEqual((cut.first_line, cut.last_line), (7, 11))
        self.fails('"Queue: no such law"', "no symbol", TESTS)

    def test_a_part_of_a_symbol(self) -> None:
        cut = symbols.cut_text(SOURCE, "Loop::run_turn", "for (;;) {", "help();")
        self.assertEqual((cut.text, cut.scope), ("  for (;;) {\n    help();", "Loop::run_turn"))
        self.fails("Loop::run_turn", "no line has the text", SOURCE, from_text="while")
        self.fails("Loop::run_turn", "comes before", SOURCE, from_text="help();", to_text="for (;;) {")
        self.fails("@file", "is in 2 lines: 10, 17", SOURCE, from_text="help()")

    def test_a_whole_line_wins_over_a_part_of_one(self) -> None:
        text = "int f() {\n  a();\n  if (x) a();\n}\n"
        self.assertEqual(symbols.cut_text(text, "f", "a();").first_line, 2)

    def test_the_scope_is_what_encloses_the_text(self) -> None:
        self.assertEqual(symbols.cut_text(HEADER, "Coro::Awaiter::await_ready").scope, "Coro::Awaiter")
        self.assertEqual(symbols.cut_text(HEADER, "Coro").scope, "")
        self.assertEqual(symbols.cut_text(SOURCE, "Loop::run_turn").scope, "Loop")
        self.assertEqual(symbols.cut_text(SOURCE, "help").scope, "")

    def test_the_regions_of_a_file(self) -> None:
        self.assertEqual(self.ends("@head"), ("// coro.hpp: a lazy coroutine.", "namespace treadle {"))
        self.assertEqual(self.ends("@head", SOURCE), ('#include "coro.hpp"', "namespace {"))
        self.assertEqual(self.ends("@head", TESTS), ('#include "catch.hpp"',) * 2)
        self.assertEqual(self.text("@includes"), ["#include <coroutine>  // handles", "#include <utility>"])
        self.assertEqual(self.text("@file", SOURCE), SOURCE.rstrip("\n").split("\n"))
        self.fails("@body", "the regions are @file, @head, @includes")

    def test_every_symbol_can_be_asked_for_by_its_name(self) -> None:
        for source in (HEADER, SOURCE, TESTS):
            found = symbols.symbols_of_text(source)
            for symbol in found:
                name = symbols.request_name(found, symbol)
                self.assertEqual(symbols.choose(found, name, "here"), symbol, name)


class RealCode(unittest.TestCase):
    """What is true of every symbol of the stages themselves, whoever wrote them."""

    def sources(self):
        for stage in stages.stages():
            for folder in ("include", "src", "examples"):
                for path in sorted(stage.file(folder).rglob("*.[ch]pp")):
                    yield path, path.read_text(encoding="utf-8")

    def test_every_symbol_has_balanced_brackets_and_ends_like_a_declaration(self) -> None:
        for path, text in self.sources():
            masked = cpp.mask(text).split("\n")
            for symbol in symbols.symbols_of_text(text):
                if symbol.kind == "macro" or symbol.kind == "enumerator":
                    continue
                code = "\n".join(masked[symbol.first_line - 1 : symbol.last_line])
                where = f"{path}:{symbol.first_line}: {symbol.qualified}"
                self.assertEqual([code.count(c) for c in "{(["], [code.count(c) for c in "})]"], where)
                self.assertRegex(code.rstrip()[-1], r"[;}]", where)

    def test_every_symbol_of_the_stages_can_be_asked_for(self) -> None:
        for path, text in self.sources():
            found = symbols.symbols_of_text(text)
            for symbol in found:
                self.assertEqual(symbols.choose(found, symbols.request_name(found, symbol), str(path)), symbol)


class Masking(unittest.TestCase):
    def test_every_character_keeps_its_place(self) -> None:
        for text in (HEADER, SOURCE, TESTS):
            masked = cpp.mask(text)
            self.assertEqual(len(masked), len(text))
            self.assertEqual([i for i, c in enumerate(masked) if c == "\n"], [i for i, c in enumerate(text) if c == "\n"])

    def test_code_and_comment_lines(self) -> None:
        kinds = cpp.line_kinds("// a\nint x;  // b\n\n/* c\n d */ int y;\n#include <z>  // e\n")
        self.assertEqual((sorted(kinds.code), sorted(kinds.comment)), ([2, 5, 6], [1, 4]))

    def test_comments_with_their_lines(self) -> None:
        found = [(each.line, each.text) for each in cpp.comments('f("// no");  // yes\n/* two\nlines */\n')]
        self.assertEqual(found, [(1, "// yes"), (2, "/* two"), (3, "lines */")])


class Listings(StageTree):
    def page(self, text: str) -> list[listings.Request]:
        return listings.requests(self.put("book/pages/page.md", text))

    def test_a_request_in_each_of_its_forms(self) -> None:
        found = self.page(
            "# Title\n@listing{01 include/treadle/queue.hpp Queue::pop}\n"
            '@listing{02 src/a.cpp Loop::run_turn from "a \\"b\\";" to "c"}\n'
            "@listing{02 include/treadle/task.hpp Coro::operator co_await}\n"
            '@listing{tests test_queue.cpp "Queue: from here to there"}\n'
            "@listing{01 include/treadle/queue.hpp @head}\n"
            "@listing{01 include/treadle/queue.hpp pop to \"return 7;\"}\n"
        )
        self.assertEqual([(each.line, each.stage, each.file, each.symbol, each.from_text, each.to_text) for each in found], [
            (2, "01", "include/treadle/queue.hpp", "Queue::pop", None, None),
            (3, "02", "src/a.cpp", "Loop::run_turn", 'a "b";', "c"),
            (4, "02", "include/treadle/task.hpp", "Coro::operator co_await", None, None),
            (5, "tests", "test_queue.cpp", '"Queue: from here to there"', None, None),
            (6, "01", "include/treadle/queue.hpp", "@head", None, None),
            (7, "01", "include/treadle/queue.hpp", "pop", None, "return 7;"),
        ])

    def test_a_request_is_cut(self) -> None:
        requests = self.page('@listing{01 include/treadle/queue.hpp Queue::pop}\n@listing{tests test_queue.cpp "Queue: first in, first out"}\n')
        self.assertEqual(requests[0].cut(self.root).first_line, 13)
        self.assertEqual(requests[1].cut(self.root).first_line, 1)

    def test_what_cannot_be_found_says_page_and_line(self) -> None:
        for request, words in (("09 a.hpp X", "the stages are: 01-first"), ("01 a.hpp X", "01-first has no file a.hpp"),
                               ("01 include/treadle/queue.hpp Queue::peek", "no symbol 'Queue::peek'")):
            found = self.page(f"\n\n@listing{{{request}}}\n")[0]
            with self.assertRaises(listings.ListingError) as caught:
                found.cut(self.root)
            self.assertIn("page.md:3: ", str(caught.exception))
            self.assertIn(words, str(caught.exception))

    def test_a_request_in_a_fenced_block_is_only_shown(self) -> None:
        self.assertEqual(self.page("```\n@listing{01 a b}\n```\n~~~\n@listing{bad}\n~~~\n"), [])

    def test_a_request_that_cannot_be_read_fails(self) -> None:
        for text in ("@listing{01}", "@listing{01 a.hpp X", "@listing 01 a.hpp X"):
            with self.assertRaises(listings.ListingError):
                self.page(text + "\n")

    def test_also_changed_items(self) -> None:
        page = self.put("book/pages/page.md", "## Also changed {#also}\n\n- `src/a.cpp` `Loop::turn`: it: waits\n"
                        "- src/b.cpp @includes: fewer\n\n## After\n\n- `not` `this`: one\n")
        self.assertEqual([(each.line, each.file, each.symbol, each.reason) for each in listings.also_changed(page)],
                         [(3, "src/a.cpp", "Loop::turn", "it: waits"), (4, "src/b.cpp", "@includes", "fewer")])
        page.write_text("## Also changed\n- something else\n")
        with self.assertRaises(listings.ListingError):
            listings.also_changed(page)

    def test_the_page_of_a_chapter(self) -> None:
        self.assertEqual(listings.page_of("02", self.root), self.root / "book/pages/ch02.md")
        self.assertIsNone(listings.page_of("09", self.root))
        self.put("book/pages/nine.md", "# Chapter 9: Nine {#ch09}\n")
        self.assertEqual(listings.page_of("09", self.root), self.root / "book/pages/nine.md")


class Stages(StageTree):
    def test_stages_in_order_and_by_number(self) -> None:
        self.assertEqual([each.number for each in stages.stages(self.root)], ["01", "02", "03"])
        self.assertEqual(stages.newest(self.root).name, "03-third")
        for name in ("2", "02", "02-second"):
            self.assertEqual(stages.find(name, self.root).number, "02")
        with self.assertRaises(stages.UnknownStage) as caught:
            stages.find("7", self.root)
        self.assertIn("01-first, 02-second, 03-third", str(caught.exception))

    def test_before_and_after(self) -> None:
        first, second, third = stages.stages(self.root)
        self.assertEqual((stages.before(first, self.root), stages.before(third, self.root)), (None, second))
        self.assertEqual(stages.after(first, self.root), [second, third])


if __name__ == "__main__":
    unittest.main()

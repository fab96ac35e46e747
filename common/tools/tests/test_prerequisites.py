"""What the sources need and no group of setup.sh installs is found, on small made-up trees; in the real tree there is none."""

from __future__ import annotations

import shutil
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import lint
import prerequisites

SETUP = """\
groups='python build'
probe_python() { have python3 || need python3; }
probe_build() {
  probe_shared
  have cmake || need cmake
  have_header fmt/core.h || need libfmt-dev  # cmake: fmt; library: fmt
  have_header uv.h || need libuv1-dev
  have cc || need gcc  # commands: ar
}
probe_shared() { have curl || need curl; }
probe_of_no_group() { have_header orphan.h && have orphan; }
have orphan  # outside of every probe; cmake: Orphan
"""


@unittest.skipUnless(shutil.which("shfmt"), "shfmt is not installed")
class MadeUpTree(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="treadle prerequisites ")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name).resolve()
        self.write("common/tools/setup.sh", SETUP)

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def findings(self) -> list[str]:
        return prerequisites.findings(self.root)

    def assert_found(self, *beginnings: str) -> None:
        """The findings are as many as these, and begin with them: `file:line: name`."""
        found = self.findings()
        self.assertEqual(len(found), len(beginnings), found)
        for finding, beginning in zip(found, beginnings):
            self.assertTrue(finding.startswith(f"{beginning} "), f"{finding!r} does not begin with {beginning!r}")
            self.assertIn("no group of setup.sh installs it", finding)


class Includes(MadeUpTree):
    def test_a_header_that_no_group_installs_is_found(self) -> None:
        self.write("chapters/01-one/examples/a.cpp", "#include <string>\n\n#include <CLI/CLI.hpp>\n#  include <zlib.h>\n")
        self.write("tests/b.hpp", "#include <CLI/App.hpp>\n")
        self.assert_found("chapters/01-one/examples/a.cpp:3: <CLI/CLI.hpp>", "chapters/01-one/examples/a.cpp:4: <zlib.h>",
                          "tests/b.hpp:1: <CLI/App.hpp>")

    def test_a_probed_header_and_its_folder_are_installed(self) -> None:
        self.write("tests/a.cpp", "#include <fmt/core.h>\n#include <fmt/chrono.h>\n#include <uv.h>\n")
        self.assert_found()

    def test_the_c_and_cpp_libraries_need_no_probe(self) -> None:
        self.write("tests/a.cpp", "#include <coroutine>\n#include <sys/epoll.h>\n#include <unistd.h>\n#include <stdint.h>\n")
        self.assert_found()

    def test_our_own_headers_need_no_probe(self) -> None:
        self.write("chapters/01-one/include/treadle/task.hpp", "")
        self.write("common/bench/kit/bench.hpp", "")
        self.write("tests/a.cpp", "#include <treadle/task.hpp>\n#include <bench.hpp>\n#include <treadle/tusk.hpp>\n")
        self.assert_found("tests/a.cpp:3: <treadle/tusk.hpp>")

    def test_a_header_behind_has_include_is_needed_as_well(self) -> None:
        self.write("tests/a.cpp", "#if __has_include(<boost/asio.hpp>)\n#include <boost/asio.hpp>\n#endif\n")
        self.assert_found("tests/a.cpp:2: <boost/asio.hpp>")

    def test_a_probe_outside_of_the_groups_installs_nothing(self) -> None:
        self.write("tests/a.cpp", "#include <orphan.h>\n")
        self.write("tests/run", "#!/bin/sh\norphan\n")
        self.write("tests/CMakeLists.txt", "find_package(Orphan)\n")
        found = self.findings()
        self.assertEqual(len(found), 3, found)


class CMake(MadeUpTree):
    def test_a_package_that_no_group_installs_is_found(self) -> None:
        self.write("CMakeLists.txt", "project(x)\nfind_package(Boost 1.74 REQUIRED)\n")
        self.write("common/cmake/more.cmake", "if(A)\n  find_package(CLI11\n    QUIET)\nendif()\n")
        found = self.findings()
        self.assertEqual([line.split(",")[0] for line in found], [
            "common/cmake/more.cmake:2: CMake looks for the package CLI11",
            "CMakeLists.txt:2: CMake looks for the package Boost"])

    def test_a_package_that_a_comment_of_setup_names_is_installed(self) -> None:
        self.write("tests/CMakeLists.txt", "find_package(fmt)\nfind_library(F fmt)\nfind_package(Threads)\n"
                                           "find_package(treadle)\n")
        self.assert_found()

    def test_a_comment_finds_nothing_and_a_file_that_cmake_writes_does(self) -> None:
        self.write("tests/CMakeLists.txt", '# find_package(Boost)\n#[[\nfind_package(Boost)\n]]\n'
                                           'file(WRITE x "# a\nfind_dependency(ZLIB)\n")\n')
        (finding,) = self.findings()
        self.assertTrue(finding.startswith("tests/CMakeLists.txt:6: CMake looks for the package ZLIB,"), finding)

    def test_libraries_headers_and_programs_are_found(self) -> None:
        self.write("tests/CMakeLists.txt", "find_library(A NAMES uv uring PATHS /opt)\nfind_path(B asio.hpp)\n"
                                           "find_program(C NAMES ninja samu)\nfind_path(D uv.h)\n")
        found = self.findings()
        self.assertEqual([line.split(",")[0] for line in found], [
            "tests/CMakeLists.txt:1: CMake looks for the library uv or uring", "tests/CMakeLists.txt:2: <asio.hpp> is included",
            "tests/CMakeLists.txt:3: `ninja` or `samu` is called"])

    def test_one_of_several_names_is_enough(self) -> None:
        self.write("tests/CMakeLists.txt", "find_program(C NAMES cmake4 cmake)\nfind_library(A NAMES fmt-d fmt)\n")
        self.assert_found()


class Shell(MadeUpTree):
    def test_a_command_is_found_wherever_it_stands(self) -> None:
        lines = ("echo a | jq -r .", "true && xmllint b", 'x="$(rsvg-convert c)"', "f() { pandoc d; }", "if ! gdb e; then :; fi",
                 "cat <<END\n$(strace f)\nEND")
        self.write("common/script", "#!/usr/bin/env bash\n" + "\n".join(lines) + "\n")
        self.assert_found("common/script:2: `jq`", "common/script:3: `xmllint`", "common/script:4: `rsvg-convert`",
                          "common/script:5: `pandoc`", "common/script:6: `gdb`", "common/script:8: `strace`")

    def test_a_command_inside_another_ones_arguments_is_found(self) -> None:
        lines = ("env A=1 -u B jq", "timeout -s INT 5 pandoc", "find . -name x -exec gdb {} +", "sh -c 'true; strace a | cat'",
                 "xargs -I {} rsvg-convert {}", "command -v xmllint", "exec sudo -u nobody perf", "trap 'tput x; xsltproc' EXIT",
                 "A=1 /usr/bin/zip b")
        self.write(".ci/script", "#!/bin/sh\n" + "\n".join(lines) + "\n")
        names = ("jq", "pandoc", "gdb", "strace", "rsvg-convert", "xmllint", "sudo", "perf", "xsltproc", "zip")
        places = (2, 3, 4, 5, 6, 7, 8, 8, 9, 10)
        self.assert_found(*(f".ci/script:{line}: `{name}`" for line, name in zip(places, names)))

    def test_what_needs_no_package_is_not_found(self) -> None:
        self.write("book/run", "#!/bin/sh\nset -eu\nf() { cd /; }\nf jq\n# jq\necho jq 'jq' >jq\ncase jq in jq) ;; esac\n"
                               "ls | sort\ngit log\nmake\n./jq\n\"$tool\"/jq\n$jq\ncurl x\npython3 y\nar z\n")
        self.assert_found()

    def test_a_variable_is_every_value_that_the_script_gives_it(self) -> None:
        self.write("book/run", '#!/bin/sh\ntool=${TOOL:-jq}\n$tool a\n"${CXX:-icpx}" b\n"${x%gdb}" c\n'
                               'for each in perf ls; do "$each" d; done\n')
        self.assert_found("book/run:3: `jq`", "book/run:4: `icpx`", "book/run:6: `perf`")

    def test_a_step_of_ci_is_a_command(self) -> None:
        self.write(".ci/steps", '#!/bin/sh\nstep() {\n  "$@"\n}\nstep "the first" jq a\nstep "jq" ls\n')
        self.assert_found(".ci/steps:5: `jq`")

    def test_a_transcript_is_read_with_its_words(self) -> None:
        self.write("book/transcripts/lib.sh", 'show() { eval "$1"; }\nquiet() { "$@"; }\nserve() { "$@"; }\nstop() { :; }\n')
        self.write("book/snippets/words.sh", "needs() { :; }\n")
        self.write("book/transcripts/a.sh", '. book/snippets/words.sh\nshow "ls $PORT | jq .\nstrace x"\nquiet env A=1 gdb\n'
                                            "needs a perf\nserve build/server\nstop\n")
        self.assert_found("book/transcripts/a.sh:2: `jq`", "book/transcripts/a.sh:3: `strace`", "book/transcripts/a.sh:4: `gdb`",
                          "book/transcripts/a.sh:5: `perf`")

    def test_the_words_of_a_transcript_are_commands_elsewhere(self) -> None:
        self.write("book/transcripts/lib.sh", "show() { :; }\n")
        self.write("tests/run", "#!/bin/sh\nshow x\n")
        self.assert_found("tests/run:2: `show`")

    def test_a_tour_is_read_as_shell(self) -> None:
        self.write("chapters/01-one/examples/hello.cpp", "")
        self.write("chapters/01-one/examples/tour.txt", "hello | jq\n$ (sleep 1; jq .) | {examples}/hello | look\n"
                                                           "$ hello | look\n")
        self.assert_found("chapters/01-one/examples/tour.txt:2: `jq`")

    def test_a_script_that_shfmt_cannot_read_is_found(self) -> None:
        self.write("tests/run", "#!/bin/sh\ntrue\nif true; then (\n")
        (finding,) = self.findings()
        self.assertRegex(finding, r"^tests/run:3: shfmt cannot read this as a shell program: ")


class Makefile(MadeUpTree):
    def test_a_command_of_a_recipe_is_found(self) -> None:
        self.write("Makefile", "all:\n\t@jq . && cmake .\n\t-gdb\n")
        self.assert_found("Makefile:2: `jq`", "Makefile:3: `gdb`")

    def test_variables_and_both_branches_are_expanded(self) -> None:
        self.write("Makefile", "TOOL := jq\nRUN = @$(TOOL) -r\nall:\n\t$(RUN) $@ $$CH\n"
                               "\t@$(if $(filter a,$(B)),gdb x && A=1) perf $(if $(C),--c,--d)\n\t@$(UNSET) x; $$HOME/y\n\t$(if $(D),lldb,strace) $(shell ltrace)\n")
        self.assert_found("Makefile:4: `jq`", "Makefile:5: `gdb`", "Makefile:5: `perf`", "Makefile:7: `lldb`",
                          "Makefile:7: `ltrace`")

    def test_lines_joined_by_a_backslash_have_the_number_of_the_first(self) -> None:
        self.write("Makefile", "all: a \\\n  b\n\tls \\\n\t  | jq\n# jq\n")
        self.assert_found("Makefile:3: `jq`")


class Python(MadeUpTree):
    def script(self, text: str, name: str = "common/tools/a.py") -> None:
        self.write(name, "import os, shutil, subprocess\n" + text)

    def test_a_command_of_subprocess_is_found(self) -> None:
        self.script('subprocess.run(["ls"])\nsubprocess.run(["jq", "."], check=True)\nsubprocess.Popen(args=("gdb",))\n')
        self.assert_found("common/tools/a.py:3: `jq`", "common/tools/a.py:4: `gdb`")

    def test_a_program_that_is_looked_for_is_found(self) -> None:
        self.script('if shutil.which("jq"):\n    pass\nos.execvp("gdb", ["x"])\nwords = ["perf", "x"]\n'
                    'shutil.which(words[0])\n')
        self.assert_found("common/tools/a.py:2: `jq`", "common/tools/a.py:4: `gdb`", "common/tools/a.py:5: `perf`")

    def test_a_list_with_a_name_is_followed(self) -> None:
        self.script('TOOL = ["jq", "-r"]\ndef f(x):\n    command = [*TOOL, str(x)]\n    command += ["gdb"]\n'
                    '    subprocess.run(command)\n'
                    'class A:\n    def __init__(self):\n        self._tool = ["perf"]\n'
                    "    def f(self):\n        subprocess.run(self._tool + ['gdb'])\n")
        self.assert_found("common/tools/a.py:2: `jq`", "common/tools/a.py:9: `perf`")

    def test_each_choice_of_a_program_is_found(self) -> None:
        self.script('def f(a, b):\n    tool = "jq" if a else "perf"\n    subprocess.run([tool, b])\n'
                    'for name in ("gdb", "lldb"):\n    if shutil.which(name):\n        pass\n'
                    'found = shutil.which("strace") or "ltrace"\nsubprocess.run([found])\n')
        found = sorted(line.split("`")[1] for line in self.findings())
        self.assertEqual(found, ["gdb", "jq", "lldb", "ltrace", "perf", "strace"])

    def test_a_wrapper_hands_on_what_it_is_given(self) -> None:
        self.script('def must(command, tool="perf"):\n    subprocess.run(command)\n    shutil.which(tool)\n'
                    'def many(*words):\n    return must([str(word) for word in words])\n'
                    'must(["jq"], tool="gdb")\nmany("strace", "ltrace")\n')
        self.assert_found("common/tools/a.py:7: `jq`", "common/tools/a.py:8: `strace`", "common/tools/a.py:7: `gdb`",
                          "common/tools/a.py:2: `perf`")

    def test_a_wrapper_of_another_module_hands_on_as_well(self) -> None:
        self.script('TOOL = "perf"\nLIST = ["strace"]\ndef chosen():\n    return "ltrace"\ndef must(command):\n    subprocess.run(command)\n'
                    'class Shop:\n    def ask(self, *words):\n        subprocess.run(words)\n', "common/tools/kit.py")
        self.script('import kit\nfrom kit import Shop, must\nmust(["jq"])\nkit.must([kit.TOOL])\n'
                    'Shop().ask("gdb")\nfrom kit import LIST, chosen\nsubprocess.run(LIST)\nsubprocess.run([chosen()])\n', "common/b.py")
        self.script('def must(command):\n    pass\nmust(["no command"])\n', "common/c.py")
        found = sorted(line.partition(" is")[0] for line in self.findings())
        self.assertEqual(found, ["common/b.py:4: `jq`", "common/b.py:6: `gdb`", "common/tools/kit.py:2: `perf`",
                                 "common/tools/kit.py:3: `strace`", "common/tools/kit.py:5: `ltrace`"])

    def test_a_prefix_that_may_be_empty_hides_nothing(self) -> None:
        self.script('def prefix(a):\n    if a:\n        return []\n    return ["env", "A=1"]\n'
                    'subprocess.run([*prefix(1), "jq"])\n'
                    'subprocess.run([unknown(), "gdb"])\nsubprocess.run([*unknown(), "gdb"])\n')
        self.assert_found("common/tools/a.py:6: `jq`")

    def test_a_text_for_a_shell_is_read_as_shell(self) -> None:
        self.script('port = 1\nsubprocess.run(["sh", "-c", f"ls {port} | jq"])\nsubprocess.run("gdb x; ls", shell=True)\n'
                    'os.system("true && perf")\n')
        self.assert_found("common/tools/a.py:3: `jq`", "common/tools/a.py:4: `gdb`", "common/tools/a.py:5: `perf`")

    def test_a_script_without_suffix_is_read_by_its_first_line(self) -> None:
        self.write("book/build", "#!/usr/bin/env python3\nimport subprocess\nsubprocess.run(['jq'])\n")
        self.assert_found("book/build:3: `jq`")

    def test_a_function_that_calls_itself_is_followed_once(self) -> None:
        self.script('def f(*words, more=()):\n    f(*words, more=more)\n    subprocess.run([*words, *more])\n'
                    'def g(name):\n    return g(name)\nf("jq")\nsubprocess.run([g("x")])\n')
        self.assert_found("common/tools/a.py:7: `jq`")

    def test_our_own_programs_and_paths_are_not_found(self) -> None:
        self.write("chapters/01-one/examples/echo_server.cpp", "")
        self.script('subprocess.run(["echo_server"])\nsubprocess.run(["book/build"])\nsubprocess.run([str(os.sep) + "jq"])\n')
        self.assert_found()


class AllowList(MadeUpTree):
    def test_an_allowed_name_is_no_finding_in_its_files_only(self) -> None:
        self.write(prerequisites.ALLOW, "# comment\ntests/*.sh | jq | it is a joke\n")
        for name in ("tests/a.sh", "tests/b"):
            self.write(name, "#!/bin/sh\njq\n")
        self.assert_found("tests/b:2: `jq`")

    def test_an_entry_that_allows_nothing_is_found(self) -> None:
        self.write(prerequisites.ALLOW, "\ntests/a.sh | jq | it is a joke\ntests/a.sh | cmake | it is installed\n")
        self.write("tests/a.sh", "#!/bin/sh\ncmake\n")
        self.assertEqual(self.findings(), [
            f"{prerequisites.ALLOW}:2: `tests/a.sh | jq` allows nothing any more; delete it",
            f"{prerequisites.ALLOW}:3: `tests/a.sh | cmake` allows nothing any more; delete it"])

    def test_an_entry_without_a_reason_is_refused(self) -> None:
        self.write(prerequisites.ALLOW, "tests/a.sh | jq\n")
        with self.assertRaisesRegex(ValueError, r"prerequisites.allow:1: write `file . name . reason`"):
            self.findings()


class Lint(MadeUpTree):
    def test_lint_reports_what_is_found(self) -> None:
        self.write("tests/run", "#!/bin/sh\njq\n")
        store = self.root / "build/lint"
        store.mkdir(parents=True)
        with mock.patch.object(lint, "jobs", return_value=[]):
            _, found = lint.whole_tree(store, [], self.root)
        self.assertEqual([line.partition(" is")[0] for line in found], ["tests/run:2: `jq`"])


@unittest.skipUnless(shutil.which("shfmt"), "shfmt is not installed")
class RealTree(unittest.TestCase):
    def test_everything_that_the_tree_needs_is_installed_by_a_group(self) -> None:
        self.assertEqual(prerequisites.findings(), [])

    def test_the_commands_of_every_debian_are_known_and_no_others(self) -> None:
        known = prerequisites.commands_of_every_debian()
        self.assertLessEqual({"awk", "apt-get", "bash", "grep", "ls", "mount", "sed", "sh", "sort", "xargs"}, known)
        self.assertFalse({"ps", "curl", "less", "python3", "git", "make", "nc", "ip", "coreutils:"} & known)


if __name__ == "__main__":
    unittest.main()

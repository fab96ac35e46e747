"""The benchmarks' driver: its figures, its table, its options and its gates. Nothing here measures or builds anything."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[3]
BENCH = ROOT / "common/bench"
sys.path.insert(0, str(BENCH))

from treadle_bench import build, gates, instructions, main, options, peers, report, rows, runner, stats, table, workloads  # noqa: E402
from treadle_bench.errors import Misuse, Trouble  # noqa: E402
from treadle_bench.results import Results, to_json  # noqa: E402
from treadle_bench.rows import Row  # noqa: E402
from treadle_bench.runner import Sample  # noqa: E402
from treadle_bench.table import Column, Line  # noqa: E402
from treadle_bench.workloads import Workload  # noqa: E402

SWITCH = Workload("switch", "switch", 1, "cpu", "asio", 1_000_000, "one yield")
ECHO = Workload("echo50", "echo", 3, "echo:50/50", "epoll", 40_000, "TCP echo")
TREADLE = BENCH / "programs/treadle"
STAGE = Row("03-sockets", "stage-03", TREADLE, "03-sockets", 3)
EARLIER = Row("01-event-loop", "stage-01", TREADLE, "01-event-loop", 1)
ASIO = Row("asio", "asio", BENCH / "programs/asio", "Asio")
EPOLL = Row("epoll", "epoll", BENCH / "programs/epoll", "raw epoll")
PYTHON = Row("asyncio", "python", BENCH / "programs/python", "asyncio")
FILE = Workload("file", "file", 3, "file:50/50", "nginx", 20_000, "a file over HTTP")
NGINX = Row("nginx", "nginx", BENCH / "programs/nginx", "nginx")
POST = Workload("post2", "post", 5, "wall:2", "asio", 1_000_000, "post")
HOP = Workload("hop1", "hop", 5, "hop:1", "epoll", 100_000, "hop")
ROWS = [EARLIER, STAGE, ASIO, EPOLL, PYTHON]


def results(**cells: list[float]) -> Results:
    """Results of switch and echo50; a keyword names row and column: asio_switch=[...]."""
    made = Results(ROWS, [SWITCH, ECHO])
    names = {"stage": STAGE, "earlier": EARLIER, "asio": ASIO, "epoll": EPOLL}
    for cell, values in cells.items():
        name, column = cell.split("_")
        workload = {"switch": SWITCH, "echo50": ECHO}[column]
        for repetition, value in enumerate(values):
            made.add(names[name], workload, repetition, Sample(value, {"operations": 1, "total": value}))
    return made


class Statistics(unittest.TestCase):
    def test_one_disturbed_run_does_not_move_the_median(self) -> None:
        self.assertEqual(stats.spread([10, 11, 900]), stats.Spread(11, 10, 900))

    def test_an_even_number_of_samples_has_the_middle_of_the_middle_two(self) -> None:
        self.assertEqual(stats.spread([1, 2, 4, 9]).median, 3)

    def test_no_samples_have_no_spread(self) -> None:
        with self.assertRaises(ValueError):
            stats.spread([])

    def test_ratios_pair_what_ran_in_the_same_repetition(self) -> None:
        self.assertEqual(stats.ratios({0: 100, 1: 300}, {0: 10, 1: 10}), [10, 30])

    def test_a_repetition_that_one_side_lacks_is_left_out(self) -> None:
        self.assertEqual(stats.ratios({0: 100, 2: 50}, {0: 10, 1: 10, 2: 0}), [10])

    def test_a_slow_machine_in_one_repetition_does_not_move_the_ratio(self) -> None:
        found = results(stage_switch=[10, 20, 10], asio_switch=[80, 160, 80]).ratio("03-sockets", SWITCH)
        self.assertEqual(found, stats.Spread(8, 8, 8))


class Ratios(unittest.TestCase):
    def test_time_is_compared_as_times_cheaper(self) -> None:
        found = results(stage_switch=[10], asio_switch=[80]).ratio("03-sockets", SWITCH)
        self.assertEqual(found and found.median, 8)

    def test_echo_is_compared_as_times_the_cpu(self) -> None:
        found = results(stage_echo50=[6000], epoll_echo50=[5000]).ratio("03-sockets", ECHO)
        self.assertEqual(found and found.median, 1.2)

    def test_a_post_is_compared_as_times_faster_and_a_hop_as_times_as_dear(self) -> None:
        made = Results([STAGE, ASIO, EPOLL], [POST, HOP])
        for row, workload, value in ((STAGE, POST, 50), (ASIO, POST, 200), (STAGE, HOP, 3300), (EPOLL, HOP, 3000)):
            made.add(row, workload, 0, Sample(value, {}))
        found = [made.ratio("03-sockets", workload) for workload in (POST, HOP)]
        self.assertEqual([ratio and ratio.median for ratio in found], [4, 1.1])

    def test_without_the_other_row_there_is_no_ratio(self) -> None:
        self.assertIsNone(results(stage_switch=[10]).ratio("03-sockets", SWITCH))

    def test_json_holds_samples_median_and_failures(self) -> None:
        made = results(stage_switch=[10, 30, 20], asio_switch=[80, 80, 80])
        made.fail(STAGE, ECHO, "exit status 1")
        cells = to_json(made)["results"]["03-sockets"]  # type: ignore[index]
        self.assertEqual(cells["switch"]["cost"], {"median": 20, "min": 10, "max": 30})
        self.assertEqual(len(cells["switch"]["samples"]), 3)
        self.assertEqual(cells["echo50"], {"failed": "exit status 1"})


class Table(unittest.TestCase):
    COLUMNS = [Column("switch", "ns"), Column("echo50", "us/req")]

    def test_numbers_have_three_digits_and_no_exponent(self) -> None:
        self.assertEqual([table.number(n) for n in (4.306, 48.19, 482.4, 12345)], ["4.31", "48.2", "482", "12345"])

    def test_a_row_has_ratio_median_and_spread_below_each_other(self) -> None:
        drawn = table.draw(self.COLUMNS, [Line("asio", {"switch": ["1.00x", "58.0", "56..60"]})], 80)
        self.assertEqual(
            drawn.split("\n"),
            ["      switch  echo50", "          ns  us/req", "", "asio   1.00x", "        58.0", "      56..60"],
        )

    def test_it_folds_to_the_width_of_the_window(self) -> None:
        lines = [Line("asio", {"switch": ["1.00x"], "echo50": ["1.20x"]})]
        drawn = table.draw(self.COLUMNS, lines, 14)
        self.assertLessEqual(max(len(line) for line in drawn.split("\n")), 14)
        self.assertEqual(drawn.count("asio"), 2)

    def test_a_window_too_narrow_for_one_column_still_shows_all(self) -> None:
        drawn = table.draw(self.COLUMNS, [Line("asio", {"switch": ["1x"], "echo50": ["2x"]})], 1)
        self.assertIn("1x", drawn)
        self.assertIn("2x", drawn)

    def test_colours_do_not_count_as_width(self) -> None:
        plain = table.draw(self.COLUMNS, [Line("asio", {"switch": ["9.1x"]})], 80)
        colour = table.draw(self.COLUMNS, [Line("asio", {"switch": ["\x1b[1m9.1x\x1b[0m"]})], 80)
        self.assertEqual(table.ANSI.sub("", colour), plain)

    def test_a_failed_cell_says_so(self) -> None:
        made = results(asio_switch=[80])
        made.fail(ASIO, ECHO, "why")
        self.assertEqual(report.cells_of(made, ASIO)["echo50"], ["failed"])


class Options(unittest.TestCase):
    def refuses(self, *arguments: str) -> str:
        with self.assertRaises(Misuse) as caught:
            options.parse(list(arguments))
        return str(caught.exception)

    def test_five_repetitions_unless_told_otherwise(self) -> None:
        self.assertEqual(options.parse([]).repetitions, 5)
        self.assertEqual(options.parse(["--reps", "9"]).repetitions, 9)
        self.assertEqual(options.parse(["--quick"]).repetitions, 3)
        self.assertEqual(options.parse(["--quick", "--reps", "1"]).repetitions, 1)

    def test_repetitions_are_a_positive_number(self) -> None:
        for wrong in ("0", "-1", "many", "1.5", "99999"):
            self.assertIn("N from 1 to 1000", self.refuses(f"--reps={wrong}"))

    def test_an_unknown_workload_is_answered_with_the_known_ones(self) -> None:
        message = self.refuses("--only", "swich")
        self.assertIn("swich", message)
        self.assertIn("switch", message)

    def test_an_unknown_row_is_answered_with_the_known_ones(self) -> None:
        self.assertIn("asyncio", self.refuses("--rows", "asoi"))

    def test_an_empty_list_is_refused(self) -> None:
        self.assertIn("at least one name", self.refuses("--only", ","))

    def test_an_unknown_option_is_one_sentence(self) -> None:
        self.assertIn("--help", self.refuses("--fast"))

    def test_json_into_a_directory_is_refused(self) -> None:
        self.assertIn("is a directory", self.refuses("--json", "/"))

    def test_only_the_whole_table_is_written_to_results(self) -> None:
        self.assertEqual(options.parse([]).json.name, "results.json")
        self.assertEqual(options.parse(["--instructions"]).json.name, "instructions.json")
        for less in (["--quick"], ["--only", "switch"], ["--rows", "asio"], ["--check"]):
            self.assertEqual(options.parse(less).json.name, "partial.json", less)

    def test_the_door_asks_for_a_quick_look_through_the_environment(self) -> None:
        with mock.patch.dict(os.environ, {"QUICK": "1"}):
            self.assertTrue(options.parse([]).quick)

    def test_rows_without_any_of_the_workloads_are_refused(self) -> None:
        with self.assertRaisesRegex(Misuse, "--list"):
            main.require_work(options.parse(["--rows", "epoll", "--only", "switch"]))

    def test_columns_keep_the_order_of_the_table(self) -> None:
        chosen = options.parse(["--only", "switch,spawn1"]).workloads
        self.assertEqual([workload.column for workload in chosen], ["spawn1", "switch"])

    def test_stages_are_chosen_by_number_name_or_all(self) -> None:
        for words, names in (
            ("03", ["03-sockets"]),
            ("3,asio", ["03-sockets", "asio"]),
            ("03-sockets", ["03-sockets"]),
            ("stages", ["01-event-loop", "03-sockets"]),
            ("peers", ["asio", "epoll", "asyncio"]),
        ):
            self.assertEqual([row.name for row in options.chosen_rows(words, ROWS)], names, words)

    def test_the_program_exits_2_and_says_one_line(self) -> None:
        done = subprocess.run([BENCH / "run", "--only", "nothing"], capture_output=True, text=True, timeout=60, cwd="/")
        self.assertEqual(done.returncode, 2)
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertTrue(done.stderr.startswith("bench: "))

    def test_list_measures_nothing(self) -> None:
        done = subprocess.run([BENCH / "run", "--list"], capture_output=True, text=True, timeout=60, cwd="/")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("switch", done.stdout)

    def test_a_compiler_that_is_not_there_is_named(self) -> None:
        done = subprocess.run(
            [BENCH / "run"], capture_output=True, text=True, timeout=60, env={**os.environ, "CXX": "no-such-compiler"}
        )
        self.assertEqual(done.returncode, 2)
        self.assertIn("CXX=no-such-compiler", done.stderr)


class Tables(unittest.TestCase):
    """workloads.txt, gates.txt and the files beside them fit together."""

    def read(self, text: str) -> list[Workload]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "workloads.txt"
            path.write_text(text)
            return workloads.load(path)

    def test_each_workload_has_a_program_for_the_stages(self) -> None:
        for workload in workloads.load():
            if not workload.is_file:  # that is the example book_server
                self.assertTrue((TREADLE / f"{workload.file}.cpp").is_file(), workload.column)

    def test_each_program_is_in_the_table(self) -> None:
        known = {workload.file for workload in workloads.load()} | {"main"}
        for path in BENCH.glob("programs/*/*"):
            if path.suffix in (".cpp", ".py"):
                self.assertIn(path.stem, known | {"other_loop"}, path)

    def test_each_workload_is_compared_with_a_row_that_has_it(self) -> None:
        peers = {row.name: row for row in rows.peers()}
        for workload in workloads.load():
            self.assertTrue(peers[workload.against].has(workload), workload.column)

    def test_gates_speak_of_workloads_that_exist(self) -> None:
        columns = {workload.column for workload in workloads.load()}
        for gate in gates.load():
            self.assertIn(gate.column, columns)

    def test_a_column_twice_is_refused(self) -> None:
        line = "switch switch 01 cpu asio 1000 one yield\n"
        with self.assertRaisesRegex(Trouble, "twice"):
            self.read(line * 2)

    def test_a_wrong_line_is_named(self) -> None:
        with self.assertRaisesRegex(Trouble, r"workloads.txt:2: KIND is 'clock'"):
            self.read("# a comment\nswitch switch 01 clock asio 1000 one yield\n")
        with self.assertRaisesRegex(Trouble, "seven fields"):
            self.read("switch switch 01 cpu\n")

    def test_a_kind_may_hold_a_number_for_the_program(self) -> None:
        runner_of_nothing = runner.Runner(build.Build("c++", Path("/b"), Path("/b/log")), "python3")
        self.assertEqual(runner_of_nothing.command(STAGE, POST, 9, 1), ["/b/bin/stage-03", "post", "9", "1", "2"])
        self.assertEqual(runner_of_nothing.command(STAGE, SWITCH, 9, 1), ["/b/bin/stage-03", "switch", "9", "1"])

    def test_a_number_of_threads_is_at_least_one(self) -> None:
        for kind in ("wall", "wall:0", "hop:", "hop:x"):
            with self.assertRaisesRegex(Trouble, "KIND is"):
                self.read(f"post post 05 {kind} asio 1000 one post\n")

    def test_a_hop_is_told_in_microseconds_and_a_post_in_nanoseconds(self) -> None:
        self.assertEqual([(w.unit, w.scale) for w in (HOP, POST)], [("us", 1000), ("ns", 1)])

    def test_a_stage_has_what_was_there_by_then(self) -> None:
        self.assertTrue(EARLIER.has(SWITCH))
        self.assertFalse(EARLIER.has(ECHO))
        self.assertTrue(STAGE.has(ECHO))
        self.assertFalse(EPOLL.has(SWITCH))

    def test_stages_are_the_directories_with_sources(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("02-b/src/x.cpp", "01-a/src/x.cpp", "03-begun/include/x.hpp", "notes/src/x.cpp"):
                path = Path(folder) / name
                path.parent.mkdir(parents=True)
                path.touch()
            found = [(row.name, row.program, row.stage) for row in rows.stages(Path(folder))]
        self.assertEqual(found, [("01-a", "stage-01", 1), ("02-b", "stage-02", 2)])

    def test_files_are_served_by_the_examples_and_by_nginx(self) -> None:
        self.assertEqual([row.name for row in [*ROWS, NGINX] if row.has(FILE)], ["03-sockets", "nginx"])
        self.assertFalse(NGINX.has(ECHO))
        self.assertEqual((FILE.unit, FILE.connections, FILE.is_dearness), ("us/req", (50, 50), True))
        self.assertEqual(build.targets_of([EARLIER, STAGE, NGINX, PYTHON], [SWITCH, FILE]), ["load", "book_server-03", "stage-01", "stage-03"])
        self.assertEqual(build.targets_of([STAGE], [SWITCH]), ["load", "stage-03"])

    def test_a_server_of_files_is_told_a_port_and_a_folder(self) -> None:
        made = build.Build("c++", Path("/b"), Path("/b/log"))
        with tempfile.TemporaryDirectory() as name:
            site = runner.Site(Path(name))
            self.assertEqual(site.command(STAGE, FILE, made), ["/b/bin/book_server-03", "--port", str(site.port), f"{name}/site"])
            site.command(NGINX, FILE, made)
            config = (Path(name) / "nginx.conf").read_text()
            self.assertIn(f"listen 127.0.0.1:{site.port};", config)
            self.assertIn(f"root {name}/site;", config)
            self.assertEqual((Path(name) / "site/file.txt").stat().st_size, site.size)

    def test_an_interpreter_does_less_and_never_nothing(self) -> None:
        self.assertEqual(STAGE.amount(SWITCH, 1), 1_000_000)
        self.assertEqual(PYTHON.amount(SWITCH, 1), 50_000)
        self.assertEqual(PYTHON.amount(ECHO, 10), 4_000)
        self.assertEqual(PYTHON.amount(SWITCH, 1_000_000), 1_000)


class Gates(unittest.TestCase):
    AT_LEAST_7 = gates.Gate("switch", 3, "ratio", ">=", 7, "why")

    def verdicts(self, **cells: list[float]) -> list[tuple[str, str]]:
        return [(v.row.name, v.word) for v in gates.judge_measured([self.AT_LEAST_7], results(**cells))]

    def test_a_gate_holds_from_its_stage_on(self) -> None:
        found = self.verdicts(stage_switch=[10], earlier_switch=[70], asio_switch=[70])
        self.assertEqual(found, [("03-sockets", "met")])

    def test_a_gate_is_missed(self) -> None:
        self.assertEqual(self.verdicts(stage_switch=[11], asio_switch=[70]), [("03-sockets", "MISSED")])

    def test_what_was_not_measured_is_not_met(self) -> None:
        self.assertEqual(self.verdicts(asio_switch=[70]), [("03-sockets", "not measured")])

    def test_an_upper_limit(self) -> None:
        gate = gates.Gate("echo50", 3, "ratio", "<=", 1.5, "why")
        self.assertTrue(gate.holds(1.5))
        self.assertFalse(gate.holds(1.51))

    def test_a_wrong_line_is_named(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "gates.txt"
            path.write_text("switch 03 ratio > 7 why\n")
            with self.assertRaisesRegex(Trouble, "gates.txt:1"):
                gates.load(path)

    def test_the_sentence_names_limit_and_figure(self) -> None:
        verdict = gates.Verdict(self.AT_LEAST_7, STAGE, 6.5)
        said = gates.sentence(verdict, {"switch": SWITCH})
        self.assertEqual(said, "MISSED        03-sockets switch >= 7 times cheaper than asio: 6.50")


    def test_a_ratio_against_another_row_than_the_column_s(self) -> None:
        gate = gates.Gate("echo50", 3, "ratio", "<=", 1, "why", "asio")
        made = results(stage_echo50=[6], asio_echo50=[8], epoll_echo50=[5])
        self.assertEqual([v.value for v in gates.judge_measured([gate], made)], [0.75])
        self.assertIn("asio", gates.needed([gate], False, [ECHO])[1])

    def test_a_cost_is_held_in_the_unit_of_its_column(self) -> None:
        gate = gates.Gate("echo50", 3, "cost", "<=", 7, "why")
        (verdict,) = gates.judge_measured([gate], results(stage_echo50=[6000]))
        self.assertEqual((verdict.value, verdict.word), (6, "met"))
        self.assertIn("<= 7 us/req", gates.sentence(verdict, {"echo50": ECHO}))

    def test_counted_instructions_and_measured_figures_are_judged_apart(self) -> None:
        counted = gates.Gate("switch", 3, "instructions", "<=", 120, "why")
        self.assertEqual(gates.judge_measured([counted], results(stage_switch=[10])), [])
        (verdict,) = gates.judge_counts([counted, self.AT_LEAST_7], {("03-sockets", "switch"): 96}, [STAGE])
        self.assertEqual((verdict.gate, verdict.word), (counted, "met"))

    def test_the_table_of_gates_knows_the_rows_it_compares_with(self) -> None:
        peers_known = {row.name for row in rows.peers()} | {None}
        for gate in gates.load():
            self.assertIn(gate.against, peers_known)

    def test_a_hop_is_said_to_be_a_round_trip(self) -> None:
        gate = gates.Gate("hop1", 5, "ratio", "<=", 1.15, "why")
        said = gates.sentence(gates.Verdict(gate, STAGE, 1.08), {"hop1": HOP})
        self.assertEqual(said, "met           03-sockets hop1 <= 1.15 times epoll's round trip: 1.08")


class Peers(unittest.TestCase):
    def available(self, **environment: str) -> tuple[list[str], list[str]]:
        """Which rows are left on a machine without Asio where installing does not help, and what is said."""
        said: list[str] = []
        with mock.patch.dict(os.environ, environment), mock.patch.object(peers, "say", said.append), \
                mock.patch.object(peers, "is_missing", lambda row, _: row.name == "asio"), \
                mock.patch.object(subprocess, "run") as run:
            run.return_value.returncode = 1
            left = [row.name for row in peers.available([STAGE, ASIO], "c++")]
        self.installed = [call.args[0] for call in run.call_args_list]
        return left, said

    def test_no_install_leaves_out_what_is_missing_and_says_so(self) -> None:
        left, said = self.available(NO_INSTALL="1")
        self.assertEqual((left, self.installed), (["03-sockets"], []))
        self.assertEqual(said, ["bench: asio is left out: libasio-dev (as Debian calls it) is not installed"])

    def test_an_install_that_fails_leaves_the_peer_out(self) -> None:
        with mock.patch.object(peers.shutil, "which", lambda _: "/usr/bin/there"):
            left, said = self.available(NO_INSTALL="")
        self.assertEqual(left, ["03-sockets"])
        self.assertTrue(any("libasio-dev" in command for command in self.installed))
        self.assertIn("left out", said[-1])


class Running(unittest.TestCase):
    def test_the_first_error_of_a_build_is_quoted_and_no_file_called_errors(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder) / "build.log"
            log.write_text("[1/2] Building CXX object src/errors.cpp.o\nsleep.cpp:9:14: error: expected expression\n")
            self.assertEqual(build.last_error(log), "sleep.cpp:9:14: error: expected expression")

    def test_a_round_runs_every_row_and_rounds_begin_with_another(self) -> None:
        first = [row.name for row, _ in main.cells([STAGE, ASIO], [SWITCH], 0)]
        second = [row.name for row, _ in main.cells([STAGE, ASIO], [SWITCH], 1)]
        self.assertEqual((first, second), (["03-sockets", "asio"], ["asio", "03-sockets"]))

    def test_rows_take_turns_within_a_workload(self) -> None:
        names = [(w.column, row.name) for row, w in main.cells([STAGE, ASIO], [SWITCH, ECHO], 0)]
        self.assertEqual(
            names, [("switch", "03-sockets"), ("switch", "asio"), ("echo50", "03-sockets"), ("echo50", "asio")]
        )

    def test_a_program_that_fails_is_quoted(self) -> None:
        with self.assertRaisesRegex(Trouble, "exit status 3: it broke"):
            runner.run_program(["sh", "-c", "echo it broke >&2; exit 3"])

    def test_a_program_that_crashes_is_named_by_its_signal(self) -> None:
        with self.assertRaisesRegex(Trouble, "SIGSEGV"):
            runner.run_program(["sh", "-c", "kill -SEGV $$"])

    def test_a_program_that_is_missing_is_no_traceback(self) -> None:
        with self.assertRaisesRegex(Trouble, "cannot be started"):
            runner.run_program(["/no/such/program"])

    def test_a_failed_cell_is_not_tried_again(self) -> None:
        made = results()
        made.fail(STAGE, SWITCH, "first reason")
        main.measure_cell(made, None, STAGE, SWITCH, 1, 1)  # type: ignore[arg-type]
        self.assertEqual(made.failures, {("03-sockets", "switch"): "first reason"})

    def test_a_server_is_gone_after_its_block(self) -> None:
        with runner.Server(["sh", "-c", "echo port 4711; exec sleep 60"]) as server:
            self.assertEqual(server.port(), 4711)
            pid = server.pid
        with self.assertRaises(ProcessLookupError):
            os.kill(pid, 0)

    def test_a_server_that_dies_says_why(self) -> None:
        with self.assertRaisesRegex(Trouble, "exit status 1: bind: refused"):
            with runner.Server(["sh", "-c", "echo 'bind: refused' >&2; exit 1"]) as server:
                server.port()

    def test_the_end_of_a_server_explains_the_error_of_its_client(self) -> None:
        with runner.Server(["sh", "-c", "echo 'too many open files' >&2; exit 1"]) as server:
            server._process.wait()
            self.assertEqual(server.obituary(), " (the server: exit status 1: too many open files)")

    def test_a_server_that_serves_adds_nothing(self) -> None:
        with runner.Server(["sleep", "60"]) as server:
            self.assertEqual(server.obituary(), "")

    def test_the_figure_is_per_operation(self) -> None:
        text = '{"operations": 4, "total": 10, "wall": 20}'
        self.assertEqual([runner.sample_of(text).value, runner.sample_of(text, "wall").value], [2.5, 5])

    def test_valgrind_is_read(self) -> None:
        self.assertEqual(instructions.parse_collected("==7== Events    : Ir\n==7== Collected : 123456\n"), 123456)
        with self.assertRaises(Trouble):
            instructions.parse_collected("valgrind: no such file")


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""Carry a change of one stage into every later stage, by three-way merge.

A fault is mended in the stage where it was born; this brings the mend to all stages that grew from it. The change is
what the working tree's copy of the stage has and the base revision's has not. It goes up stage by stage: each stage
gets what changed in the stage directly before it, so that every merge is as small as the lesson between the two.

All merging happens in memory and in a temporary directory. The tree is written only if nothing conflicts, and then
under a journal: an interrupted run is undone, by itself or at the next start. README.md and exercises/ belong to
their chapter and are carried only where the later stage has the very same file.

Status: 0 carried, 1 a conflict, 2 refused.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from treadle_tools import cli, git, stages
from treadle_tools.stages import Stage

_MARK = 40  # length of a conflict marker; nobody writes forty of these in a row


class Refused(Exception):
    """The run cannot start, or cannot go on; nothing was changed."""


@dataclass(frozen=True)
class Content:
    """A file: its bytes and whether it may be executed."""

    data: bytes
    executable: bool = False


@dataclass(frozen=True)
class Change:
    """What happened to one file of the stage. `old_name` differs from `name` after a rename."""

    old_name: str
    name: str
    old: Content | None  # None: the file was added
    new: Content | None  # None: the file was deleted


@dataclass(frozen=True)
class Side:
    label: str
    text: str


@dataclass(frozen=True)
class Conflict:
    path: str  # from the root
    line: int
    sides: tuple[Side, Side, Side]  # the stage's own, the base, the carried


@dataclass
class Plan:
    """What would be written (None: deleted), and what cannot be."""

    writes: dict[str, Content | None] = field(default_factory=dict)  # by path from the root
    before: dict[str, Content | None] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------------------------
# Reading both versions of the stage


def _git(root: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, check=False)
    if check and done.returncode:
        raise Refused(f"git {arguments[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done


def require_repository(root: Path) -> None:
    if not git.has_repository(root):
        raise Refused(f"{root} is no git repository of its own, so nothing says what changed: `git init` makes one, and your "
                      "change must come after its first commit")


def base_version(root: Path, stage: Stage, revision: str) -> dict[str, Content]:
    """Every file of the stage as it was in `revision`."""
    if _git(root, "rev-parse", "--verify", "--quiet", revision + "^{commit}", check=False).returncode:
        raise Refused(f"there is no revision {revision!r} to compare with; commit first, or name one with --base")
    prefix = f"chapters/{stage.name}/"
    listing = _git(root, "ls-tree", "-r", "-z", "--full-tree", revision, prefix).stdout
    found = {}
    for entry in filter(None, listing.split(b"\0")):
        meta, path = entry.split(b"\t", 1)
        mode, kind, identity = meta.split()
        if kind == b"blob":
            data = _git(root, "cat-file", "blob", identity.decode()).stdout
            found[path.decode().removeprefix(prefix)] = Content(data, mode == b"100755")
    if not found:
        raise Refused(f"{revision} has no {stage.name}, so nothing says what changed: commit it, or name a --base that has it")
    return found


def working_version(root: Path, stage: Stage) -> dict[str, Content]:
    """Every file of the stage as it is, but for what git ignores."""
    prefix = f"chapters/{stage.name}/"
    listing = _git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", prefix).stdout
    names = {path.decode().removeprefix(prefix) for path in listing.split(b"\0") if path}
    contents = {name: read(stage.path / name) for name in sorted(names)}
    return {name: content for name, content in contents.items() if content is not None}


def read(path: Path) -> Content | None:
    if path.is_symlink() or not path.is_file():
        return None
    return Content(path.read_bytes(), os.access(path, os.X_OK))


def changes(old: dict[str, Content], new: dict[str, Content]) -> list[Change]:
    """What happened to each file; a deleted and an added file that are alike are one that was renamed."""
    renamed = _renames(old, new)
    found = [Change(source, target, old[source], new[target]) for source, target in renamed.items()]
    for name in sorted(old.keys() | new.keys()):
        if name not in renamed and name not in renamed.values() and old.get(name) != new.get(name):
            found.append(Change(name, name, old.get(name), new.get(name)))
    return found


def _renames(old: dict[str, Content], new: dict[str, Content]) -> dict[str, str]:
    """Old name to new name, as git sees it."""
    gone, come = old.keys() - new.keys(), new.keys() - old.keys()
    if not gone or not come:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        for side, names, contents in (("a", gone, old), ("b", come, new)):
            for name in names:
                path = Path(folder, side, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(contents[name].data)
        command = ["git", "diff", "--no-index", "--no-ext-diff", "-z", "--name-status", "--find-renames=60%", "a", "b"]
        fields = subprocess.run(command, cwd=folder, capture_output=True, check=False).stdout.decode().split("\0")
    found, position = {}, 0
    while position < len(fields) - 1:
        step = 3 if fields[position].startswith(("R", "C")) else 2
        if fields[position].startswith("R"):
            found[fields[position + 1].removeprefix("a/")] = fields[position + 2].removeprefix("b/")
        position += step
    return found


# ---------------------------------------------------------------------------------------------------------------
# Merging upwards


def plan(root: Path, stage: Stage, found: list[Change]) -> Plan:
    """Carry each change through the later stages, each stage on top of the one before."""
    result = Plan()
    for change in found:
        _carry_one(root, stage, change, result)
    return result


def _own_to_chapter(name: str) -> bool:
    return name == "README.md" or name.startswith("exercises/")


def _carry_one(root: Path, stage: Stage, change: Change, result: Plan) -> None:
    previous = stage
    step = change
    for later in stages.after(stage, root):
        own = read(later.path / step.old_name)
        if _own_to_chapter(step.name) and (own is None or own != step.old):
            return
        merged = _merge_stage(root, previous, later, step, own, result)
        if merged is None:
            return
        if merged.old != merged.new:  # a stage that has the change already, by hand, must not end its way up
            step, previous = merged, later


def _merge_stage(
    root: Path, previous: Stage, later: Stage, step: Change, own: Content | None, result: Plan
) -> Change | None:
    """Carry one step into one stage. Returns the step for the next stage; None where the way ends."""
    if step.old is None:
        return _merge_added(previous, later, step, own, result)
    if own is None:
        return _already_gone(later, step, result)
    if step.name != step.old_name and _in_the_way(previous, later, step, result):
        return None
    if step.new is None:
        return _merge_deleted(previous, later, step, own, result)
    merged = _three_way(previous, later, step, own, result)
    if merged is None:
        return None
    _write(later, step.old_name, own, None if step.name != step.old_name else merged, result)
    if step.name != step.old_name:
        _write(later, step.name, None, merged, result)
    return Change(step.old_name, step.name, own, merged)


def _merge_added(previous: Stage, later: Stage, step: Change, own: Content | None, result: Plan) -> Change | None:
    if own is not None and own != step.new:
        _conflict(previous, later, step, own, 1, result)
        return None
    _write(later, step.name, own, step.new, result)
    return Change(step.name, step.name, own, step.new)


def _already_gone(later: Stage, step: Change, result: Plan) -> Change | None:
    """The stage has no such file. After a rename that was carried before, it has the new name: go on with that."""
    renamed = read(later.path / step.name) if step.name != step.old_name else None
    if renamed is not None and step.new is not None and renamed == step.new:
        return Change(step.old_name, step.name, step.old, renamed)
    if step.new is None:
        return step
    result.notes.append(f"{later.name} has no {step.old_name}, so the change of it ends in the stage before")
    return None


def _in_the_way(previous: Stage, later: Stage, step: Change, result: Plan) -> bool:
    """True if the stage already has another file by the new name."""
    there = read(later.path / step.name)
    if there is None:
        return False
    _conflict(previous, later, Change(step.name, step.name, None, step.new), there, 1, result)
    return True


def _merge_deleted(previous: Stage, later: Stage, step: Change, own: Content, result: Plan) -> Change | None:
    if own != step.old:
        _conflict(previous, later, step, own, 1, result)
        return None
    _write(later, step.name, own, None, result)
    return Change(step.name, step.name, own, None)


def _three_way(previous: Stage, later: Stage, step: Change, own: Content, result: Plan) -> Content | None:
    """The stage's own file with the step applied; None after a conflict."""
    assert step.old is not None and step.new is not None
    executable = step.new.executable if own.executable == step.old.executable else own.executable
    if own.data == step.old.data or own.data == step.new.data:
        return Content(step.new.data, executable)
    if step.old.data == step.new.data:
        return Content(own.data, executable)
    if b"\0" in own.data + step.old.data + step.new.data:
        _conflict(previous, later, step, own, 1, result)
        return None
    merged, clean = _merge_file(own.data, step.old.data, step.new.data)
    if not clean:
        _text_conflicts(previous, later, step, own, merged, result)
        return None
    return Content(merged, executable)


def _merge_file(own: bytes, old: bytes, new: bytes) -> tuple[bytes, bool]:
    with tempfile.TemporaryDirectory() as folder:
        for name, data in (("own", own), ("old", old), ("new", new)):
            Path(folder, name).write_bytes(data)
        command = ["git", "merge-file", "-p", "--diff3", f"--marker-size={_MARK}", "own", "old", "new"]
        done = subprocess.run(command, cwd=folder, capture_output=True, check=False)
    if done.returncode < 0 or done.returncode > 127:
        raise Refused(f"git merge-file failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout, done.returncode == 0


def _write(later: Stage, name: str, before: Content | None, after: Content | None, result: Plan) -> None:
    if before != after:
        path = f"chapters/{later.name}/{name}"
        result.before[path] = before
        result.writes[path] = after


# ---------------------------------------------------------------------------------------------------------------
# Conflicts, with their three sides


def _labels(previous: Stage, later: Stage) -> tuple[str, str, str]:
    return f"{later.name}, as it is", f"{previous.name}, before the change", f"{previous.name}, after the change"


def _text(content: Content | None) -> str:
    if content is None:
        return "(no file)\n"
    return "(not text)\n" if b"\0" in content.data else content.data.decode("utf-8", errors="replace")


def _conflict(previous: Stage, later: Stage, step: Change, own: Content, line: int, result: Plan) -> None:
    texts = (_text(own), _text(step.old), _text(step.new))
    sides = tuple(Side(label, text) for label, text in zip(_labels(previous, later), texts))
    result.conflicts.append(Conflict(f"chapters/{later.name}/{step.name}", line, sides))  # type: ignore[arg-type]


def _text_conflicts(
    previous: Stage, later: Stage, step: Change, own: Content, merged: bytes, result: Plan
) -> None:
    """One conflict for each marked region of the merge; its line is the line in the stage's own file."""
    sides: list[list[str]] = [[], [], []]
    state, offset = -1, 0
    for number, line in enumerate(merged.decode("utf-8", errors="replace").splitlines(keepends=True), 1):
        marker = line[:_MARK]
        if marker == "<" * _MARK:
            state, start, sides = 0, number, [[], [], []]
        elif state >= 0 and marker == "|" * _MARK:
            state = 1
        elif state >= 0 and marker == "=" * _MARK:
            state = 2
        elif state >= 0 and marker == ">" * _MARK:
            texts = tuple(Side(label, "".join(side)) for label, side in zip(_labels(previous, later), sides))
            path = f"chapters/{later.name}/{step.old_name}"
            result.conflicts.append(Conflict(path, start - offset, texts))  # type: ignore[arg-type]
            offset += number - start + 1 - len(sides[0])
            state = -1
        elif state >= 0:
            sides[state].append(line)


def show_conflict(conflict: Conflict) -> str:
    lines = [f"{conflict.path}:{conflict.line}: conflict"]
    for side in conflict.sides:
        lines.append(f"  --- {side.label}:")
        shown = side.text.splitlines() or ["(nothing)"]
        lines += [f"  | {line}".rstrip() for line in shown[:60]]
        if len(shown) > 60:
            lines.append(f"  | ... {len(shown) - 60} lines more")
    return "\n".join(lines)


# ---------------------------------------------------------------------------------------------------------------
# Writing, all or nothing


def dirty(root: Path, paths: list[str]) -> list[str]:
    """Those of the paths that differ from HEAD, or that git does not know and the disk has."""
    if not paths:
        return []
    output = _git(root, "status", "--porcelain", "-z", "--untracked-files=all", "--ignored", "--", *paths).stdout
    entries = output.decode().split("\0")
    return sorted({entry[3:] for entry in entries if len(entry) > 3 and entry[2] == " "} & set(paths))


def _journal(root: Path) -> Path:
    path = _git(root, "rev-parse", "--git-path", "treadle-carry").stdout.decode().strip()
    return root / path


def apply(root: Path, todo: Plan) -> None:
    """Write everything, or nothing: what was there is kept in a journal until the last file is in place."""
    journal = _journal(root)
    building = journal.with_name(journal.name + f".{os.getpid()}")
    _write_journal(building, todo)
    os.replace(building, journal)
    begun: list[str] = []
    try:
        for path, content in todo.writes.items():
            if read(root / path) != todo.before[path]:
                raise Refused(f"{path} changed while it was being carried to; nothing was changed, so try again")
            begun.append(path)
            put(root / path, content)
    except BaseException:
        _undo(root, todo, begun)
        shutil.rmtree(journal)
        raise
    shutil.rmtree(journal)


def _undo(root: Path, todo: Plan, begun: list[str]) -> None:
    """Put back what was written, and leave alone what somebody else wrote."""
    for path in begun:
        _temporary(root / path).unlink(missing_ok=True)
        if read(root / path) == todo.writes[path] != todo.before[path]:
            put(root / path, todo.before[path])


def _write_journal(folder: Path, todo: Plan) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    entries = []
    for number, (path, after) in enumerate(todo.writes.items()):
        entry: dict[str, object] = {"path": path}
        for side, content in (("before", todo.before[path]), ("after", after)):
            entry[side] = None if content is None else {"file": f"{number}.{side}", "executable": content.executable}
            if content is not None:
                (folder / f"{number}.{side}").write_bytes(content.data)
        entries.append(entry)
    (folder / "journal.json").write_text(json.dumps(entries, indent=1), encoding="utf-8")


def _from_journal(folder: Path, side: dict | None) -> Content | None:
    return None if side is None else Content((folder / side["file"]).read_bytes(), side["executable"])


def recover(root: Path) -> int:
    """Undo an interrupted run. Returns the number of files that were put back."""
    folder = _journal(root)
    if not folder.is_dir():
        return 0
    entries = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
    back = 0
    for entry in entries:
        path = root / entry["path"]
        before, after = (_from_journal(folder, entry[side]) for side in ("before", "after"))
        _temporary(path).unlink(missing_ok=True)
        if read(path) == before:
            continue
        if read(path) != after:
            raise Refused(f"an interrupted carry left {entry['path']}, and it was edited since: bring it back to what "
                          f"git has, or delete {folder} to keep it as it is")
        put(path, before)
        back += 1
    shutil.rmtree(folder)
    return back


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.carry")


def put(path: Path, content: Content | None) -> None:
    """Make the file be this; readers see the old file or the whole new one."""
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    mode = (mode | 0o111) if content.executable else (mode & ~0o111)
    temporary = _temporary(path)
    temporary.write_bytes(content.data)
    temporary.chmod(mode)
    os.replace(temporary, path)


# ---------------------------------------------------------------------------------------------------------------


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", help="the stage that was changed, for instance 02")
    parser.add_argument("--base", metavar="REV", default="HEAD", help="the change is what differs from this revision (default: HEAD)")
    parser.add_argument("--dry-run", action="store_true", help="say what would be written, and write nothing")
    parser.add_argument("--partly", action="store_true", help="with conflicts, carry each file up to the stage where it conflicts")
    parser.add_argument("--only", metavar="FILE", action="append", help="carry this file only; may be repeated")
    parser.add_argument("--skip", metavar="FILE", action="append", default=[], help="leave this file out; may be repeated")
    parser.add_argument("--root", type=Path, default=stages.ROOT, help=argparse.SUPPRESS)
    return parser.parse_args(argv)


def _chosen(found: list[Change], arguments: argparse.Namespace) -> list[Change]:
    names = {name for change in found for name in (change.name, change.old_name)}
    for name in [*(arguments.only or []), *arguments.skip]:
        if name not in names:
            raise Refused(f"{name} did not change; what changed: {', '.join(sorted(names)) or 'nothing'}")
    only = set(arguments.only or names)
    return [change for change in found if change.name in only and change.name not in arguments.skip]


def _say_conflicts(stage: Stage, todo: Plan, partly: bool) -> None:
    for conflict in todo.conflicts:
        print(show_conflict(conflict) + "\n")
    _, later, name = todo.conflicts[0].path.split("/", 2)
    count = f"{len(todo.conflicts)} conflict{'s' if len(todo.conflicts) > 1 else ''}"
    by_hand = f"mend {name} in {later} by hand, and carry that on with make carry FROM={later[:2]}"
    if partly:
        print(f"carry: {count}, so not everything was carried: {by_hand}", file=sys.stderr)
    else:
        way = f"common/tools/carry.py {stage.number} --partly carries what merges; then {by_hand}"
        print(f"carry: {count}, and nothing was changed. To go on: {way}", file=sys.stderr)


def _say_written(todo: Plan, dry_run: bool) -> None:
    for note in todo.notes:
        print(f"carry: {note}")
    for path, content in sorted(todo.writes.items()):
        what = "delete" if content is None else "add" if todo.before[path] is None else "merge"
        print(f"{what:7} {path}")
    would = "would write" if dry_run else "wrote"
    print(f"carry: {would} {len(todo.writes)} file{'' if len(todo.writes) == 1 else 's'}", file=sys.stderr)


def run(arguments: argparse.Namespace) -> int:
    root = arguments.root.resolve()
    stage = stages.find(arguments.stage, root)
    require_repository(root)
    undone = recover(root)
    if undone:
        print(f"carry: an earlier run was interrupted; the {undone} files it had written are as they were", file=sys.stderr)
    found = changes(base_version(root, stage, arguments.base), working_version(root, stage))
    todo = plan(root, stage, _chosen(found, arguments))
    if todo.conflicts and not arguments.partly:
        _say_conflicts(stage, todo, partly=False)
        return 1
    edited = dirty(root, list(todo.writes))
    if edited:
        raise Refused(f"not committed, so a merge could lose work: {', '.join(edited)}; commit or restore, then carry again")
    if not found:
        print(f"carry: {stage.name} is as it is in {arguments.base}: nothing to carry", file=sys.stderr)
        return 0
    if not arguments.dry_run:
        apply(root, todo)
    _say_written(todo, arguments.dry_run)
    if todo.conflicts:
        _say_conflicts(stage, todo, partly=True)
    return 1 if todo.conflicts else 0


def _stop(*_: object) -> None:
    raise KeyboardInterrupt


def main(argv: list[str] | None = None) -> int:
    arguments = _arguments(argv)
    signal.signal(signal.SIGTERM, _stop)
    try:
        return run(arguments)
    except (Refused, stages.UnknownStage) as error:
        stages.misuse(f"carry: {error}")
    except KeyboardInterrupt:
        print("carry: interrupted; nothing was changed", file=sys.stderr)
        return 130


if __name__ == "__main__":
    cli.run(main)

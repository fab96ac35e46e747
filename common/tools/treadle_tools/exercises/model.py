"""What an exercise is on disk, and where its parts are.

An exercise is a directory chapters/NN-*/exercises/NAME. It is named NN/NAME everywhere: on the command line, in the
records, in work/. Everything a check needs is in the exercise's own directory; nothing of a learner's is ever run as a check.
"""
from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path

from .. import build_folder
from . import jsonschema_subset
from .sandbox import Limits

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
STATUSES = ("passed", "wrong", "compile_error", "crash", "sanitizer", "deadlock", "timeout", "memory",
            "too_many_processes", "not_run")


class ExerciseError(Exception):
    """Something a person can mend: a wrong name, a missing file, a broken exercise.json. The text is one sentence."""


@dataclass(frozen=True)
class Check:
    """One named test case of check.cpp and what it is worth."""

    name: str
    points: float
    visibility: str = "visible"


@dataclass(frozen=True)
class Wrong:
    """A plausible wrong answer: which check must reject it, with which status, saying what."""

    path: Path
    check: str
    status: str
    says: str


@dataclass(frozen=True)
class Exercise:
    """One exercise as its directory describes it."""

    id: str
    path: Path
    stage: Path
    title: str
    kind: str
    minutes: int
    checks: tuple[Check, ...]
    starter_fails: tuple[str, ...]
    files: tuple[str, ...] = ()
    sanitize: bool = False
    limits: Limits = field(default_factory=Limits)
    overlay: Path | None = None

    @property
    def max(self) -> float:
        """All points there are."""
        return sum(check.points for check in self.checks)

    def file(self, name: str) -> Path:
        """A file of the exercise; a teacher's overlay comes first."""
        laid_over = self.overlay / name if self.overlay else None
        return laid_over if laid_over and laid_over.is_file() else self.path / name


@dataclass(frozen=True)
class Places:
    """Where things are: the repository, the learners' answers, a teacher's overlay of checks."""

    root: Path
    work: Path
    overlay: Path | None = None

    @property
    def cache(self) -> Path:
        """Compiled parts that many checks share."""
        return build_folder.of(self.root) / "exercises"

    def answer(self, exercise: Exercise) -> Path:
        """The learner's file."""
        return self.work / exercise.id / "answer.cpp"


def schema(name: str) -> dict:
    """One of our schemas, by its short name."""
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


def read_description(path: Path) -> dict:
    """exercise.json, validated."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExerciseError(f"{path} is missing") from None
    except json.JSONDecodeError as error:
        raise ExerciseError(f"{path} is not JSON: {error}") from None
    problems = jsonschema_subset.errors(data, schema("exercise"))
    if problems:
        raise ExerciseError(f"{path} breaks exercise.schema.json: {problems[0]}")
    return data


def _limits(data: dict) -> Limits:
    known = {f.name for f in fields(Limits)}
    return Limits(**{name: value for name, value in data.get("limits", {}).items() if name in known})


def load(path: Path, overlay_root: Path | None = None) -> Exercise:
    """Reads one exercise directory."""
    stage, name = path.parent.parent, id_of(path)
    overlay = overlay_root / name if overlay_root else None
    described = overlay / "exercise.json" if overlay and (overlay / "exercise.json").is_file() else path / "exercise.json"
    data = read_description(described)
    checks = tuple(Check(c["name"], c["points"], c.get("visibility", "visible")) for c in data["checks"])
    return Exercise(name, path, stage, data["title"], data["kind"], data["minutes"], checks,
                    tuple(data["starter_fails"]), tuple(data.get("files", ())), data.get("sanitize", False),
                    _limits(data), overlay)


def directories(root: Path) -> list[Path]:
    """All exercise directories, in the order of the chapters and then by name."""
    found = root.glob("chapters/[0-9][0-9]-*/exercises/*/")
    return sorted(path for path in found if path.is_dir())


def id_of(path: Path) -> str:
    """What the exercise in that directory is called everywhere: 02/name."""
    return f"{path.parent.parent.name[:2]}/{path.name}"


def locate(places: Places, wanted: str) -> Path:
    """Where the exercise of that name is: 02/name, 02-sleep/name, or the bare name where only one has it."""
    known = {id_of(path): path for path in directories(places.root)}
    chapter, _, name = wanted.strip("/").rpartition("/")
    hits = [key for key in known if key.endswith(f"/{name}") and key.startswith(chapter[:2] if chapter else "")]
    if len(hits) == 1:
        return known[hits[0]]
    choices = ", ".join(hits or known) or "none yet"
    if not wanted:
        raise ExerciseError(f"which exercise? Say EX=NN/name, one of: {choices}")
    raise ExerciseError(f"{'several exercises are' if hits else 'no exercise is'} called {wanted!r}; say EX=NN/name, "
                        f"one of: {choices}")


def find(places: Places, wanted: str) -> Exercise:
    """The exercise of that name."""
    return load(locate(places, wanted), places.overlay)


def choose(places: Places, wanted: str) -> list[Path]:
    """Where the named exercise is, or a chapter's (`02`), or all; none of them is read yet."""
    found = directories(places.root)
    if re.fullmatch(r"\d\d(-[\w-]+)?/?", wanted):
        chosen = [path for path in found if id_of(path)[:2] == wanted[:2]]
        if chosen:
            return chosen
    return [locate(places, wanted)] if wanted else found


def select(places: Places, wanted: str) -> list[Exercise]:
    """The named exercise, a chapter's (`02`), or all."""
    return [load(path, places.overlay) for path in choose(places, wanted)]


def hints(exercise: Exercise) -> list[tuple[str, str]]:
    """The hints in order, each a heading and a text."""
    path = exercise.path / "hints.md"
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = re.split(r"^## +(.+)$", text, flags=re.MULTILINE)[1:]
    return [(heading.strip(), body.strip("\n").rstrip()) for heading, body in zip(parts[::2], parts[1::2])]


def wrong_answers(exercise: Exercise) -> list[Wrong]:
    """The wrong answers with what their first lines claim."""
    return [_read_wrong(path) for path in sorted((exercise.path / "wrong").glob("*.cpp"))]


def _read_wrong(path: Path) -> Wrong:
    lines = path.read_text(encoding="utf-8").splitlines()[:3]
    claims = []
    for line, key in zip(lines + [""] * 3, ("rejected by", "status", "says")):
        match = re.fullmatch(rf"// {key}: (.+)", line.rstrip())
        if not match:
            raise ExerciseError(f"{path}: its first three lines must be '// rejected by: CHECK', '// status: STATUS' and "
                                f"'// says: FRAGMENT', but '// {key}: …' is not in its place")
        claims.append(match.group(1).strip())
    if claims[1] not in STATUSES:
        raise ExerciseError(f"{path}: the status {claims[1]!r} is none of {', '.join(STATUSES)}")
    return Wrong(path, *claims)

"""The commands that the Python programs of the tree call: subprocess, os.exec*, shutil.which.

A command is seldom written inside the call itself. It is in a list with a name, in a default, or in an argument of a
function of ours that hands it on. So the value is followed backwards, from the call to the literals: through variables,
constants of other modules, parameters (to every call of the function), return values, `a + b`, `x if y else z` and
`[*prefix, "word"]`. What cannot be followed is unknown, and an unknown name is no finding: this finds literals.
"""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from pathlib import Path

from . import in_shell
from .words import UNKNOWN, Text, Word, commands

SINKS = {  # what a function takes first: a list of words, the first of several words, one name, a text for sh
    **dict.fromkeys(("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_call",
                     "subprocess.check_output"), "list"),
    **dict.fromkeys(("asyncio.create_subprocess_exec", "os.execlp", "os.spawnlp"), "words"),
    **dict.fromkeys(("shutil.which", "os.execv", "os.execve", "os.execvp", "os.execvpe", "os.posix_spawn",
                     "os.posix_spawnp"), "name"),
    **dict.fromkeys(("os.system", "os.popen", "asyncio.create_subprocess_shell", "subprocess.getoutput"), "text"),
}
SAME_WORDS = ("list", "tuple", "sorted", "reversed", "set", "str")  # calls that give what they are given
MOST_VALUES = 64  # of one expression; the rest is left out
MOST_STEPS = 64  # backwards from one call
FIRST_LINE = re.compile(rb"#!\s*/usr/bin/env python3?\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Scope = Function | ast.Module | ast.ClassDef | ast.Lambda
Words = tuple[Word, ...]


def is_python(path: Path) -> bool:
    return path.suffix == ".py" or bool(FIRST_LINE.match(path.read_bytes()[:40]))


@dataclass(frozen=True)
class Binding:
    """How a name of a module gets a value: from an expression, from each element of one, or as a parameter of a function."""

    module: Module
    name: str
    how: str  # "value", "element", "parameter"
    node: ast.AST


class Module:
    """One file: what its names are bound to, and what encloses what."""

    def __init__(self, path: Path, root: Path) -> None:
        self.file, self.name = path.relative_to(root).as_posix(), path.stem
        self.tree = ast.parse(path.read_bytes(), str(path))
        self._parent = {child: node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}

    @cached_property
    def _bindings(self) -> dict[ast.AST, dict[str, list[Binding]]]:
        found: dict[ast.AST, dict[str, list[Binding]]] = defaultdict(lambda: defaultdict(list))
        for node in ast.walk(self.tree):
            scope = node if isinstance(node, Scope) else self.scope(node)
            for name, how, source in _bound_by(node):
                found[scope][name].append(Binding(self, name, how, source))
        return found

    @cached_property
    def imports(self) -> dict[str, tuple[str, str]]:
        """Local name -> (module, name in it); the second is empty for a module."""
        found = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                found |= {alias.asname or alias.name: (alias.name.split(".")[-1], "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                home = (node.module or "").split(".")[-1]
                found |= {alias.asname or alias.name: (home, alias.name) for alias in node.names}
        return found

    @cached_property
    def functions(self) -> dict[str, list[Function]]:
        found = defaultdict(list)
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                found[self.called_as(node)].append(node)
        return found

    @cached_property
    def attributes(self) -> dict[str, list[ast.AST]]:
        """What is assigned to `self.name` or in the body of a class, for all classes of the file."""
        found = defaultdict(list)
        for node in ast.walk(self.tree):
            for target, value in _assignments(node):
                if isinstance(target, ast.Attribute):
                    found[target.attr].append(value)
                elif isinstance(target, ast.Name) and isinstance(self.scope(node), ast.ClassDef):
                    found[target.id].append(value)
        return found

    def scope(self, node: ast.AST) -> ast.AST:
        """The function, class or module whose names are looked up first."""
        node = self._parent.get(node, self.tree)
        while not isinstance(node, Scope):
            node = self._parent[node]
        return node

    def home_class(self, function: ast.AST) -> ast.ClassDef | None:
        scope = self.scope(function)
        return scope if isinstance(scope, ast.ClassDef) else None

    def called_as(self, function: Function) -> str:
        """A constructor is called by the name of its class."""
        home = self.home_class(function)
        return home.name if home and function.name == "__init__" else function.name

    def bound(self, name: ast.Name) -> list[Binding]:
        """The bindings of the innermost scope that has the name."""
        scope = self.scope(name)
        while True:
            found = self._bindings[scope][name.id]
            if found or scope is self.tree:
                return found
            scope = self.scope(scope)

    def bound_at_top(self, name: str) -> list[Binding]:
        return self._bindings[self.tree][name]


def _assignments(node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
    """(target, value) of an assignment; `a, b = x, y` is two."""
    if isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value:
        yield node.target, node.value
    if not isinstance(node, ast.Assign):
        return
    for target in node.targets:
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield from zip(target.elts, node.value.elts)
        else:
            yield target, node.value


def _bound_by(node: ast.AST) -> Iterator[tuple[str, str, ast.AST]]:
    """(name, how, node) of each binding that this node makes."""
    for target, value in _assignments(node):
        if isinstance(target, ast.Name):
            yield target.id, "value", value
    if isinstance(node, (ast.For, ast.comprehension)) and isinstance(node.target, ast.Name):
        yield node.target.id, "element", node.iter
    if isinstance(node, Function):
        a = node.args
        for argument in (*a.posonlyargs, *a.args, *a.kwonlyargs, *filter(None, [a.vararg])):
            yield argument.arg, "parameter", node


Place = tuple[Module, ast.AST]  # an expression, and the module in which its names have a meaning


class Evaluator:
    """The lists of words and the strings that an expression can be, as far as the sources tell."""

    def __init__(self, modules: Sequence[Module]) -> None:
        self._modules: dict[str, list[Module]] = defaultdict(list)
        self._calls: dict[str, list[tuple[Module, ast.Call]]] = defaultdict(list)
        self._open = set[tuple[str, int]]()
        for module in modules:
            self._modules[module.name].append(module)
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call):
                    self._calls[_last_name(node.func)].append((module, node))

    def lists(self, module: Module, node: ast.AST) -> list[Words]:
        return self._once("list", module, node, self._lists)

    def names(self, module: Module, node: ast.AST) -> list[Word]:
        return self._once("name", module, node, self._names)

    def _once(self, kind: str, module: Module, node: ast.AST, work: Callable[[Module, ast.AST], Iterable]) -> list:
        """A value that is made from itself, as in a function that calls itself, adds nothing to what it is."""
        key = (kind, id(node))
        if key in self._open or len(self._open) > MOST_STEPS:
            return []
        self._open.add(key)
        try:
            return list(islice(dict.fromkeys(work(module, node)), MOST_VALUES))
        finally:
            self._open.discard(key)

    # --- lists of words ---

    def _lists(self, module: Module, node: ast.AST) -> Iterator[Words]:
        if isinstance(node, (ast.List, ast.Tuple)):
            yield from self._joined([self._element(module, element) for element in node.elts])
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield (Word(node.value, module.file, node.lineno),)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            yield from self._joined([self.lists(module, side) or [_unknown(module)] for side in (node.left, node.right)])
        elif isinstance(node, (ast.ListComp, ast.GeneratorExp)) and _only_renames(node):
            yield from self.lists(module, node.generators[0].iter)
        else:
            for place in self._what_it_is(module, node):
                yield from self.lists(*place)

    def _element(self, module: Module, node: ast.AST) -> list[Words]:
        if isinstance(node, ast.Starred):
            return self.lists(module, node.value) or [_unknown(module)]
        return [(word,) for word in self.names(module, node)] or [_unknown(module)]

    @staticmethod
    def _joined(parts: Sequence[list[Words]]) -> Iterator[Words]:
        """Every choice of one list of words per part, joined."""
        for choice in islice(product(*parts), MOST_VALUES):
            yield tuple(word for words in choice for word in words)

    # --- strings ---

    def _names(self, module: Module, node: ast.AST) -> Iterator[Word]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield Word(node.value, module.file, node.lineno)
        elif isinstance(node, ast.JoinedStr):
            parts = [part.value if isinstance(part, ast.Constant) else UNKNOWN for part in node.values]
            yield Word("".join(parts), module.file, node.lineno)
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            for left, right in product(self.names(module, node.left), self.names(module, node.right)):
                yield Word(left.text + right.text, left.file, left.line)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value == 0:
            yield from (words[0] for words in self.lists(module, node.value) if words)
        else:
            for place in self._what_it_is(module, node):
                yield from self.names(*place)

    # --- one step backwards ---

    def _what_it_is(self, module: Module, node: ast.AST) -> Iterator[Place]:
        """The expressions whose value this one has."""
        if isinstance(node, ast.IfExp):
            yield from ((module, node.body), (module, node.orelse))
        elif isinstance(node, ast.BoolOp):
            yield from ((module, value) for value in node.values)
        elif isinstance(node, ast.Call):
            yield from self._results(module, node)
        elif isinstance(node, ast.Name):
            yield from self._bound(module.bound(node) or self._imported(module, node.id))
        elif isinstance(node, ast.Attribute):
            yield from self._attribute(module, node)

    def _bound(self, bindings: Iterable[Binding]) -> Iterator[Place]:
        for binding in bindings:
            if binding.how == "value":
                yield binding.module, binding.node
            elif binding.how == "element":
                yield from self._elements(binding.module, binding.node)
            else:
                yield from self._arguments(binding.module, binding.node, binding.name)

    def _imported(self, module: Module, name: str) -> Iterator[Binding]:
        home, original = module.imports.get(name, ("", ""))
        for other in self._modules[home] if original else ():
            yield from other.bound_at_top(original)

    def _attribute(self, module: Module, node: ast.Attribute) -> Iterator[Place]:
        """`module.NAME`, or an attribute that a class of this file sets."""
        others = self._module_named(module, node.value)
        for other in others:
            yield from self._bound(other.bound_at_top(node.attr))
        if not others:
            yield from ((module, value) for value in module.attributes[node.attr])

    def _module_named(self, module: Module, node: ast.AST) -> list[Module]:
        if not isinstance(node, ast.Name) or node.id not in module.imports:
            return []
        home, original = module.imports[node.id]
        return self._modules[original or home]

    def _elements(self, module: Module, node: ast.AST) -> Iterator[Place]:
        """What a loop over the expression goes through."""
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            for element in node.elts:
                starred = isinstance(element, ast.Starred)
                yield from self._elements(module, element.value) if starred else [(module, element)]
        elif isinstance(node, (ast.Name, ast.Attribute, ast.IfExp, ast.BoolOp, ast.Call)):
            key = ("elements", id(node))
            if key not in self._open:
                self._open.add(key)
                for place in list(self._what_it_is(module, node)):
                    yield from self._elements(*place)
                self._open.discard(key)

    # --- functions ---

    def _results(self, module: Module, call: ast.Call) -> Iterator[Place]:
        """What a call returns: what the function of ours returns, or for `list(x)` and the like what it is given."""
        name = _last_name(call.func)
        if call.args and (name in SAME_WORDS or name in ("map", "which")):
            yield module, call.args[-1 if name == "map" else 0]
        for home, function in self._functions_called(module, call):
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and node.value and home.scope(node) is function:
                    yield home, node.value

    def _functions_called(self, module: Module, call: ast.Call) -> Iterator[tuple[Module, Function]]:
        name, called = _last_name(call.func), call.func
        if isinstance(called, ast.Attribute):
            homes = self._module_named(module, called.value) or [module]
        else:
            homes = self._modules[module.imports[name][0]] if name in module.imports else [module]
        for home in homes:
            yield from ((home, function) for function in home.functions.get(name, ()))

    def _arguments(self, module: Module, function: Function, name: str) -> Iterator[Place]:
        """What every call of the function passes for the parameter, and its default."""
        a = function.args
        places = [*a.posonlyargs, *a.args]
        index = next((index for index, argument in enumerate(places) if argument.arg == name), len(places))
        index -= bool(module.home_class(function)) and bool(places) and places[0].arg in ("self", "cls")
        for home, call in self._calls_of(module, function):
            yield from ((home, node) for node in _passed(call, index, name, a.vararg is not None and a.vararg.arg == name))
        defaults = dict(zip([argument.arg for argument in reversed(places)], reversed(a.defaults)))
        defaults |= {argument.arg: value for argument, value in zip(a.kwonlyargs, a.kw_defaults) if value}
        if name in defaults:
            yield module, defaults[name]

    def _calls_of(self, module: Module, function: Function) -> Iterator[tuple[Module, ast.Call]]:
        is_method = module.home_class(function) is not None and function.name != "__init__"
        for other, call in self._calls[module.called_as(function)]:
            if self._is_call_of(other, call, module, is_method):
                yield other, call

    def _is_call_of(self, caller: Module, call: ast.Call, module: Module, is_method: bool) -> bool:
        """Whether a call with the function's name means the one of `module`. The class of an object is not known here, so
        a method counts as called wherever its name is used on an object, in its own module and in those that import it."""
        if isinstance(call.func, ast.Attribute):
            named = self._module_named(caller, call.func.value)
            known = {name for pair in caller.imports.values() for name in pair}
            outside = isinstance(call.func.value, ast.Name) and call.func.value.id in caller.imports and not named
            return module in named or (is_method and not named and not outside and (caller is module or module.name in known))
        return caller is module or caller.imports.get(_last_name(call.func), ("", ""))[0] == module.name


def _passed(call: ast.Call, index: int, name: str, is_rest: bool) -> Iterator[ast.AST]:
    """The expression that a call passes for the parameter at `index`; the rest of the arguments for `*name`."""
    if is_rest:
        yield ast.List(elts=call.args[index:], ctx=ast.Load())
    elif index < len(call.args) and not any(isinstance(node, ast.Starred) for node in call.args[:index + 1]):
        yield call.args[index]
    yield from (keyword.value for keyword in call.keywords if keyword.arg == name)


def _last_name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _unknown(module: Module) -> Words:
    return (Word(UNKNOWN, module.file, 0),)


def _only_renames(node: ast.ListComp | ast.GeneratorExp) -> bool:
    """`[str(word) for word in words]` has the words of `words`."""
    element = node.elt
    if isinstance(element, ast.Call) and _last_name(element.func) == "str" and len(element.args) == 1:
        element = element.args[0]
    return isinstance(element, ast.Name) and len(node.generators) == 1 and _last_name(node.generators[0].target) == element.id


# --- the calls that start a program ---


def called(paths: Iterable[Path], root: Path) -> Iterator[Word]:
    """Every command that the programs call, each place once. A file that is no Python is lint's to report, not ours."""
    modules = [module for path in paths if (module := _module(path, root))]
    evaluator = Evaluator(modules)
    found = (word for module in modules for words in _started(module, evaluator) for word in _commands(words))
    yield from dict.fromkeys(found)


def _module(path: Path, root: Path) -> Module | None:
    try:
        return Module(path, root)
    except SyntaxError:
        return None


def _started(module: Module, evaluator: Evaluator) -> Iterator[Sequence[Word]]:
    """The words of each command that the module starts or looks for."""
    for call in ast.walk(module.tree):
        kind = SINKS.get(_dotted(module, call.func), "") if isinstance(call, ast.Call) else ""
        first = next(iter(call.args), None) or next((k.value for k in call.keywords if k.arg == "args"), None) if kind else None
        if first is None:
            continue
        if kind == "text" or any(keyword.arg == "shell" and ast.unparse(keyword.value) != "False" for keyword in call.keywords):
            yield from ((Word("sh", word.file, word.line), Word("-c", word.file, word.line), word)
                        for word in evaluator.names(module, first))
        elif kind == "name":
            yield from ((word,) for word in evaluator.names(module, first))
        else:
            yield from evaluator.lists(module, ast.List(elts=call.args, ctx=ast.Load()) if kind == "words" else first)


def _dotted(module: Module, node: ast.AST) -> str:
    """`subprocess.run`, also if it was imported by itself."""
    if isinstance(node, ast.Name):
        home, original = module.imports.get(node.id, ("", ""))
        return f"{home}.{original}"
    return ast.unparse(node)


def _commands(words: Sequence[Word]) -> Iterator[Word]:
    for found in commands(words):
        if isinstance(found, Text):
            yield from in_shell.Script(found.word.text, found.word.file, found.word.line).called()
        else:
            yield found

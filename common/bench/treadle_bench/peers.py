"""Which peers are here, and how the missing ones come: apt-get, unless NO_INSTALL=1 forbids it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

from treadle_tools.compiler import Compiler

from .rows import Row

PACKAGES = {"asio": "libasio-dev", "libuv": "libuv1-dev", "uvloop": "python3-uvloop", "nginx": "nginx-light"}
HEADERS = {"asio": "asio.hpp", "libuv": "uv.h"}


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def has_header(compiler: Compiler, header: str) -> bool:
    """Asks the compiler itself, so that CPATH and the like count."""
    command = [*compiler.command, "-std=c++20", "-x", "c++", "-fsyntax-only", "-"]
    probe = f'#if !__has_include(<{header}>)\n#error "missing"\n#endif\n'
    try:
        return subprocess.run(command, input=probe, text=True, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def imports(python: str, module: str) -> bool:
    command = [python, "-c", f"import {module}"]
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def python_for_peers() -> str:
    """asyncio and uvloop run on the same Python: one that has uvloop, where there is one."""
    for python in (sys.executable, "/usr/bin/python3"):
        if imports(python, "uvloop"):
            return python
    return sys.executable


def nginx() -> str | None:
    """The program, which Debian puts where only root looks."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def is_missing(row: Row, compiler: Compiler) -> bool:
    if row.is_nginx:
        return nginx() is None
    if row.name in HEADERS:
        return not has_header(compiler, HEADERS[row.name])
    return row.name == "uvloop" and not imports(python_for_peers(), "uvloop")


def may_install() -> bool:
    return os.environ.get("NO_INSTALL") != "1" and shutil.which("apt-get") is not None


def as_root() -> list[str] | None:
    """The prefix that makes a command root's, or None where that cannot be had."""
    if os.geteuid() == 0:
        return []
    return ["sudo"] if shutil.which("sudo") else None


def install(packages: list[str]) -> bool:
    """Installs Debian packages; False where that is forbidden, impossible or fails."""
    prefix = as_root()
    if not packages or not may_install() or prefix is None:
        return not packages
    say(f"bench: installing {' '.join(packages)} with apt-get (NO_INSTALL=1 would leave them out)")
    command = [*prefix, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "--no-install-recommends"]
    if subprocess.run([*command, *packages], stdout=subprocess.DEVNULL, check=False).returncode == 0:
        return True
    subprocess.run([*prefix, "apt-get", "update"], stdout=subprocess.DEVNULL, check=False)
    return subprocess.run([*command, *packages], stdout=subprocess.DEVNULL, check=False).returncode == 0


def require(program: str, package: str) -> bool:
    """A program that the driver itself needs; installs its package where that is allowed."""
    return shutil.which(program) is not None or (install([package]) and shutil.which(program) is not None)


def available(rows: list[Row], compiler: Compiler) -> list[Row]:
    """The rows that can be measured here, after installing what may be installed; a line for each that cannot."""
    missing = [row for row in rows if is_missing(row, compiler)]
    install([PACKAGES[row.name] for row in missing])
    for row in missing:
        if is_missing(row, compiler):
            say(f"bench: {row.name} is left out: {PACKAGES[row.name]} (as Debian calls it) is not installed")
    return [row for row in rows if row not in missing or not is_missing(row, compiler)]

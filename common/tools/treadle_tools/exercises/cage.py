"""Runs one program under limits and reports how it ended.

It is a program of its own, started once per run, because of two things that only a whole process can have: it is the
"subreaper" of everything the caged program starts, so a grandchild that leaves its session is still found and killed;
and if it is killed itself, the kernel kills the caged program with it. It reads one JSON object (the order) from stdin
and writes one (the outcome) to stdout. It imports nothing but the standard library and runs with `python3 -I -S`.

Limits are enforced twice where they can be: by the kernel (rlimits), which is exact but counts per process and lets
root through, and by looking at the whole family of processes every few milliseconds.
"""
from __future__ import annotations

import ctypes
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 36, 38
MB = 1024 * 1024
TICK = 0.02


def prctl(option: int, value: int) -> None:
    """Calls prctl(2) where there is one; elsewhere the process group has to do."""
    try:
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass


def free_uid() -> int | None:
    """A user id of its own for this run, when we are root: then rlimits hold and one kill() reaches everything."""
    if os.geteuid() != 0:
        return None
    uid = 52000 + os.getpid() % 8000
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            spans = [[int(word) for word in line.split()] for line in file]
    except OSError:
        return None
    return uid if any(first <= uid < first + count for first, _, count in spans) else None


# --- the family of processes --------------------------------------------------------------------------------------


class Member:
    """One process as seen now: who started it and what it uses."""

    def __init__(self, pid: int, ppid: int, state: str, cpu: float, threads: int, rss: int, owner: int):
        self.pid, self.ppid, self.state, self.owner = pid, ppid, state, owner
        self.cpu, self.threads, self.rss = cpu, threads, rss


HZ = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def read_member(pid: str) -> Member | None:
    """Reads /proc/PID/stat; None if the process went away meanwhile."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            owner = os.fstat(file.fileno()).st_uid
            rest = file.read().rpartition(b")")[2].split()
    except OSError:
        return None
    cpu = sum(int(field) for field in rest[11:15]) / HZ
    return Member(int(pid), int(rest[1]), rest[0].decode(), cpu, int(rest[17]), int(rest[21]) * PAGE, owner)


def all_members() -> list[Member]:
    """Every process of the machine; from ps(1) where there is no /proc."""
    if os.path.isdir("/proc/self"):
        found = (read_member(name) for name in os.listdir("/proc") if name.isdigit())
        return [member for member in found if member]
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,state=,rss=,uid="], capture_output=True, text=True, check=False)
    rows = [line.split() for line in listing.stdout.splitlines()]
    return [Member(int(r[0]), int(r[1]), r[2][0], 0.0, 1, int(r[3]) * 1024, int(r[4])) for r in rows if len(r) == 5]


def family(me: int) -> list[Member]:
    """Everything that descends from this process, living or waiting to be reaped."""
    members = all_members()
    known, grew = {me}, True
    while grew:
        more = {m.pid for m in members if m.ppid in known} - known
        known |= more
        grew = bool(more)
    return [m for m in members if m.pid in known and m.pid != me]


# --- the caged side of the fork -----------------------------------------------------------------------------------


def limit(kind: str, soft: int, hard: int | None = None) -> None:
    """Sets one rlimit, never above what we were given ourselves; unknown on this system means unlimited."""
    which = getattr(resource, kind, None)
    if which is None:
        return
    ceiling = resource.getrlimit(which)[1]
    hard = soft if hard is None else hard
    if ceiling != resource.RLIM_INFINITY:
        soft, hard = min(soft, ceiling), min(hard, ceiling)
    try:
        resource.setrlimit(which, (soft, hard))
    except (OSError, ValueError):
        pass


def set_limits(order: dict, uid: int | None, in_use: int) -> None:
    """The kernel's half of the limits. Processes are counted per user, so without an own user we add what is in use."""
    cpu = max(1, int(order["cpu"] + 0.999))
    limit("RLIMIT_CPU", cpu, cpu + 2)
    limit("RLIMIT_CORE", 0)
    limit("RLIMIT_FSIZE", int(order["file_mb"] * MB))
    limit("RLIMIT_NOFILE", int(order["files"]))
    spare = 8  # the kernel stops a bomb a little above the limit, so that the limit is seen to be passed
    limit("RLIMIT_NPROC", int(order["processes"]) + spare + (0 if uid is not None else in_use))
    if order["address_space"]:
        limit("RLIMIT_AS", int((order["memory_mb"] + 1024) * MB))


def become(order: dict, uid: int | None, in_use: int, out: int, err: int) -> None:
    """Turns the forked child into the caged program; only returns by exception."""
    os.setsid()
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    for name in ("SIGPIPE", "SIGXFSZ"):  # Python ignores these; a C++ program must find the defaults
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    set_limits(order, uid, in_use)
    if uid is not None:
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # setuid clears it
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    os.chdir(order["cwd"])
    os.execve(order["argv"][0], order["argv"], order["env"])


def start(order: dict, uid: int | None) -> tuple[int, int, int, int]:
    """Forks the program; gives its pid, the ends of its output pipes and of a pipe that carries a failed start."""
    in_use = 0 if uid is not None else sum(m.threads for m in all_members() if m.owner == os.getuid())
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    bad_r, bad_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            become(order, uid, in_use, out_w, err_w)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must hear of it
            os.write(bad_w, str(error).encode())
        os._exit(127)
    for fd in (out_w, err_w, bad_w):
        os.close(fd)
    return pid, out_r, err_r, bad_r


# --- watching -----------------------------------------------------------------------------------------------------


class Capture:
    """Reads the program's output and keeps the beginning of it; the rest is read and thrown away."""

    def __init__(self, fds: dict[str, int], cap: int):
        self.fds, self.cap = fds, cap
        self.kept = {name: b"" for name in fds}
        self.cut = False
        self.poller = select.poll()
        for fd in fds.values():
            os.set_blocking(fd, False)
            self.poller.register(fd, select.POLLIN | select.POLLHUP)

    def read(self, seconds: float) -> None:
        """Takes what has come, waiting at most so long for something to come."""
        if not self.fds:
            time.sleep(seconds)
            return
        ready = {fd for fd, _ in self.poller.poll(seconds * 1000)}
        for name, fd in list(self.fds.items()):
            if fd in ready:
                self._take(name, fd)

    def _take(self, name: str, fd: int) -> None:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        if not data:
            self.poller.unregister(fd)
            del self.fds[name]
            return
        room = self.cap - len(self.kept[name])
        self.kept[name] += data[:max(room, 0)]
        self.cut = self.cut or len(data) > room

    def drain(self) -> None:
        """Takes what is left in the pipes now that everybody who could write is dead."""
        end = time.monotonic() + 0.2
        while self.fds and time.monotonic() < end:
            before = sum(map(len, self.kept.values()))
            self.read(0.01)
            if sum(map(len, self.kept.values())) == before:
                return


class Watch:
    """Decides, look by look, whether the family has used up one of its limits."""

    def __init__(self, order: dict, parent: int):
        self.order, self.parent = order, parent
        self.began = self.moved = time.monotonic()
        self.cpu = self.rss = 0.0
        self.peak_rss = self.peak_processes = 0

    def verdict(self) -> str | None:
        """The name of the limit that is used up, or None."""
        now = time.monotonic()
        members = [m for m in family(os.getpid()) if m.state != "Z"]
        self._measure(members, now)
        if os.getppid() != self.parent:
            return "abandoned"
        if self.peak_processes > self.order["processes"]:
            return "processes"
        if self.rss > self.order["memory_mb"] * MB:
            return "memory"
        if self.cpu > self.order["cpu"]:
            return "cpu"
        if now - self.began > self.order["wall"]:
            return "wall"
        return "idle" if now - self.moved > self.order["idle"] else None

    def _measure(self, members: list[Member], now: float) -> None:
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = sum(m.cpu for m in members) + used.ru_utime + used.ru_stime
        if cpu > self.cpu + 0.005 or any(m.state in "RD" for m in members):
            self.moved = now
        self.cpu = max(cpu, self.cpu)
        self.rss = sum(m.rss for m in members)
        self.peak_rss = max(self.peak_rss, int(self.rss))
        self.peak_processes = max(self.peak_processes, sum(m.threads for m in members))


def reap(pid: int) -> int | None:
    """Reaps everything that ended; gives the wait status of the program itself once it has one."""
    status = None
    while True:
        try:
            found, value = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status
        if found == 0:
            return status
        if found == pid:
            status = value


def kill_user(uid: int) -> None:
    """Kills every process of the run's own user at once, which no fork can outrun."""
    helper = os.fork()
    if helper == 0:
        try:
            os.setgid(uid)
            os.setuid(uid)
            os.kill(-1, signal.SIGKILL)
        except OSError:
            pass
        os._exit(0)
    os.waitpid(helper, 0)


def kill_all(pid: int, uid: int | None) -> int | None:
    """Kills the program and everything it started, until nothing is left; gives the program's wait status."""
    status, end = None, time.monotonic() + 5
    while time.monotonic() < end:
        if uid is not None:
            kill_user(uid)
        alive = [m.pid for m in family(os.getpid())]
        for victim in alive:
            try:
                os.kill(victim, signal.SIGKILL)
            except OSError:
                pass
        status = reap(pid) if status is None else (reap(pid), status)[1]
        if not alive:
            break
        time.sleep(0.002)
    return status


def supervise(order: dict, pid: int, uid: int | None, capture: Capture, watch: Watch) -> tuple[str, int | None]:
    """Waits until the program ends or a limit is used up; in both cases nothing of it is left alive."""
    why, status, looked = "exit", None, time.monotonic()
    while status is None:
        capture.read(0.002 if time.monotonic() - watch.began < 0.05 else TICK)
        status = reap(pid)
        if status is None and time.monotonic() - looked >= TICK / 2:
            looked = time.monotonic()
            why = watch.verdict() or "exit"
            if why != "exit":
                break
    if status is not None and watch.verdict() == "processes":
        why = "processes"  # it is over, but this is what it left running
    left = kill_all(pid, uid)
    capture.drain()
    return why, status if status is not None else left


def run(order: dict) -> dict:
    """Carries out one order."""
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    uid = free_uid() if order["drop"] else None
    for path in order["give"] if uid is not None else []:
        os.chown(path, uid, uid)
    watch = Watch(order, os.getppid())
    pid, out, err, bad = start(order, uid)
    capture = Capture({"stdout": out, "stderr": err}, int(order["output_kb"] * 1024))
    why, status = supervise(order, pid, uid, capture, watch)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    error = os.read(bad, 4096).decode(errors="replace")
    code = None if status is None else os.waitstatus_to_exitcode(status)
    return {
        "ended": why, "exit": code if code is not None and code >= 0 else None,
        "signal": -code if code is not None and code < 0 else None,
        "stdout": capture.kept["stdout"].decode(errors="replace"),
        "stderr": capture.kept["stderr"].decode(errors="replace"), "cut": capture.cut,
        "wall": time.monotonic() - watch.began, "cpu": max(watch.cpu, used.ru_utime + used.ru_stime),
        "peak_mb": max(watch.peak_rss / MB, 0), "peak_processes": watch.peak_processes, "error": error,
    }


def main() -> None:
    """Reads the order, writes the outcome. A request to end (Ctrl-C) kills the caged program first."""
    for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(name, lambda *_: (kill_all(0, None), os._exit(1)))
    json.dump(run(json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()

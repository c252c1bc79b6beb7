"""Starts a worker with limits, watches it, and ends everything that it started. Plain Python 3.6, standard library only.

Run as ``<stack python> -I sandbox.py SETTINGS PROGRAM...``; SETTINGS is JSON (``runner.Worker`` makes it). On Linux the program
gets, as far as the system permits, a network without interfaces, process numbers of its own and a ``/proc`` that shows no
other process; this process stays outside, counts the processes inside, and ends all of them when the program ends, when they
are too many, when it is told to (SIGTERM), or when its own parent is gone. Elsewhere on POSIX the limits are all there is.

The program finds in ``KMIGRATE_ISOLATION`` (JSON) what was permitted: null for each part that is in force, else the reason.
"""

import ctypes
import errno
import json
import os
import shutil
import signal
import sys

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
MS_REC_PRIVATE, MS_NOSUID_NODEV_NOEXEC = 0x44000, 0xE
TICK_S = 0.1
WATCHED = {signal.SIGCHLD, signal.SIGTERM}


def limit_resources(settings):
    import resource

    limits = [("RLIMIT_CORE", 0), ("RLIMIT_FSIZE", settings["file_mb"] << 20)]
    if settings["memory_mb"]:
        limits.append(("RLIMIT_AS", settings["memory_mb"] << 20))
    for name, most in limits:
        try:
            resource.setrlimit(getattr(resource, name), (most, most))
        except (AttributeError, ValueError, OSError):
            pass  # macOS has no limit of address space, and a container may have a lower one


# --- what only Linux has ------------------------------------------------------------------------------------


def system_call(name, *arguments):
    """Call a function of the C library. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def separate(settings):
    """Leave the network and the process numbers of the system: {part: None, or why not}."""
    if not settings["namespaces"]:
        return {"network": "not asked for", "processes": "not asked for"}
    parts = {"network": CLONE_NEWNET, "processes": CLONE_NEWPID}
    user, group = os.getuid(), os.getgid()
    try:
        system_call("unshare", CLONE_NEWNET | CLONE_NEWPID)
        return dict.fromkeys(parts)
    except OSError as error:
        reason = str(error)
    try:
        # Not root: a user namespace gives the right to have the others.
        system_call("unshare", CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWPID)
    except OSError as error:
        return dict.fromkeys(parts, "%s; in a user namespace: %s" % (reason, error))
    for name, text in (("setgroups", "deny"), ("uid_map", "%d %d 1" % (user, user)), ("gid_map", "%d %d 1" % (group, group))):
        try:
            with open("/proc/self/" + name, "w") as handle:
                handle.write(text)
        except OSError:
            pass  # some systems permit no map: the program then sees its user as nobody, and files are the user's all the same
    return dict.fromkeys(parts)


def hide_other_processes():
    """Mount a /proc of this process namespace: what the environment of other processes holds is not for the program."""
    try:
        system_call("unshare", CLONE_NEWNS)
        system_call("mount", b"none", b"/", None, MS_REC_PRIVATE, None)
        system_call("mount", b"proc", b"/proc", b"proc", MS_NOSUID_NODEV_NOEXEC, None)
    except OSError as error:
        return str(error)
    return None


def children_of(pid):
    """The processes that a process started, by every one of its threads; what is gone has none."""
    found = []
    try:
        for thread in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, thread)) as handle:
                found += [int(text) for text in handle.read().split()]
    except (OSError, ValueError):
        pass
    return found


def descendants(pid, most=100000):
    """Every process below one, as this process numbers them; counting ends at ``most``."""
    found, todo = [], [pid]
    while todo and len(found) <= most:
        new = children_of(todo.pop())
        found += new
        todo += new
    return found


# --- starting and watching ----------------------------------------------------------------------------------


def start(program, isolation):
    """In a child of its own: become the program."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    environment = dict(os.environ, KMIGRATE_ISOLATION=json.dumps(isolation))
    os.execve(program[0], program, environment)


def first_process(program, isolation, report):
    """Process 1 of the namespace: it starts the program, waits for orphans, and says how the program ended. When it ends, the
    kernel ends all others."""
    system_call("prctl", PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    isolation = dict(isolation, proc=hide_other_processes())
    child = os.fork()
    if child == 0:
        os.close(report)
        start(program, isolation)
    let_go()
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == child:
            os.write(report, b"%d" % status)
            os._exit(0)


def let_go():
    """The program's pipes must end with the program."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)


def supervise(settings, program):
    """Start the program and stay until it ends; returns its status as ``waitpid`` gives it."""
    parent = os.getppid()
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    system_call("prctl", PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    isolation = separate(settings)
    own_numbers = isolation["processes"] is None
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        if own_numbers:
            first_process(program, isolation, writer)
        start(program, dict(isolation, proc="not without process numbers of its own"))
    os.close(writer)
    let_go()
    status = watch(child, parent, settings)
    end_all(None if status is not None else child)
    if status is None:
        return 1 << 8
    told = os.read(reader, 20) if own_numbers else b""
    return int(told) if told else status


def watch(child, parent, settings):
    """The status of the child when it ends; None where it has to be ended."""
    while True:
        told = signal.sigtimedwait(WATCHED, TICK_S)
        status = reap(child)
        if status is not None:
            return status
        if told is not None and told.si_signo == signal.SIGTERM:
            return None
        if os.getppid() != parent:
            shutil.rmtree(settings["folder"], ignore_errors=True)
            return None
        if len(descendants(os.getpid(), settings["processes"] + 2)) > settings["processes"] + 2:
            sys.stderr.write("more than %d processes were started\n" % settings["processes"])
            sys.stderr.flush()
            return None


def reap(child):
    """Wait for everything that has ended; the status of ``child`` if it is among it."""
    found = None
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except OSError as error:
            if error.errno != errno.ECHILD:
                raise
            return found
        if pid == 0:
            return found
        if pid == child:
            found = status


def end_all(first):
    """End every process below this one. ``first`` goes first: where it has a process namespace, the kernel ends the rest."""
    if first is not None:
        send(first, signal.SIGKILL)
    while True:
        reap(-1)
        stopped = set()
        while stop_below(os.getpid(), stopped):
            pass
        if not stopped:
            return
        for pid in stopped:
            send(pid, signal.SIGKILL)
        signal.sigtimedwait(WATCHED, 0.01)


def stop_below(top, stopped):
    """Stop what is not yet in ``stopped`` and add it; whether there was any. A process is stopped before its children are looked
    for: those that are ended one by one, or counted first, start new ones faster than that."""
    todo, before = [top], len(stopped)
    while todo:
        for pid in children_of(todo.pop()):
            if pid not in stopped:
                send(pid, signal.SIGSTOP)
                stopped.add(pid)
            todo.append(pid)
    return len(stopped) > before


def send(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def main():
    settings, program = json.loads(sys.argv[1]), sys.argv[2:]
    limit_resources(settings)
    if not sys.platform.startswith("linux"):
        start(program, dict.fromkeys(("network", "processes", "proc"), "only on Linux"))
    status = supervise(settings, program)
    if os.WIFSIGNALED(status):
        # As if the program had been started without this process between.
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.WEXITSTATUS(status))


if __name__ == "__main__":
    main()

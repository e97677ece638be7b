"""Becomes the command it is given, bound to the life of the process that started it. Run by path, never imported.

Arguments: the parent's pid, the signal that its death sends, the uid and gid to run as (-1: stay), a capability to keep
for a folder that this user could not walk through otherwise (-1: none), then the command.

It exists because Python code between fork and exec is not safe in a process with threads, and because the bond to the
parent has to be made after the user was changed: changing it breaks the bond.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
_CAPABILITY_VERSION_3 = 0x20080522


def _prctl(libc: ctypes.CDLL, *arguments: int) -> None:
    padded = [ctypes.c_ulong(argument) for argument in (*arguments, 0, 0, 0, 0)[:5]]
    if libc.prctl(*padded) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _become(libc: ctypes.CDLL, uid: int, gid: int, capability: int) -> None:
    if capability >= 0:
        _prctl(libc, _PR_SET_KEEPCAPS, 1)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if capability >= 0:
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        mask = 1 << capability
        sets = (ctypes.c_uint32 * 6)(mask, mask, mask, 0, 0, 0)
        if libc.capset(header, sets) != 0:
            raise OSError(ctypes.get_errno(), "capset")
        _prctl(libc, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability)


def main(arguments: list[str]) -> None:
    """Bind, change the user, and become the command."""
    parent, death_signal, uid, gid, capability = map(int, arguments[:5])
    command = arguments[5:]
    on_linux = sys.platform == "linux"
    libc = ctypes.CDLL(None, use_errno=True)
    if uid >= 0:
        _become(libc, uid, gid, capability if on_linux else -1)
    if on_linux:
        _prctl(libc, _PR_SET_PDEATHSIG, death_signal)
    if os.getppid() != parent:
        # The parent died before the bond was made, so its signal will never come.
        sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the command is ours, and no shell is wanted


if __name__ == "__main__":
    main(sys.argv[1:])

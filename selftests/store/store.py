# SPDX-License-Identifier: GPL-2.0-only
"""What the tests of the store share: a daemon on a machine that fake-xen.c plays, clients, domains, TAP lines.

    d = Daemon()                            ours, with sanitizers; Daemon("debian") is Debian's
    c = d.client()                          over the socket, privileged
    g = d.guest(5)                          domain 5 over its ring, introduced
    c.ask(READ, "/path")                    the answer's bytes, or the name of the error as a str
    c.events                                the watch events so far, as (path, token)
    check(condition, "what must hold")
"""
import atexit
import ctypes
import mmap
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lib"))
from tap import check, end  # noqa: E402, F401

BUILD = os.environ.get("BUILD", os.path.join(os.path.dirname(HERE), "build"))
OURS = os.environ.get("XENSTORED", os.path.join(BUILD, "store/asan/xenstored/xenstored"))
FAKE = os.path.join(BUILD, "store/fake-xen.so")

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TRANSACTION_START, TRANSACTION_END, INTRODUCE, RELEASE,
 GET_DOMAIN_PATH, WRITE, MKDIR, RM, SET_PERMS, WATCH_EVENT, ERROR, IS_DOMAIN_INTRODUCED, RESUME, SET_TARGET,
 _, RESET_WATCHES, DIRECTORY_PART) = range(23)
RING = 1024
HEADER = struct.Struct("<IIII")


def equal(got, wanted, text):
    return check(got == wanted, text, f"got {got!r}, wanted {wanted!r}")


def join(strings):
    return b"".join(s if isinstance(s, bytes) else s.encode() + b"\0" for s in strings)


class Lost(Exception):
    """The daemon ended the connection, or did not answer."""


class Wire:
    """Requests and answers over anything that has put(bytes) and get() -> bytes."""

    def __init__(self):
        self.buffer, self.events, self.request_id = b"", [], 0

    def send(self, kind, *strings, tx=0, length=None):
        body = join(strings)
        self.request_id += 1
        self.put(HEADER.pack(kind, self.request_id, tx, len(body) if length is None else length) + body)

    def message(self, timeout=10):
        while True:
            if len(self.buffer) >= HEADER.size:
                kind, request, tx, length = HEADER.unpack_from(self.buffer)
                if len(self.buffer) >= HEADER.size + length:
                    body = self.buffer[HEADER.size:HEADER.size + length]
                    self.buffer = self.buffer[HEADER.size + length:]
                    return kind, request, tx, body
            self.buffer += self.get(timeout)

    def answer(self):
        while True:
            kind, request, _, body = self.message()
            if kind == WATCH_EVENT:
                self.events.append(tuple(body.decode().split("\0")[:2]))
                continue
            if kind == ERROR:
                return body.rstrip(b"\0").decode()
            return body

    def ask(self, kind, *strings, tx=0):
        self.send(kind, *strings, tx=tx)
        return self.answer()

    def settle(self):
        """All events of what was done before are in self.events."""
        self.ask(GET_DOMAIN_PATH, "0")

    def take_events(self):
        self.settle()
        events, self.events = self.events, []
        return events

    def start(self):
        return int(self.ask(TRANSACTION_START, "")[:-1])

    def commit(self, tx, how="T"):
        return self.ask(TRANSACTION_END, how, tx=tx)


class Client(Wire):
    def __init__(self, path):
        super().__init__()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(path)

    def put(self, data):
        try:
            self.socket.sendall(data)
        except OSError as e:
            raise Lost(str(e)) from e

    def get(self, timeout):
        self.socket.settimeout(timeout)
        try:
            data = self.socket.recv(65536)
        except OSError as e:
            raise Lost(str(e)) from e
        if not data:
            raise Lost("closed")
        return data

    def close(self):
        self.socket.close()


class Guest(Wire):
    """A domain: its page, its event channel. Indices: req_cons 2048, req_prod, rsp_cons, rsp_prod, then flags."""

    def __init__(self, daemon, domid):
        super().__init__()
        self.daemon, self.domid = daemon, domid
        self.reset_page()
        with open(daemon.file("ring", domid), "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096)
        self.words = (ctypes.c_uint32 * 7).from_buffer(self.page, 2048)     # written whole, not byte by byte
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        name = daemon.file("guest", domid)
        if os.path.exists(name):
            os.unlink(name)
        self.socket.bind(name)

    def reset_page(self):
        with open(self.daemon.file("ring", self.domid), "wb") as f:
            f.write(bytes(4096))

    def index(self, which):
        return self.words[which]

    def set_index(self, which, value):
        self.words[which] = value & 0xffffffff

    def kick(self):
        self.daemon.raise_event(1000 + self.domid)

    def wait(self, timeout):
        self.socket.settimeout(timeout)
        try:
            self.socket.recv(16)
        except OSError as e:
            raise Lost(f"domain {self.domid} of {self.daemon.args[0]}: {e}") from e

    def put(self, data, timeout=10):
        while data:
            cons, prod = self.index(0), self.index(1)
            room = RING - ((prod - cons) & 0xffffffff)
            if room <= 0:
                self.wait(timeout)
                continue
            for byte in data[:room]:
                self.page[prod % RING] = byte
                prod += 1
            self.set_index(1, prod)
            data = data[room:]
            self.kick()

    def get(self, timeout):
        until = time.monotonic() + timeout
        while True:
            cons, prod = self.index(2), self.index(3)
            n = (prod - cons) & 0xffffffff
            if n:
                data = bytes(self.page[RING + (cons + i) % RING] for i in range(n))
                self.set_index(2, cons + n)
                self.kick()
                return data
            self.wait(max(0.01, until - time.monotonic()))

    def close(self):
        self.socket.close()


def debian_program():
    tree = subprocess.run([os.path.join(HERE, "../lib/fetch"), "xen-tools"], check=True, stdout=subprocess.PIPE, text=True)
    return tree.stdout.strip() + "/usr/lib/xen-4.17/bin/xenstored"


class Daemon:
    def __init__(self, which="ours", *args, sanitized=True):
        self.dir = tempfile.mkdtemp(prefix="store.", dir=os.environ.get("TMPDIR", "/tmp"))
        self.path = os.path.join(self.dir, "socket")
        with open(self.file("ring", 0), "wb") as f:
            f.write(bytes(4096))
        with open(os.path.join(self.dir, "xsd_port"), "w", encoding="ascii") as f:
            f.write("7")
        self.args = [debian_program() if which == "debian" else OURS, "-N", *args]
        self.debian = which == "debian"
        self.sanitized = sanitized and not self.debian
        self.log = os.path.join(self.dir, "log")
        self.raiser = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        atexit.register(self.kill)
        self.run()

    def kill(self):
        if self.alive():
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.dir, ignore_errors=True)

    def environment(self):
        preload = FAKE
        if self.sanitized:
            preload = f"{self.libasan()} {FAKE}"
        return dict(os.environ, LD_PRELOAD=preload, FAKE_XEN=self.dir, XENSTORED_PATH=self.path,
                    XENSTORED_RUNDIR=self.dir, XENSTORED_ROOTDIR=self.dir, ASAN_OPTIONS="detect_leaks=0",
                    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")

    @staticmethod
    def libasan():
        return subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, stdout=subprocess.PIPE,
                              text=True).stdout.strip()

    def run(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.args, env=self.environment(), stdout=log, stderr=log)
        until = time.monotonic() + 20
        while time.monotonic() < until and self.process.poll() is None:
            try:
                self.client().close()
                return
            except OSError:
                time.sleep(0.02)
        raise Lost("the daemon does not start: " + self.said())

    def file(self, what, domid):
        return os.path.join(self.dir, f"{what}-{domid}")

    def raise_event(self, port):
        self.raiser.sendto(struct.pack("<I", port), os.path.join(self.dir, "daemon"))

    def client(self):
        return Client(self.path)

    def set_domain(self, domid, state):
        """alive, shutdown, dying, or None: the hypervisor's word; the daemon hears that there is news."""
        if state:
            with open(self.file("domain", domid), "w", encoding="ascii") as f:
                f.write(state)
        else:
            os.unlink(self.file("domain", domid))
        self.raise_event(1)

    def guest(self, domid, introduce=True):
        self.set_domain(domid, "alive")
        g = Guest(self, domid)
        if introduce:
            c = self.client()
            answer = c.ask(INTRODUCE, str(domid), "1", "3")
            if answer != b"OK\0":
                raise Lost(f"introduce: {answer}")
            c.close()
        return g

    def alive(self):
        return self.process.poll() is None

    def said(self):
        with open(self.log, encoding="latin-1") as f:
            return f.read()

    def consistent(self):
        """What it counts is what there is."""
        client = self.client()
        answer = client.ask(CONTROL, "check")
        client.close()
        if answer != b"OK\0":
            print(f"# check says: {answer}")
        return answer == b"OK\0"

    def stop(self):
        """End it; True when it was well until now."""
        well = self.alive() and (self.debian or self.consistent())
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        self.process.wait()
        well = well and "Sanitizer" not in self.said() and "runtime error" not in self.said()
        if not well:
            print("# " + self.said()[-3000:].replace("\n", "\n# "))
        shutil.rmtree(self.dir, ignore_errors=True)
        return well



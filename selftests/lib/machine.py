# SPDX-License-Identifier: GPL-2.0-only
"""What the machine tests written in Python share: a machine to talk to, and TAP lines.

    m = Machine("name", "-k", "6.1", "-s", "2")     options of selftests/boot; serial port and monitor are ours
    m.expect(r"regular expression")                 wait for serial output behind the last match; the match, or None
    m.send("text\\n")
    m.monitor("info status")                        QEMU's human monitor; its answer
    m.end()                                         stop it; how it ended
    check(condition, "what must hold")
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

from tap import check, end  # noqa: F401

SELFTESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.environ.get("BUILD", os.path.join(SELFTESTS, "build"))
LOGS = os.environ.get("LOGS", os.path.join(BUILD, "check"))
HYPERVISOR = os.environ.get("HYPERVISOR", "xenolith")
SLOW = 4  # times a limit in seconds, which is what a quiet machine needs: a busy one may take longer


class Machine:
    def __init__(self, name, *options, hypervisor=None, timeout=180):
        os.makedirs(LOGS, exist_ok=True)
        self.dir = tempfile.mkdtemp(prefix="talk.", dir=os.environ.get("TMPDIR", "/tmp"))
        self.log = os.path.join(LOGS, f"machine-{name}.serial")
        self.at = 0
        self.got = bytearray()
        open(self.log, "w").close()
        self.process = subprocess.Popen(
            [os.path.join(SELFTESTS, "boot"), "-H", hypervisor or HYPERVISOR, "--talk", self.dir,
             "-l", self.log, "-T", str(timeout * SLOW), *options], stdin=subprocess.DEVNULL)
        self.serial = self._connect("serial")
        threading.Thread(target=self._drain, daemon=True).start()
        self.mon = self._connect("monitor")
        self.mon.settimeout(5)
        self._answer()

    def _connect(self, name):
        path = os.path.join(self.dir, name)
        for _ in range(600):
            s = socket.socket(socket.AF_UNIX)
            try:
                s.connect(path)
                return s
            except OSError:
                s.close()
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.process.wait()
        sys.exit(f"the machine did not start (status {self.process.returncode})")

    def _drain(self):
        """Read as it comes: a full socket would hold the machine's UART up."""
        try:
            while data := self.serial.recv(65536):
                self.got += data
        except OSError:
            pass

    def text(self):
        return bytes(self.got).decode("latin-1").replace("\r", "")

    def running(self):
        return self.process.poll() is None

    def expect(self, pattern, timeout=120):
        """A match may not begin before the end of the one before."""
        stop = time.time() + timeout * SLOW
        while True:
            alive = self.running()
            m = re.compile(pattern, re.M).search(self.text(), self.at)
            if m:
                self.at = m.end()
                return m
            if not alive or time.time() > stop:
                return None
            time.sleep(0.1)

    def send(self, text):
        """The guest's FIFO is small: a human's pace."""
        for c in text:
            self.serial.sendall(c.encode())
            time.sleep(0.01)

    def _answer(self):
        got = b""
        stop = time.time() + 20
        while not got.endswith(b"(qemu) ") and time.time() < stop:
            try:
                data = self.mon.recv(65536)
                if not data:
                    break
                got += data
            except OSError:
                break
        return got.decode("latin-1").replace("\r", "")

    def monitor(self, command):
        self.mon.sendall(command.encode() + b"\n")
        return self._answer()

    def screen(self):
        """The characters of all VGA text memory: the console scrolls by moving the window on it."""
        words = re.findall(r"0x([0-9a-f]{4})\b", self.monitor("xp /16384hx 0xb8000"))
        chars = [int(w, 16) & 0xff for w in words]
        rows = ["".join(chr(c) if 32 <= c < 127 else " " for c in chars[i:i + 80]).rstrip()
                for i in range(0, len(chars), 80)]
        return "\n".join(rows)

    def colours(self):
        """(width, height, number of different colours on the screen)"""
        path = os.path.join(self.dir, "screen.ppm")
        self.monitor(f"screendump {path}")
        time.sleep(0.3)
        with open(path, "rb") as f:
            data = f.read()
        m = re.match(rb"P6\n(\d+) (\d+)\n255\n", data)
        body = data[m.end():]
        return int(m[1]), int(m[2]), len({body[i:i + 3] for i in range(0, len(body), 3)})

    def wait_end(self, timeout=60, slow=SLOW):
        """True when the machine went down by itself."""
        stop = time.time() + timeout * slow
        while self.running() and time.time() < stop:
            time.sleep(0.1)
        return not self.running()

    def end(self):
        if self.running():
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.serial.close()
        self.mon.close()
        shutil.rmtree(self.dir, ignore_errors=True)

"""Decoding of HJ 212 frames of 20 values on one core, ours and peers given by path.

    python bench/hj212.py [--frames 5000] [--turns 5] [--lua PATH] [--lua-path DIR …] [--go PATH]

``--lua`` is a checkout of srdgame/lua-HJ212 (Lua 5.3); ``--lua-path`` names folders with its needs, kikito/middleclass
(``middleclass.lua``) and Tieske/date (``date.lua``). ``--go`` is a checkout of teafull/hjt212. Nothing of a peer is
copied into this repository; small drivers are written to a temporary folder and removed.

Every decoder gets the same frames, all different; processor time is counted, ours and the peers in turns, best of all
rounds, so that neither other work on the machine nor the moment decides. Ours is measured in four depths: framing with header, the same with
typed deviations, with items as well, and with the bulk form that the pipeline uses.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from qingjian.hj212 import checksum
from qingjian.hj212.decoder import Framer

FACTORS = [
    "w00000",
    "w01001",
    "w01018",
    "w21003",
    "w21011",
    "w21001",
    "a21026",
    "a21002",
    "a34013",
    "a19001",
    "a01011",
    "a01012",
    "a01013",
    "a01014",
    "a00000",
    "a21005",
    "a21003",
    "a21004",
    "a34002",
    "a34004",
]
REPEATS = 7

LUA_DRIVER = """
package.path = table.concat({%s}, ';') .. ';' .. package.path
package.preload['skynet'] = function() return {time = os.time} end
local packet = require 'hj212.packet'
local lengths, data = {}, nil
local f = assert(io.open(arg[1], 'rb')); data = f:read('a'); f:close()
local frames, at = {}, 1
while at <= #data do
  local n = tonumber(data:sub(at + 2, at + 5)) + 12
  frames[#frames + 1] = data:sub(at, at + n - 1); at = at + n
end
local best
for _ = 1, tonumber(arg[2]) do
  local began = os.clock()
  for i = 1, #frames do
    local p = packet.static.parse(frames[i], 1)
    assert(p and p:params():has_tags(), 'not decoded')
  end
  local took = os.clock() - began
  if not best or took < best then best = took end
end
io.stderr:write(string.format('%%.9f\\n', best / #frames))
"""

GO_DRIVER = """package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"

	"github.com/teafull/hjt212/protocol"
)

func processorSeconds() float64 {
	var usage syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	micros := usage.Utime.Usec + usage.Stime.Usec + 1000000*(usage.Utime.Sec+usage.Stime.Sec)
	return float64(micros) / 1e6
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	repeats, _ := strconv.Atoi(os.Args[2])
	var frames [][]byte
	for at := 0; at < len(data); {
		n, _ := strconv.Atoi(string(data[at+2 : at+6]))
		frames = append(frames, data[at:at+n+12])
		at += n + 12
	}
	// The decoder prints every data area to standard output, which the caller sends to the null device.
	decoder := &protocol.HjtDecoder{}
	best := 1e9
	for r := 0; r < repeats; r++ {
		began := processorSeconds()
		for _, frame := range frames {
			p, err := decoder.Decoder(frame)
			if err != nil || len(p.Package[1]) != 41 {
				panic("not decoded")
			}
		}
		if took := processorSeconds() - began; took < best {
			best = took
		}
	}
	fmt.Fprintf(os.Stderr, "%.9f\\n", best/float64(len(frames)))
}
"""


def frames(count: int) -> list[bytes]:
    """Distinct 2017 real-time uploads of 20 factors with value and mark."""
    random.seed(212)
    made = []
    for number in range(count):
        moment = f"20260801{number // 3600 % 24:02d}{number // 60 % 60:02d}{number % 60:02d}"
        values = ";".join(f"{code}-Rtd={random.uniform(0, 100):.2f},{code}-Flag=N" for code in FACTORS)
        segment = (
            f"QN={moment}{number % 1000:03d};ST=32;CN=2011;PW=123456;MN=010000A8900016F0{number % 1000:08X};Flag=5;"
            f"CP=&&DataTime={moment};{values}&&"
        ).encode()
        made.append(b"##%04d%s%s\r\n" % (len(segment), segment, checksum.check_text(segment)))
    return made


def best_of(work: Callable[[], None], count: int) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        work()
        best = min(best, time.process_time() - began)
    return best / count


def ours(sample: list[bytes]) -> dict[str, float]:
    stream = b"".join(sample)
    pieces = [stream[at : at + 65536] for at in range(0, len(stream), 65536)]

    def decode(depth: Callable[[object], object] | None) -> Callable[[], None]:
        def work() -> None:
            framer = Framer(eager=True)
            seen = 0
            for piece in pieces:
                for stretch in framer.feed(piece):
                    message = stretch.message
                    assert message is not None
                    seen += 1
                    if depth is not None:
                        depth(message)
            assert seen == len(sample)

        return work

    return {
        "frame, length, check, header": best_of(decode(None), len(sample)),
        "  + typed deviations": best_of(decode(lambda message: message.deviations), len(sample)),
        "  + typed deviations + items": best_of(
            decode(lambda message: (message.deviations, message.rows)), len(sample)
        ),
        "  + typed deviations + items as objects": best_of(
            decode(lambda message: (message.deviations, message.items)), len(sample)
        ),
        "  bulk form: shape and values, deviations": best_of(
            decode(lambda message: message.data), len(sample)
        ),
        "  bulk form: factor -> suffix -> value": best_of(
            decode(lambda message: message.data.factors()), len(sample)
        ),
    }


def run_peer(command: list[str]) -> float:
    environment = {**os.environ, "GOMAXPROCS": "1"}
    with Path(os.devnull).open("wb") as nowhere:
        done = subprocess.run(command, env=environment, stdout=nowhere, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit(done.stderr.decode(errors="replace"))
    return float(done.stderr.split()[-1])


def lua(sample: Path, checkout: Path, needs: list[Path], folder: Path) -> list[str]:
    """Return the command that times the Lua peer."""
    paths = ", ".join(f"'{path}/?.lua'" for path in (checkout, *needs))
    driver = folder / "driver.lua"
    driver.write_text(LUA_DRIVER % paths, encoding="utf-8")
    interpreter = shutil.which("lua5.3") or shutil.which("lua")
    if interpreter is None:
        raise SystemExit("Lua 5.3 is not installed")
    return [interpreter, str(driver), str(sample), "3"]


def go(sample: Path, checkout: Path, folder: Path) -> list[str]:
    """Build the driver of the Go peer; return the command that times it."""
    (folder / "main.go").write_text(GO_DRIVER, encoding="utf-8")
    (folder / "go.mod").write_text(
        "module driver\n\ngo 1.18\n\nrequire github.com/teafull/hjt212 v0.0.0\n\n"
        f"replace github.com/teafull/hjt212 => {checkout}\n",
        encoding="utf-8",
    )
    subprocess.run(["go", "build", "-o", "driver", "."], cwd=folder, check=True)
    return [str(folder / "driver"), str(sample), str(REPEATS)]


def keep_best(best: dict[str, float], found: dict[str, float]) -> None:
    for name, seconds in found.items():
        best[name] = min(seconds, best.get(name, seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description="HJ 212 decoding, one core, frames of 20 values")
    parser.add_argument("--frames", type=int, default=5000)
    parser.add_argument(
        "--turns", type=int, default=5, help="how often ours and the peers are measured in turn"
    )
    parser.add_argument("--lua", type=Path, help="checkout of srdgame/lua-HJ212")
    parser.add_argument("--lua-path", type=Path, action="append", default=[], help="folder with a Lua module")
    parser.add_argument("--go", type=Path, help="checkout of teafull/hjt212")
    arguments = parser.parse_args()
    sample = frames(arguments.frames)
    print(
        f"host {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    )
    print(f"{len(sample)} frames of 20 values and marks, {len(sample[0])} bytes each")
    results: dict[str, float] = {}
    peers: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        stream = folder / "frames.bin"
        stream.write_bytes(b"".join(sample))
        commands = {}
        if arguments.lua:
            commands["srdgame/lua-HJ212"] = lua(stream, arguments.lua.resolve(), arguments.lua_path, folder)
        if arguments.go:
            commands["teafull/hjt212 (Go)"] = go(stream, arguments.go.resolve(), folder)
        for _turn in range(arguments.turns):
            keep_best(results, ours(sample))
            keep_best(peers, {name: run_peer(command) for name, command in commands.items()})
    for name, seconds in results.items():
        print(f"qingjian.hj212 {name:45s} {seconds * 1e6:8.1f} µs {1 / seconds:10,.0f} frames/s")
    full = results["  + typed deviations + items"]
    for name, seconds in peers.items():
        print(
            f"{name:60s} {seconds * 1e6:8.1f} µs {1 / seconds:10,.0f} frames/s   ours is {seconds / full:.1f}x as fast"
        )


if __name__ == "__main__":
    sys.exit(main())

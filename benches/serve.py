#!/usr/bin/env python3
"""Measures `barque serve` beside docker-registry, with the same clients, in one run.

    benches/serve.py BARQUE REGISTRY [CLIENT...]

BARQUE and REGISTRY are programs; each CLIENT is barque, skopeo, crane or oras by its path (default: BARQUE). `ab` (Debian:
apache2-utils) asks for manifests. All data is in /dev/shm. Prints Markdown: medians, the least and most in brackets.
"""

import hashlib
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

RUNS = 7
SHAPES = {"typical": (12, 20 << 20), "many": (120, 200 << 10), "small": (5, 100 << 10)}
OCI = "application/vnd.oci.image"


def layout(root, layers, size):
    """An OCI layout with one image of random layers, which nothing can compress."""
    blobs = root / "blobs/sha256"
    blobs.mkdir(parents=True)

    def blob(data, kind):
        digest = hashlib.sha256(data).hexdigest()
        (blobs / digest).write_bytes(data)
        return {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(data)}

    parts = [blob(os.urandom(size), f"{OCI}.layer.v1.tar+gzip") for _ in range(layers)]
    ids = [part["digest"] for part in parts]
    config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}}
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": blob(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
        "layers": parts,
    }
    entry = blob(json.dumps(manifest).encode(), manifest["mediaType"])
    entry["annotations"] = {"org.opencontainers.image.ref.name": "t"}
    (root / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (root / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


class Server:
    """A registry that was just started; `first` is the time in seconds until it gave its first answer."""

    def __init__(self, name, program, work):
        self.name = name
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.host = f"127.0.0.1:{free.getsockname()[1]}"
        root = work / f"{name}-{self.host.split(':')[1]}"
        root.mkdir()
        if name == "barque serve":
            command = [program, "serve", "--listen", self.host, "--root", root, "--write"]
        else:
            config = root / "config.yml"
            config.write_text(
                "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
                f"storage: {{filesystem: {{rootdirectory: {root}}}}}\nhttp: {{addr: '{self.host}'}}\n"
            )
            command = [program, "serve", config]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=5).close()
                break
            except OSError:
                time.sleep(0.0005)
        self.first = time.perf_counter() - began

    def memory(self, field):
        """A field of the process' memory in MiB: VmRSS now, VmHWM at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.terminate()
        self.process.wait()


def client_command(client, what, place, remote):
    """The command line with which `client` pushes the layout at `place` to `remote`, or pulls it."""
    kind = re.match(r"barque|skopeo|crane|oras", Path(client).name)[0]
    if kind in ("barque", "skopeo"):
        ends = [f"oci:{place}:t", f"docker://{remote}"]
        side = "dest" if what == "push" else "src"
        return [client, "copy", "-q", f"--{side}-tls-verify=false", *(ends if what == "push" else ends[::-1])]
    if kind == "crane":
        return [client, what, "--insecure", *([place, remote] if what == "push" else ["--format=oci", remote, place])]
    ends = ["--from-oci-layout", f"{place}:t", "--to-plain-http", remote]
    if what == "pull":
        ends = ["--from-plain-http", remote, "--to-oci-layout", f"{place}:t"]
    return [client, "cp", *ends]


def timed(command):
    environment = dict(os.environ, SKOPEO_INSECURE_POLICY="1")
    began = time.perf_counter()
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, env=environment)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: {done.stderr}")
    return (time.perf_counter() - began) * 1000


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def told(values, unit=""):
    middle = f"{number(statistics.median(values))}{unit}"
    return f"{middle} ({number(min(values))}–{number(max(values))})" if len(values) > 1 else middle


def row(name, ours, theirs, more_is_better=False, unit=""):
    ratio = statistics.median(theirs) / statistics.median(ours)
    ratio = 1 / ratio if more_is_better else ratio
    print(f"| {name} | {told(ours, unit)} | {told(theirs, unit)} | {ratio:.2f} |", flush=True)


def copies(clients, servers, images, work):
    """Pushes and pulls each shape with each client, the servers in turn."""
    for client in clients:
        for shape, image in images.items():
            times = {(what, server): [] for what in ("push", "pull") for server in servers}
            for run in range(RUNS + 1):
                for server in servers if run % 2 else servers[::-1]:
                    # Each push is of another image, of which the server has nothing.
                    remote = f"{server.host}/{Path(client).name}/{shape}{run}:t"
                    fresh, pulled = work / "fresh", work / "pulled"
                    layout(fresh, *image)
                    push = timed(client_command(client, "push", fresh, remote))
                    pull = timed(client_command(client, "pull", pulled, remote))
                    shutil.rmtree(pulled)
                    shutil.rmtree(fresh)
                    if run:  # the first run warms up
                        times["push", server].append(push)
                        times["pull", server].append(pull)
            for what in ("push", "pull"):
                row(f"{what} `{shape}`, {Path(client).name}", *(times[what, server] for server in servers), unit=" ms")


def heads(servers, client, work):
    """Requests a second: HEAD and GET of one manifest, over kept connections."""
    layout(work / "asked", 5, 4096)
    for server in servers:
        timed(client_command(client, "push", work / "asked", f"{server.host}/asked:t"))
    for name, flags in (("HEAD", ["-i"]), ("GET", [])):
        rates = {server: [] for server in servers}
        for run in range(5):
            for server in servers:
                url = f"http://{server.host}/v2/asked/manifests/t"
                accept = ["-H", f"Accept: {OCI}.manifest.v1+json"]
                command = ["ab", "-q", "-k", *flags, "-n", "20000" if run else "2000", "-c", "16", *accept, url]
                out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
                if "Non-2xx" in out or not re.search(r"Failed requests:\s+0\b", out):
                    sys.exit(f"{server.name}: {out}")
                if run:
                    rates[server].append(float(re.search(r"Requests per second:\s+([\d.]+)", out)[1]))
        row(f"{name} manifest, 16 at a time, per second", *(rates[server] for server in servers), more_is_better=True)


def main():
    barque, registry, *clients = sys.argv[1:]
    work = Path(tempfile.mkdtemp(dir="/dev/shm"))
    programs = {"barque serve": barque, "docker-registry": registry}
    print("| | barque serve | docker-registry | times as good |\n|---|---|---|---|")
    try:
        starts = {name: [] for name in programs}
        idle = {name: [] for name in programs}
        for _ in range(RUNS):
            for name, program in programs.items():
                server = Server(name, program, work)
                starts[name].append(server.first * 1000)
                time.sleep(0.2)
                idle[name].append(server.memory("VmRSS"))
                server.stop()
        row("first answer after the start", *starts.values(), unit=" ms")
        row("memory when idle", *idle.values(), unit=" MiB")
        servers = [Server(name, program, work) for name, program in programs.items()]
        copies(clients or [barque], servers, SHAPES, work)
        heads(servers, barque, work)
        row("CPU time of all that", *([server.cpu()] for server in servers), unit=" s")
        row("most memory of all that", *([server.memory("VmHWM")] for server in servers), unit=" MiB")
        for server in servers:
            server.stop()
    finally:
        shutil.rmtree(work, ignore_errors=True)


main()

#!/usr/bin/env python3
"""Loads `barque serve` with 256 pulling and 32 pushing clients, and prints what memory it takes.

    benches/soak.py BARQUE [SECONDS...] [--kill] [--same]

Each number is a phase of load with 5 seconds of rest behind it (default: 20 20 60). With --kill the server is killed in the
middle of the first phase and started again. With --same the clients push the same 96 images again and again, so that what is
stored does not grow. At the end every manifest and blob that was acknowledged is read.
"""

import hashlib
import http.client
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time

BARQUE = sys.argv[1]
PHASES = [int(word) for word in sys.argv[2:] if word.isdigit()] or [20, 20, 60]
KILL, SAME = "--kill" in sys.argv, "--same" in sys.argv
PULLERS, PUSHERS = 256, 32
OCI = "application/vnd.oci.image"
work = tempfile.mkdtemp(prefix="soak-", dir="/dev/shm")
lock = threading.Lock()
loaded, over = threading.Event(), threading.Event()
stored, newest = {}, []
counts = {"pulls": 0, "pushes": 0, "wrong": 0, "errors": 0}


class Server:
    port = 5830

    def __init__(self):
        args = [BARQUE, "serve", "--root", work, "--listen", f"127.0.0.1:{self.port}", "--write", "--delete"]
        self.process = subprocess.Popen(args, stderr=subprocess.DEVNULL)
        while True:
            try:
                answer(connect(), "GET", "/healthz")
                return
            except OSError:
                time.sleep(0.05)

    def memory(self):
        """Resident MiB now, the most so far, and threads."""
        fields = dict(line.split(":", 1) for line in open(f"/proc/{self.process.pid}/status"))
        mib = lambda name: int(fields[name].split()[0]) / 1024
        return mib("VmRSS"), mib("VmHWM"), int(fields["Threads"])

    def kill(self):
        self.process.kill()
        self.process.wait()


def connect():
    return http.client.HTTPConnection("127.0.0.1", Server.port, timeout=15)


def answer(connection, method, path, body=None, headers={}):
    connection.request(method, path, body, headers)
    response = connection.getresponse()
    return response.status, response.read(), response.headers


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def push(connection, chance, repository, tag):
    layer, config = chance.randbytes(chance.choice([2000, 60_000, 400_000])), json.dumps({"at": chance.random()}).encode()
    for blob in (layer, config):
        status, _, headers = answer(connection, "POST", f"/v2/{repository}/blobs/uploads/")
        assert status == 202, status
        path = headers["Location"].split(str(Server.port), 1)[1]
        status, _, _ = answer(connection, "PUT", f"{path}?digest={sha256(blob)}", blob)
        assert status == 201, status
    part = lambda blob, kind: {"mediaType": kind, "digest": sha256(blob), "size": len(blob)}
    manifest = {"schemaVersion": 2, "mediaType": f"{OCI}.manifest.v1+json"}
    manifest |= {"config": part(config, f"{OCI}.config.v1+json"), "layers": [part(layer, f"{OCI}.layer.v1.tar")]}
    manifest = json.dumps(manifest).encode()
    kind = {"Content-Type": f"{OCI}.manifest.v1+json"}
    status, _, _ = answer(connection, "PUT", f"/v2/{repository}/manifests/{tag}", manifest, kind)
    assert status == 201, status
    with lock:
        stored[repository, sha256(manifest)] = (manifest, sha256(layer))
        newest.append((repository, sha256(manifest)))
        del newest[:-200]
        counts["pushes"] += 1


def pull(connection, chance):
    with lock:
        key = chance.choice(newest) if newest else None
    if not key:
        return time.sleep(0.1)
    repository, digest = key
    manifest, layer = stored[key]
    status, body, _ = answer(connection, "GET", f"/v2/{repository}/manifests/{digest}")
    wrong = status != 200 or body != manifest
    status, body, _ = answer(connection, "GET", f"/v2/{repository}/blobs/{layer}")
    wrong += status != 200 or sha256(body) != layer
    with lock:
        counts["pulls"] += 1
        counts["wrong"] += wrong


def client(number):
    chance, connection, n = random.Random(number), None, 0
    while not over.is_set():
        if not loaded.is_set():
            connection = None
            time.sleep(0.1)
            continue
        try:
            connection = connection or connect()
            if number < PUSHERS:
                n = (n + 1) % 3 if SAME else n + 1
                content = random.Random(number * 1000 + n) if SAME else chance
                push(connection, content, f"r{number % 16}/app", f"t{number}-{n}")
            else:
                pull(connection, chance)
        except (OSError, AssertionError, http.client.HTTPException):
            with lock:
                counts["errors"] += 1
            connection = None
            time.sleep(0.1)


def main():
    threading.stack_size(256 * 1024)
    server = Server()
    print("idle: %.1f MiB" % server.memory()[0])
    clients = [threading.Thread(target=client, args=(n,), daemon=True) for n in range(PULLERS + PUSHERS)]
    for thread in clients:
        thread.start()
    kill = KILL
    for seconds in PHASES:
        loaded.set()
        samples, ends = [], time.time() + seconds
        while time.time() < ends:
            time.sleep(1)
            samples.append(server.memory()[0])
            if kill and time.time() > ends - seconds / 2:
                kill = False
                server.kill()
                server = Server()
        loaded.clear()
        time.sleep(5)
        now, most, threads = server.memory()
        shown = " ".join("%.0f" % sample for sample in samples[:: max(1, seconds // 10)])
        print(f"{seconds} s of load: {shown}; most {most:.1f}, after 5 s of rest {now:.1f} MiB, {threads} threads; {counts}", flush=True)
    over.set()
    lost = wrong = 0
    connection = connect()
    for (repository, digest), (manifest, layer) in stored.items():
        status, body, _ = answer(connection, "GET", f"/v2/{repository}/manifests/{digest}")
        lost, wrong = lost + (status != 200), wrong + (status == 200 and body != manifest)
        status, body, _ = answer(connection, "GET", f"/v2/{repository}/blobs/{layer}")
        lost, wrong = lost + (status != 200), wrong + (status == 200 and sha256(body) != layer)
    print(f"{len(stored)} images were acknowledged, {lost} are lost, {wrong} wrong")
    server.kill()


try:
    main()
finally:
    shutil.rmtree(work, ignore_errors=True)

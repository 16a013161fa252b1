"""Cohorts of phantoms: throughput, overhead, growth with workers, faults, and what ten thousand studies would take.

Each part runs for a few minutes and prints Markdown: ``python benchmarks/batch.py prepare|single|faults|speed|engine``.
Run by ``make bench-batch``.
"""

import argparse
import csv
import heapq
import random
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cohorts
import numpy as np
import psutil
from PerfusionDLLib.app.process_study import run_study
from PerfusionDLLib.batch.cluster import connect_cluster
from PerfusionDLLib.batch.dispatch import QueuedStudy, dispatch
from PerfusionDLLib.batch.outcome import DONE, Outcome
from PerfusionDLLib.networks import load_networks

GOOD, FIRST_SEED = 50, 50_000
COMMAND = [sys.executable, "-m", "PerfusionDLLib.cli"]
NOTHING_TASKS = 2000
TIME_LIMIT_S = 30


def prepare(folder):
    """50 whole studies, ten broken ones, and one study among 10,000 files apart."""
    for number in range(GOOD):
        place = folder / "cohort" / f"site{number % 7}" / f"patient{number:02d}"
        if not place.exists():
            cohorts.write_small_study(place, FIRST_SEED + number)
    for number, make in enumerate((*cohorts.BROKEN, crashes)):
        place = folder / "cohort" / "broken" / make.__name__
        if not place.exists():
            make(place, FIRST_SEED + 100 + number)
    if not (folder / "many" / "files").exists():
        cohorts.many_files(folder / "many" / "files", FIRST_SEED + 200)


def crashes(folder, seed):
    """A whole study; `faults` ends every process that begins to compute it."""
    cohorts.write_small_study(folder, seed)


def good(folder):
    return sorted((folder / "cohort").glob("site*/patient*"))


def single(folder):
    """The single run of every whole study, one after another in this process."""
    networks = load_networks(device="cpu")
    took = []
    for place in good(folder):
        if (folder / "single" / place.name).exists():
            continue
        began = time.perf_counter()
        run_study([place], folder / "single" / place.name, networks)
        took.append(time.perf_counter() - began)
    if len(took) < 2:
        return
    print(f"Single runs in one process: {np.mean(took[1:]):.2f} s per study, {3600 / np.mean(took[1:]):.0f} per hour.")


def batch(studies, out, *options, **how):
    return subprocess.Popen([*COMMAND, "batch", str(studies), "--out", str(out), *map(str, options)], **how)


def faults(folder, seed=1, every_s=(30, 60)):
    """60 studies, ten of them broken, while workers are killed at random moments."""
    out = folder / "faults"
    cohorts.shutil.rmtree(out, ignore_errors=True)
    command = batch(folder / "cohort", out, "--workers", 2, "--time-limit", TIME_LIMIT_S, "--memory-limit", 2)
    rng, killed, crashed, ended = random.Random(seed), 0, set(), threading.Event()

    def crash():
        """End each process that computes the study `crashes`."""
        while not ended.wait(0.05):
            label = label_of(out, "broken/crashes")
            for partial in (out / "studies").glob(f".{label}.partial-*"):
                pid = int(partial.name.split("-")[-2])
                if label and pid not in crashed and psutil.pid_exists(pid):
                    psutil.Process(pid).kill()
                    crashed.add(pid)

    threading.Thread(target=crash, daemon=True).start()
    next_s = time.monotonic() + rng.uniform(*every_s)
    while command.poll() is None:
        time.sleep(0.2)
        if time.monotonic() > next_s:
            next_s = time.monotonic() + rng.uniform(*every_s)
            workers = worker_processes(command.pid)
            if workers:
                rng.choice(workers).kill()
                killed += 1
    ended.set()
    report(folder, out, killed, len(crashed), command.returncode)


def label_of(out, where):
    """Label of the study whose folder begins with ``where``, "" until it is begun."""
    journal = out / ".batch" / "journal.jsonl"
    if journal.exists():
        for line in journal.read_text().splitlines():
            if f'"folder": "{where}' in line:
                return line.split('"study": "')[1].split('"')[0]
    return ""


def worker_processes(pid):
    """The engine's workers among the children of a command."""
    try:
        return [one for one in psutil.Process(pid).children() if any("spawn_main" in part for part in one.cmdline())]
    except psutil.Error:
        return []


def rows(path):
    with path.open(newline="") as text:
        return list(csv.DictReader(text))


def report(folder, out, killed, crashed, code):
    """What was lost: every whole study must equal its single run, every broken one must be named."""
    studies = {row["folder"]: row for row in rows(out / "studies.csv")}
    problems = {row["folder"]: row for row in rows(out / "problems.csv")}
    equal = lost = different = 0
    for place in good(folder):
        where = place.relative_to(folder / "cohort").as_posix()
        row = next(row for name, row in studies.items() if name.startswith(where))
        results = out / "studies" / row["study"]
        if row["state"] != DONE or not results.is_dir():
            lost += 1
        elif cohorts.tables(results) == cohorts.tables(folder / "single" / place.name):
            equal += 1
        else:
            different += 1
    left = [path.name for path in (out / "studies").iterdir() if path.name.startswith(".")]
    print(f"\nFaults: exit code {code}; {killed} workers killed at random, {crashed} processes of one study killed.")
    print(f"Whole studies: {equal} equal to the single run, {different} different, {lost} lost. Half-written: {left}.")
    reasons = {make.__name__: said for make, said in cohorts.BROKEN.items()} | {"crashes": "died"}
    named = sum(
        any(re.search(reason, row["problem"]) for name, row in problems.items() if name.startswith(f"broken/{how}"))
        for how, reason in reasons.items()
    )
    print(f"Broken studies: {len(problems)} named, {named} of ten with the reason that they were given.\n")
    print("| study | step | problem | attempts |\n| --- | --- | --- | --- |")
    for name, row in sorted(problems.items()):
        print(f"| {name} | {row['step']} | {row['problem']} | {row['attempts']} |")


def speed(folder, counts=(1, 2), studies=12):
    """Throughput of the cohort command with one worker, two, and of the plain command in a loop."""
    chosen = cohorts.fresh(folder / "chosen")
    for place in good(folder)[:studies]:
        (chosen / place.name).symlink_to(place)
    base, plain = None, []
    for place in good(folder)[:2]:
        began = time.perf_counter()
        subprocess.run(
            [*COMMAND, "run", place, "--out", folder / "plain", "--overwrite"], check=True, capture_output=True
        )
        plain.append(time.perf_counter() - began)
    print(f"\n`perfusiondl run` in a loop: {np.mean(plain):.1f} s per study, {3600 / np.mean(plain):.0f} per hour.")
    print("\n| workers | in all, s | studies per hour, begun workers | against one | memory per study's process, GB |")
    print("| --- | --- | --- | --- | --- |")
    for count in counts:
        out = folder / f"speed{count}"
        cohorts.shutil.rmtree(out, ignore_errors=True)
        began = time.perf_counter()
        command = batch(real_copies(folder, chosen), out, "--workers", count, stdout=subprocess.DEVNULL)
        ends, memory = [], 0
        while command.poll() is None:
            time.sleep(0.05)
            finished = len([path for path in (out / "studies").glob("study-*")]) if out.exists() else 0
            ends += [time.perf_counter()] * (finished - len(ends))
            memory = max([memory, *(one.memory_info().rss for one in worker_processes(command.pid))])
        took = time.perf_counter() - began
        # From the first end to the last: the workers are warm, and none waits for another at the end.
        hourly = 3600 * (len(ends) - count) / (ends[-1] - ends[count - 1])
        base = base or hourly
        peak = max(float(row["memory_gb"]) for row in rows(out / "studies.csv"))
        print(
            f"| {count} | {took:.1f} | {hourly:.0f} | {hourly / base:.2f} | {peak:.2f} + {memory / 2**30:.2f} worker |"
        )
    same = all(
        cohorts.tables(folder / "speed1" / "studies" / path.name) == cohorts.tables(path)
        for path in (folder / "speed2" / "studies").glob("study-*")
    )
    print(f"\nTables with one worker and with two are {'the same, bit for bit' if same else 'DIFFERENT'}.")


def real_copies(folder, chosen):
    """The chosen studies as a tree without links, which the walk does not follow."""
    target = folder / "copies"
    if not target.exists():
        for link in sorted(chosen.iterdir()):
            cohorts.shutil.copytree(link.resolve(), target / link.name)
    return target


def nothing(job, images, seconds, memory_bytes):
    """A study that costs nothing."""
    return Outcome(study=job["study"], kind=DONE)


def engine(folder):
    """What the engine itself costs, and a simulation of 10,000 studies on 100 workers with it."""
    tasks = [QueuedStudy({"study": f"study-{number}"}, None, 0) for number in range(NOTHING_TASKS)]
    with connect_cluster(None, 2) as client:
        began = time.perf_counter()
        ended = sum(1 for _ in dispatch(client, tasks, seconds=1, memory_bytes=1, function=nothing))
        each_s = (time.perf_counter() - began) / ended
    took = [float(row["seconds"]) for row in rows(folder / "speed1" / "studies.csv") if row["state"] == DONE]
    print(f"\nThe engine: {each_s * 1000:.1f} ms per study from hand to hand ({ended} studies that do nothing).")
    for scale, name in (
        (1, "phantoms of the benchmark"),
        (18 / np.mean(took), "18 s each, a patient's rest and stress"),
    ):
        hours = schedule(np.resize(took, 10_000) * scale, workers=100, overhead_s=each_s) / 3600
        ideal = np.mean(took) * scale * 10_000 / 100 / 3600
        print(
            f"10,000 studies ({name}) on 100 workers: {hours:.2f} h by simulation; {ideal:.2f} h without any overhead."
        )


def schedule(durations_s, *, workers, overhead_s, seed=0):
    """When the last study ends: one hand gives studies out, one after another, to whichever worker is idle."""
    durations_s = np.random.default_rng(seed).permutation(durations_s)
    idle, hand_s, last_s = [0.0] * workers, 0.0, 0.0
    for duration_s in durations_s:
        hand_s = max(hand_s, heapq.heappop(idle)) + overhead_s
        heapq.heappush(idle, hand_s + duration_s)
        last_s = max(last_s, hand_s + duration_s)
    return last_s


def many(folder):
    """A study with 10,000 files."""
    out = folder / "many-out"
    cohorts.shutil.rmtree(out, ignore_errors=True)
    began = time.perf_counter()
    batch(folder / "many", out, "--workers", 1, stdout=subprocess.DEVNULL).wait()
    (row,) = rows(out / "studies.csv")
    print(f"\nA study with {row['files']} files: {row['state']} in {row['seconds']} s, {row['memory_gb']} GB;", end=" ")
    print(f"{time.perf_counter() - began:.0f} s with the pass over its headers.")


PARTS = {part.__name__: part for part in (prepare, single, faults, speed, engine, many)}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=[*PARTS, "all"])
    parser.add_argument("--folder", type=Path, default=Path("runs/batch"))
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    for name in PARTS if arguments.part == "all" else [arguments.part]:
        PARTS[name](arguments.folder)
        sys.stdout.flush()

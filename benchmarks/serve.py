"""A node beside a real Orthanc with many studies in its queue, while node and archive are killed at random.

Every study must end once, and the results of each that holds a first pass must stand in the archive once. Most studies
are cut off after three images, so that they are refused as on any day (their reading and refusal are real, and take
tenths of a second); the others are computed whole. ``python benchmarks/serve.py --studies 200 --whole 8 --kills 12``
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import cohorts
import pydicom
from orthanc_server import PASSWORD, USER, orthanc
from PerfusionDLLib.serve.journal import Journal
from pydicom.uid import generate_uid

OBJECTS = {"SEG": 2, "OT": 1, "SR": 1, "DOC": 1}
"""What a study of one slice gives."""
SEED = 61_000
CUT_OFF = 3
LONGEST_S = 40.0
"""A node runs so long at most until it is killed."""


def send(server, images, number, *, count):
    """Some images of a study as those of another patient."""
    study, series, frame = (generate_uid(entropy_srcs=[str(number), kind]) for kind in ("study", "series", "frame"))
    with tempfile.TemporaryDirectory() as folder:
        for place, path in enumerate(images[:count]):
            image = pydicom.dcmread(path)
            image.PatientID = image.PatientName = f"LOAD-{number}"
            image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = study, series, frame
            image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID = generate_uid(
                entropy_srcs=[str(number), str(place)]
            )
            image.save_as(Path(folder) / f"{place}.dcm")
        server.send(sorted(Path(folder).iterdir()))


def start(server, out, log, *options):
    """A node in a group of its own, whose words go into the log."""
    command = [sys.executable, "-m", "PerfusionDLLib.cli", "serve", "--orthanc", server.url, "--out", str(out)]
    return subprocess.Popen(
        [*command, "--user", USER, "--all", "--interval", "0.5", *options],
        env=os.environ | {"PERFUSIONDL_ORTHANC_PASSWORD": PASSWORD},
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def disturb(server, out, log, chance, kills):
    """Kill the node some times, and with it now and then the archive."""
    killed = Counter()
    for _ in range(kills):
        node = start(server, out, log)
        time.sleep(chance.uniform(2, LONGEST_S))
        if chance.random() < 1 / 3:
            server.kill()
            killed["archive"] += 1
            time.sleep(chance.uniform(0, 5))
        os.killpg(node.pid, signal.SIGKILL)
        node.wait()
        killed["node"] += 1
        if server.is_down:
            server.begin()
    return killed


def check(server, out, studies, whole):
    """What was lost, and what was done twice; nothing of both where all is well."""
    ended = Counter(one.ended for one in Journal(out).studies.values())
    found = Counter((one["study"], one["modality"]) for one in server.objects())
    expected = {kind: count * whole for kind, count in OBJECTS.items()}
    wrong = []
    if ended != {"failed": studies - whole, "stored": whole}:
        wrong.append(f"ended: {dict(ended)}")
    kinds = Counter(kind for (_, kind), count in found.items() for _ in range(count))
    if kinds != expected or any(count != OBJECTS[kind] for (_, kind), count in found.items()):
        wrong.append(f"in the archive: {dict(kinds)}, expected {expected}")
    if any((out / "images").iterdir()):
        wrong.append("images are left")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--whole", type=int, default=8)
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    chance = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        images = cohorts.files(cohorts.write_small_study(Path(folder) / "study", SEED))
        with orthanc(Path(folder) / "orthanc") as server, (Path(folder) / "log.txt").open("w") as log:
            order = [True] * options.whole + [False] * (options.studies - options.whole)
            chance.shuffle(order)
            for number, is_whole in enumerate(order):
                send(server, images, number, count=len(images) if is_whole else CUT_OFF)
            server.wait_until_stable()
            out, began = Path(folder) / "node", time.monotonic()
            killed = disturb(server, out, log, chance, options.kills)
            rest = start(server, out, log, "--once")
            rest.wait()
            wrong = check(server, out, options.studies, options.whole)
            said = (Path(folder) / "log.txt").read_text(errors="replace")
        report = {
            "studies": options.studies,
            "computed": options.whole,
            "kills": dict(killed),
            "minutes": round((time.monotonic() - began) / 60, 1),
            "fetched": said.count(": fetched."),
            "traceback": "Traceback" in said,
            "wrong": wrong,
        }
        print(json.dumps(report, indent=1))
        if "Traceback" in said:
            print(said[said.index("Traceback") - 500 :][:4000])
        if rest.returncode or wrong:
            print(said[-4000:])
            sys.exit(1)


if __name__ == "__main__":
    main()

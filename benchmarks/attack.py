"""Damaged scenes, archives, tables, cards and DICOM objects, given to the doors that read them: what is lost or run.

Every input must be read, or refused in words (`PerfusionError`). Anything else is counted: another exception, a process
that dies, a file that appears outside of the folder it was to be read in, a file of the reader that is gone, the name
of a folder in what is said. Usage: ``python benchmarks/attack.py [--count 500] [--seed 0]``; the count is of each kind.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "PerfusionDL"), str(ROOT / "Testing" / "mrml"), str(ROOT / "Testing" / "core")]

from damaged_inputs import MAKERS  # noqa: E402

KINDS = tuple(MAKERS)
TIMEOUT_S = 120


def good_inputs(folder):
    """What is damaged: a small scene with flow, two results folders, the shipped networks, objects of an archive."""
    import small_study
    from PerfusionDLLib import mrml, session
    from PerfusionDLLib.data.flow import FlowModel
    from PerfusionDLLib.data.study import Condition
    from PerfusionDLLib.networks import SHIPPED
    from PerfusionDLLib.session.tasks import flowTask

    headless = mrml.HeadlessScene()
    scans = [small_study.enhancing_scan(Condition.STRESS, 2.0), small_study.enhancing_scan(Condition.REST, 1.0)]
    readers = [mrml.ScanReader(mrml.writePreprocessed(headless.scene, scan)) for scan in scans]
    flow = flowTask(headless.scene, readers, None, model=FlowModel.FERMI).run()
    mrml.saveScene(headless.scene, folder / "scene.mrb")
    session.exportResults(folder / "results", flow)
    (folder / "results" / "scene.mrb").unlink()
    with zipfile.ZipFile(folder / "scene.mrb") as archive:
        files = {info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()}
    archive = archived_objects(folder / "archive")
    return {"scenes": files, "archives": files, "tables": folder / "results", "cards": SHIPPED, "objects": archive}


def archived_objects(folder):
    """Images of a slice and what was written for the archive of its results."""
    from datetime import datetime

    from known_heart import heart_slice
    from PerfusionDLLib import motion, pipeline
    from PerfusionDLLib.data.preprocessed import PreprocessedScan, PreprocessedSlice, PreprocessedStudy
    from PerfusionDLLib.data.study import Condition, Level, Scan, Study
    from PerfusionDLLib.dicom import export_results, read_study, write_study

    drawn = heart_slice(Level.MID, 2.0)
    write_study(Study(stress=Scan(condition=Condition.STRESS, slices=(drawn.series,))), folder / "images", vendor="ge")
    (scan,) = read_study([folder / "images"]).scans
    (series,) = scan.slices
    moved = motion.compensate(series.signal, spacing_mm=series.spacing_mm, reference_frame=12)
    part = PreprocessedSlice(series=series, motion=moved, contours=drawn.contours, automatic=drawn.contours)
    preprocessed = PreprocessedScan(condition=Condition.STRESS, slices=(part,), study=scan.study)
    result = pipeline.process(PreprocessedStudy(scans=(preprocessed,)))
    export_results(folder / "objects", [folder / "images"], result, moment=datetime(2025, 1, 20))
    return folder


def attempt(kind, folder):
    """Read one input as the command line does."""
    match kind:
        case "scenes" | "archives":
            from PerfusionDLLib.session.opening import openStudy

            openStudy(folder / "scene.mrb")
        case "tables":
            from PerfusionDLLib.app.comparison import compare

            compare([folder / "first"], [folder / "second"])
        case "cards":
            from PerfusionDLLib.networks import load_networks

            load_networks(folder / "weights")
        case "objects":
            from PerfusionDLLib.app.stored_results import restore_study

            restore_study([folder / "archive"])


def serve(kind):
    """Read the inputs in the folders that come by standard input, and say how each ended."""
    from PerfusionDLLib.data.errors import PerfusionError

    for line in sys.stdin:
        try:
            attempt(kind, Path(line.strip()))
            said = "read", ""
        except PerfusionError as error:
            advice = any(word in str(error) for word in ("weights_only", "Traceback", "torch.load"))
            said = ("advice" if advice else "refused"), str(error)
        except BaseException as error:
            import traceback

            place = traceback.extract_tb(error.__traceback__)[-1]
            said = "traceback", f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        print(json.dumps(said), flush=True)


class Reader:
    """A process that reads inputs of one kind, begun again where one of them ended it."""

    def __init__(self, kind):
        self.kind, self.process = kind, None

    def read(self, folder):
        if self.process is None:
            command = [sys.executable, __file__, "--serve", self.kind]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            self.process = subprocess.Popen(command, text=True, **pipes)
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith('["'):
                return json.loads(line)
        code, self.process = self.process.wait(timeout=TIMEOUT_S), None
        return "died", f"exit code {code}"


def contents(folder):
    """Digest of every file below a folder."""
    return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def run(kind, good, count, seed, folder):
    """How inputs of one kind ended, and what was found that must not be."""
    ended, found = Counter(), []
    reader = Reader(kind)
    outside = folder / "outside"
    for number in range(count):
        random = np.random.default_rng([seed, KINDS.index(kind), number])
        place = folder / "input"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        outside.mkdir(exist_ok=True)
        (outside / "originals").write_text("mine")
        scene = kind in ("scenes", "archives")
        MAKERS[kind](place / "scene.mrb" if scene else place, random, good)
        before = contents(folder)
        how, said = reader.read(place)
        ended[how] += 1
        after = contents(folder)
        if how not in ("read", "refused"):
            found.append(f"{kind} {number}: {how}: {said}")
        if before.items() - after.items():
            found.append(f"{kind} {number}: lost")
        if after.keys() - before.keys() or Path("/tmp/hit-by-attack").exists():
            found.append(f"{kind} {number}: written or run: {sorted(after.keys() - before.keys())}")
        if str(place) in said:
            found.append(f"{kind} {number}: leaked: {said}")
    return ended, found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--serve", choices=KINDS)
    arguments = parser.parse_args()
    if arguments.serve:
        serve(arguments.serve)
        return
    problems = []
    with tempfile.TemporaryDirectory() as root:
        (Path(root) / "good").mkdir()
        good = good_inputs(Path(root) / "good")
        print(f"{'kind':10} {'tried':>6} {'read':>6} {'refused':>8} {'died':>5} {'tracebacks':>11}")
        for kind in arguments.kind or KINDS:
            (Path(root) / kind).mkdir()
            ended, found = run(kind, good[kind], arguments.count, arguments.seed, Path(root) / kind)
            problems += found
            cells = (ended[name] for name in ("read", "refused", "died", "traceback"))
            print(f"{kind:10} {arguments.count:6} " + "{:6} {:8} {:5} {:11}".format(*cells), flush=True)
    print("\n".join(problems) or "Nothing was lost, leaked, written outside or run.")
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()

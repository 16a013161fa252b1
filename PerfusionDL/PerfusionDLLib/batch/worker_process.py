"""A process that computes studies one after another, so that none can take a worker with it; see `start_supervisor`.

Jobs come as lines of JSON to standard input; steps and outcomes go as lines of JSON to what was standard output. The
networks are loaded once. When standard input ends, so does the process, whatever it is doing.
"""

import json
import os
import queue
import sys
import threading
import traceback
from pathlib import Path

from .. import __version__
from ..data.errors import PerfusionError
from ..dicom.pseudonyms import KEY_VARIABLE


def main() -> None:
    """Compute until nobody asks any more."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints is not an answer

    def send(**message: object) -> None:
        try:
            channel.write(json.dumps(message) + "\n")
            channel.flush()
        except BrokenPipeError:
            os._exit(0)  # who asked was killed

    jobs: queue.Queue[dict] = queue.Queue()
    threading.Thread(target=listen, args=(jobs,), daemon=True).start()
    loaded: dict[str, object] = {}
    while True:
        job = jobs.get()
        try:
            compute(job, loaded, lambda step: send(step=step))
        except PerfusionError as error:
            from_system = isinstance(error.__cause__, OSError)
            send(ended="error" if from_system else "refused", problem=error.problem, remedy=error.remedy)
        except MemoryError:
            send(ended="limits", problem="The memory of the machine was used up.", remedy=MORE_MEMORY)
        except Exception as error:
            traceback.print_exc()
            place = traceback.extract_tb(error.__traceback__)[-1]
            send(
                ended="error",
                problem=f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno}).",
                remedy="This is a mistake of the program. Report it; `perfusiondl run` on the study shows all of it.",
            )
        else:
            send(ended="done")


MORE_MEMORY = "Raise --memory-limit, or use fewer --workers. The study may hold images of unusual size."


def listen(jobs: "queue.Queue[dict]") -> None:
    """Take jobs from standard input; end the process where it ends, even in the middle of a study."""
    for line in sys.stdin:
        jobs.put(json.loads(line))
    os._exit(0)


def compute(job: dict, loaded: dict, progress) -> None:
    """One study, by the function that `perfusiondl run` calls."""
    if job["version"] != __version__:
        raise PerfusionError(
            f"The worker has PerfusionDL {__version__}, the cohort is computed with {job['version']}.",
            "Install the same version everywhere.",
        )
    if job["root"] and not Path(job["root"]).is_dir():
        raise PerfusionError(
            f"The worker does not see the folder {Path(job['root']).name}.",
            "Mount it there under the same path, or add --send to send the images.",
        ) from FileNotFoundError(job["root"])
    os.environ[KEY_VARIABLE] = job["key"]  # the same pseudonyms on every machine of a cohort
    progress("loading software")
    from ..app.process_study import run_study
    from ..data.flow import FlowModel
    from ..dicom import read_choices
    from ..networks import choose_device, load_networks
    from ..quantification.options import Options

    key = json.dumps([job["weights"], job["device"]])
    if key not in loaded:
        progress("loading networks")
        weights = Path(job["weights"]) if job["weights"] else None
        loaded[key] = load_networks(weights, device=choose_device(job["device"]))
    if loaded[key].weights_sha256 != job["weights_sha256"]:
        raise PerfusionError(
            "The worker has other networks than those the cohort is computed with.", "Use the same weights everywhere."
        )
    run_study(
        [Path(file) for file in job["files"]],
        Path(job["out"]),
        loaded[key],
        choices=read_choices(job.get("acquisition", {}), job["study"]),
        options=Options(model=FlowModel(job["model"])),
        dicom=job["dicom"],
        de_identify=job["de_identify"],
        overwrite=job["overwrite"],
        progress=progress,
    )


if __name__ == "__main__":
    main()

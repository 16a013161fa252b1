"""Takes the picture of the page of a study in Chromium; `make pictures` calls it after `make demo`."""

import io
import sys
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "Testing/core"))

from browsers import Watched, chromium  # noqa: E402


def main() -> None:
    """The flow map over the mid slice, at rest and under stress."""
    with chromium() as browser:
        page = Watched(browser, Path(sys.argv[1]).resolve(), width=1280, height=800).page
        for key in ("m", "ArrowDown", "ArrowDown"):
            page.keyboard.press(key)
        picture = Image.open(io.BytesIO(page.screenshot()))
    target = HERE / "pictures/review.png"
    picture.convert("RGB").save(target, optimize=True)
    print(f"{target.name}: {target.stat().st_size // 1000} kB")


main()

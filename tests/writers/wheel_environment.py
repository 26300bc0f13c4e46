"""Virtual environments that have a wheel in place of the checkout, and else see the packages of this environment."""

import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]


def build_wheel(folder: Path) -> Path:
    """Builds the checkout's wheel into a folder, by way of an sdist: nothing of earlier builds is in it."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (wheel,) = folder.glob("*.whl")
    return wheel


def make_environment(folder: Path, wheel: Path) -> tuple[Path, Path]:
    """Its Python and the folder of its packages. The checkout's editable installation is not among them."""
    venv.create(folder)
    (site,) = folder.glob("lib/python*/site-packages")
    target = ["--no-deps", "--quiet", "--target", str(site), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", "install", *target], check=True, capture_output=True)
    dependencies = next(path for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(dependencies + "\n")  # its own .pth files are not read
    return folder / "bin" / "python", site

"""Fetches the real data of two examples from the Python Package Index: `make example-data`.

- `examples/valence.yaml`: the sentences that people rated from -4 to 4 for VADER (Hutto and Gilbert 2014), from the
  source distribution of `vaderSentiment` (MIT), written to `examples/data/valence.tsv`.
- `examples/parts_of_speech.yaml`: Portuguese tweets about stocks with their parts of speech (DANTEStocks), which the
  package `dante-corpora` (MIT) ships. It is installed without its dependencies, whose versions are not those of TFX.
"""

import csv
import io
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

VALENCE = Path(__file__).parent / "data" / "valence.tsv"
VALENCE_SOURCE = "vaderSentiment==3.3.2"
TAGGED_SOURCE = "dante-corpora==2.0.5"
RATED = {
    "tweets_GroundTruth.txt": "tweets",
    "movieReviewSnippets_GroundTruth.txt": "movie reviews",
    "amazonReviewSnippets_GroundTruth.txt": "product reviews",
    "nytEditorialSnippets_GroundTruth.txt": "editorials",
}


def main() -> None:
    """Installs the one package, downloads the other and rewrites its files."""
    _pip("install", "--quiet", "--no-deps", TAGGED_SOURCE)
    with TemporaryDirectory() as folder:
        _pip("download", "--quiet", "--no-deps", "--no-binary", ":all:", "--dest", folder, VALENCE_SOURCE)
        [archive] = Path(folder).glob("*.tar.gz")
        rows = [row for name, source in RATED.items() for row in _rated(archive, name, source)]
    VALENCE.parent.mkdir(exist_ok=True)
    with VALENCE.open("w", encoding="utf-8") as file:
        file.writelines("\t".join(row) + "\n" for row in [("text", "valence", "source"), *rows])
    print(f"{VALENCE}: {len(rows):,} rated sentences. Next: ulmfit-tfx run examples/valence.yaml")
    print(f"{TAGGED_SOURCE} is installed. Next: ulmfit-tfx run examples/parts_of_speech.yaml")


def _pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--disable-pip-version-check", *arguments], check=True)


def _rated(archive: Path, name: str, source: str) -> list[tuple[str, str, str]]:
    """Text, mean rating and source of each line `id TAB rating TAB text` of a file in the archive in the archive."""
    with tarfile.open(archive) as outer:
        [resources] = [member for member in outer if member.name.endswith("/hutto_ICWSM_2014.tar.gz")]
        content = outer.extractfile(resources)
        assert content is not None
        with tarfile.open(fileobj=io.BytesIO(content.read())) as inner:
            file = inner.extractfile(f"hutto_ICWSM_2014/{name}")
            assert file is not None
            lines = file.read().decode("utf-8").splitlines()
    fields = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return [(" ".join(text.split()), f"{float(rating):.4g}", source) for _, rating, text in fields]


if __name__ == "__main__":
    main()

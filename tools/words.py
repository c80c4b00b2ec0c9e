"""Find words that the project does not use, in its files or in a commit message.

    python tools/words.py [--message FILE] [PATH ...]

The words are in ``words.yml``. Without arguments all files that git tracks are searched, and their names; exit 1 if
there is a match. Why not codespell or vale: codespell has no phrases, and vale is a binary that no package index has.
"""

from __future__ import annotations

import argparse
import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
# Beginnings of paths: texts of others, generated files, and this list itself.
SKIPPED = (
    "LICENSE",
    "CODE_OF_CONDUCT.md",
    "tools/words.yml",
    "tests/unit/tools/test_words.py",
    "tools/requirements/locked/",
    "web/audit/package-lock.json",
    "plugins/module_utils/_core/audit/reports/html/assets.py",
)
_QUOTED = re.compile("``[^`]*``")


def load_words() -> dict[re.Pattern[str], str]:
    """Read the list.

    :returns: what to say instead, by pattern.
    """
    words = yaml.safe_load((ROOT / "tools" / "words.yml").read_text(encoding="utf-8"))
    return {compile_word(pattern): instead for pattern, instead in words.items()}


def compile_word(pattern: str) -> re.Pattern[str]:
    """Compile a pattern of the list, so that it matches whole words only."""
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


def find_words(text: str, words: dict[re.Pattern[str], str]) -> list[tuple[int, str, str]]:
    """Find the words in a text; an underscore separates words, as in the name of a function.

    :returns: the line, counted from 1, the word, and what to say instead, for each match.
    """
    return [
        (number, match.group(), instead)
        for number, line in enumerate(text.replace("_", " ").splitlines(), start=1)
        for pattern, instead in words.items()
        for match in pattern.finditer(line)
    ]


def tracked_files(paths: list[str]) -> list[str]:
    """The files under ``paths`` that git tracks and the list applies to; of the whole project without paths."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", *paths]
    names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    return sorted(name for name in names if name and not name.startswith(SKIPPED) and (ROOT / name).is_file())


def main() -> None:
    """Print each match; exit 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--message", metavar="FILE", help="search this commit message instead of files")
    parser.add_argument("paths", nargs="*", metavar="PATH")
    arguments = parser.parse_args()
    words = load_words()
    texts = {}
    if arguments.message:
        lines = pathlib.Path(arguments.message).read_text(encoding="utf-8").splitlines()
        texts["commit message"] = "\n".join("" if line.startswith("#") else line for line in lines)
    else:
        for name in tracked_files(arguments.paths):
            try:
                text = (ROOT / name).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture
            # What a changelog quotes is the old name of something.
            texts[name] = _QUOTED.sub("", text) if name.lower().startswith("changelog") else text
    matches = [
        f"{name}:{number}: {word!r}, say: {instead}"
        for name, text in texts.items()
        for number, word, instead in [*find_words(name, words), *find_words(text, words)]
    ]
    print("\n".join([*matches, f"{len(matches)} words to replace in {len(texts)} texts"]))
    sys.exit(bool(matches))


if __name__ == "__main__":
    main()

"""What the check scripts share: finding C files, and looking at code without comments."""

import pathlib
import re
import sys

TOKEN = re.compile(
    r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def top():
    """The tree to look at: the first argument, or the one this script stands in."""
    if len(sys.argv) > 1:
        return pathlib.Path(sys.argv[1])
    return pathlib.Path(__file__).resolve().parents[2]


def files(folder, *suffixes):
    """All files below folder that end so, in a stable order."""
    return sorted(p for p in folder.rglob("*") if p.suffix in suffixes and p.is_file())


def _blank(match, keep_strings):
    token = match.group(0)
    if token[0] in "\"'":
        return token if keep_strings else token[0] * 2
    return re.sub(r"[^\n]", " ", token)


def code(path, keep_strings=False):
    """The text of a C file without comments (and without what strings say), lines kept."""
    text = path.read_text(encoding="utf-8")
    return TOKEN.sub(lambda match: _blank(match, keep_strings), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(problems, checked):
    """Print what is wrong, or how much was looked at, and leave."""
    for problem in problems:
        print(problem)
    name = pathlib.Path(sys.argv[0]).name
    if checked == 0:
        problems = ["nothing to check"]
    print(f"{name}: {checked} checked, {len(problems)} problems")
    sys.exit(1 if problems else 0)

"""What tools/gpu-suite leaves behind: results.json, results.md with the same as
tables, and logs that stay below their size. Runs nothing."""

import json
import os

# A machine that gives back only small files gives back all of these.
MOST_BYTES = 16 * 1024 * 1024
# What every part has; the rest is its own data.
COMMON = {"outcome", "seconds", "ended", "mode", "wrong", "notes"}


def trim(path, most=MOST_BYTES):
    """Cuts the middle out of a file that is too long."""
    size = path.stat().st_size
    if size <= most:
        return
    head, tail = most // 2, most // 4
    with path.open("r+b") as file:
        file.seek(size - tail)
        last = file.read()
        file.seek(head)
        file.write(f"\n\n[… {size - head - tail} bytes left out …]\n\n"
                   .encode() + last)
        file.truncate()


def write(folder, results):
    """results.json and results.md anew, each wholly or not at all."""
    for name, text in (("results.json", json.dumps(results, indent=1) + "\n"),
                       ("results.md", document(results))):
        partial = folder / (name + ".partial")
        partial.write_text(text)
        os.replace(partial, folder / name)


def earlier(folder):
    """The results that lie in the folder, to add to them; else None."""
    try:
        return json.loads((folder / "results.json").read_text())
    except (OSError, ValueError):
        return None


# ---- results.md


def cell(value):
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) < 1000 else f"{value:.0f}"
    text = "" if value is None else str(value)
    return text.replace("|", "\\|").replace("\n", " ")


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(map(cell, line)) + " |" for line in lines] + [""]


def section(part):
    """A part's own data: its numbers, its rows, and what bench/run wrote."""
    lines = [f"- {key.replace('_', ' ')}: {cell(value)}"
             for key, value in part.items()
             if key not in COMMON and not isinstance(value, (list, dict))
             and key != "markdown"]
    lines += [""] if lines else []
    if part.get("rows"):
        heads = list(dict.fromkeys(key for row in part["rows"] for key in row))
        lines += table([head.replace("_", " ") for head in heads],
                       [[row.get(head) for head in heads]
                        for row in part["rows"]])
    # Its headings go below the heading of this part.
    return lines + ["##" + line if line.startswith("#") else line
                    for line in part.get("markdown", "").splitlines()]


def document(results):
    lines = [f"# GPU suite, {results['mode']}, device {results['device']}", "",
             "Made by `tools/gpu-suite`; the same and more is in results.json.",
             "", "## Machine", "",
             *table(("", ""), [(key.replace("_", " "), value) for key, value
                               in results["machine"].items()]),
             "## Parts", ""]
    said = {name: part.get("wrong", []) + part.get("notes", [])
            for name, part in results["parts"].items()}
    lines += table(("part", "outcome", "seconds", ""), [
        (name, part["outcome"], part.get("seconds"),
         said[name][0] if said[name] else "")
        for name, part in results["parts"].items()])
    more = [f"- {name}: {text}" for name, texts in said.items()
            for text in texts[1:]]
    lines += ["Also:", "", *more, ""] if more else []
    for name, part in results["parts"].items():
        # A part that was skipped or broke off has nothing to show.
        if told := section(part):
            lines += [f"## {name.capitalize()}", "", *told, ""]
    return "\n".join(lines).replace("\n\n\n", "\n\n").rstrip("\n") + "\n"

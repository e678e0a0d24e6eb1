# SPDX-License-Identifier: MIT
"""What is written about measured rows: JSON, a table for the terminal, a table for docs/benchmarks.md."""
import json
import statistics

import rows

BEGIN, END = "<!-- peers: begin -->", "<!-- peers: end -->"
CURVES_BEGIN, CURVES_END = "<!-- curves: begin -->", "<!-- curves: end -->"


def as_json(rows, results):
    """A list of objects, one for each row; one without a peer (of which `results` knows nothing) has null in peer and ratio."""
    objects = []
    for row in rows:
        result = results.get(row.name)
        objects.append({
            "name": row.name,
            "unit": row.unit,
            "ours": statistics.median(result.ours) if result else None,
            "peer": statistics.median(result.peer) if result and result.peer else None,
            "ratio": result.ratio if result and result.peer else None,
            "peer_config": str(result.config) if result and result.peer else None,
            "runs": len(result.ours) if result else 0,
            "agreement": result.agreement if result and result.peer else None,
        })
        if result and result.memory is not None:
            objects[-1]["memory_mb"] = result.memory
    return json.dumps(objects, indent=2) + "\n"


def with_quartiles(samples):
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return f"{number(middle)} ({number(low)}-{number(high)})"


def number(x):
    """Three significant digits, without an exponent."""
    return f"{x:.0f}" if x >= 100 else f"{x:.3g}"


def remark(result):
    """What a reader must know before believing a row."""
    remarks = []
    if result.memory is not None:
        remarks.append(f"at most {result.memory:.0f} MB")
    if not result.counts:
        remarks.append(f"does not count: results differ by more than {result.row.limit:g}")
    if result.idle_load > 0.05:
        remarks.append(f"the waiting side took {100 * result.idle_load:.0f} % of a core")
    if result.other_load > 0.16:
        remarks.append(f"other processes took {result.other_load:.1f} cores")
    return "; ".join(remarks)


HEAD = ["work", "name", "unit", "ours", "peer", "ratio", "required", "aim", "peer's configuration", "runs", "agreement", "remarks"]


def cells(result):
    row = result.row
    against = [with_quartiles(result.peer), f"{result.ratio:.2f}", f"{row.required:g}", f"{row.aim:g}", str(result.config)] \
        if result.peer else ["no peer", "-", "-", "-", "-"]
    agreement = f"{result.agreement:.1e}" if result.peer else "-"
    return [row.title, row.name, row.unit, with_quartiles(result.ours), *against, str(len(result.ours)), agreement, remark(result)]


def as_table(results):
    """For the terminal: columns aligned, without the titles."""
    return aligned([HEAD[1:]] + [cells(result)[1:] for result in results])


def aligned(lines):
    """Lines of cells as columns."""
    widths = [max(len(line[k]) for line in lines) for k in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines)


def table_line(cells):
    """A line of a table of a page."""
    return "| " + " | ".join(cells) + " |"


def table_head(cells):
    """The lines with which it begins."""
    return table_line(cells) + "\n|" + "---|" * len(cells)


def as_markdown(results, machine, kept=()):
    """The table of these results and of the lines `kept` from an earlier one, in the order of the rows that this program knows."""
    lines = {name_of(line): line for line in kept}
    for result in results:
        row = cells(result)
        row[1] = f"`{row[1]}`"
        if result.peer:
            row[5] = f"**{row[5]}**"
        lines[row[1].strip("`")] = table_line(row)
    known = [row.name for row in rows.ROWS]
    ordered = sorted(lines, key=lambda name: known.index(name) if name in known else len(known))
    return "\n".join([machine, "", table_head(HEAD)] + [lines[name] for name in ordered])


def name_of(line):
    """The name of a row of the table."""
    return line.split("|")[2].strip().strip("`")


def updated(page, results, machine):
    """The page with these results in its table. Other rows stay, if they were measured on the same machine with the same versions."""
    table = page.partition(BEGIN)[2].partition(END)[0].strip().split("\n")
    measured = {result.row.name for result in results}
    kept = [line for line in table[4:] if name_of(line) not in measured]
    if kept and table[0] != machine:
        raise ValueError(f"rows that were not measured now are of another machine or version: {table[0]}")
    return replace_between_markers(page, as_markdown(results, machine, kept))


def replace_between_markers(page, text, begin=BEGIN, end=END):
    """The page with `text` in the place of what stood between the markers."""
    before, found_begin, rest = page.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise ValueError(f"the page lacks the lines {begin} and {end}")
    return f"{before}{begin}\n{text}\n{end}{after}"

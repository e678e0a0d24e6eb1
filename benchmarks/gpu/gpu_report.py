# SPDX-License-Identifier: MIT
"""What is written about rows measured on a GPU: JSON, a table for the terminal, the sections of docs/benchmarks_gpu.md."""
import json
import math
import statistics

from gpu_rows import ROWS
from report import aligned, number, replace_between_markers, table_head, table_line, with_quartiles

HEAD = ["name", "unit", "ours", "eager", "best", "against eager", "against best", "best configuration", "of the ceiling", "runs",
        "agreement", "remarks"]
PAGE_HEAD = ["work", "name", "unit", "ours", "eager", "best", "against eager", "required", "against best", "required", "best configuration",
             "of the ceiling", "runs", "agreement", "GPU", "date", "remarks"]


def entry(row, measured, ceilings, about):
    """A measured row as the file of results holds it; `about`: gpu, versions, date."""
    samples = measured["samples"]
    ours, eager, best = (statistics.median(samples[side]) for side in ("ours", "eager", "best"))
    fraction = row.floor(ceilings) / ours if ceilings else None
    numbers = {"name": row.name, "unit": row.unit, "ours": ours, "eager": eager, "best": best, "ratio_eager": eager / ours,
               "ratio": best / ours, "runs": len(samples["ours"]), "ceiling_fraction": fraction}
    return numbers | about | {key: value for key, value in measured.items()}


def merged(entries, new):
    """Entries with a new one in its place among the rows."""
    by_name = {one["name"]: one for one in entries} | {new["name"]: new}
    return [by_name[row.name] for row in ROWS if row.name in by_name]


def as_json(entries):
    return json.dumps(entries, indent=2) + "\n"


def spread(one, side):
    values = one["samples"][side]
    return with_quartiles(values) if len(values) > 1 else number(values[0])


def cells(one):
    """What both tables say of a row, from its times on."""
    fraction = one["ceiling_fraction"]
    return {"unit": one["unit"], **{side: spread(one, side) for side in ("ours", "eager", "best")},
            "against eager": f"{one['ratio_eager']:.2f}", "against best": f"{one['ratio']:.2f}", "best configuration": one["peer_config"],
            "of the ceiling": "-" if fraction is None else f"{100 * fraction:.0f} %", "runs": str(one["runs"]),
            "agreement": f"{one['agreement']:.1e}", "GPU": one["gpu"], "date": one["date"], "remarks": "; ".join(one["remarks"])}


def as_table(entries):
    """For the terminal."""
    return aligned([HEAD] + [[one["name"], *(cells(one)[head] for head in HEAD[1:])] for one in entries])


def wanted(ratios):
    """What is required and aimed at."""
    return f"{ratios[0]:g}, aim {ratios[1]:g}" if ratios else "-"


def page_line(row, one):
    """A row of the page's table; without an entry it waits."""
    told = cells(one) if one else {"remarks": "waits: not measured yet"}
    first = [row.title, f"`{row.name}`"]
    line = [told.get(head, "-") for head in PAGE_HEAD[2:]]
    line[0], line[5], line[7] = row.unit, wanted(row.eager), wanted(row.best)
    return table_line(first + line)


def results_section(entries):
    """The table of all rows, of which `entries` were measured, and with what."""
    by_name = {one["name"]: one for one in entries}
    waiting = [row.name for row in ROWS if row.name not in by_name]
    tools = sorted({f"{one['gpu']}, {one['date']}: {one['versions']}" for one in entries})
    state = tools or ["No GPU was at hand yet: nothing has been measured."]
    if tools and waiting:
        state.append("Waiting: " + ", ".join(waiting) + ".")
    return "\n".join(["\n\n".join(state), "", table_head(PAGE_HEAD)] + [page_line(row, by_name.get(row.name)) for row in ROWS])


def checks_section(stages):
    """What the tests and the sanitizers found."""
    lines = []
    for name in ("test", "sanitize", "ceilings"):
        stage = stages.get(name)
        if stage:
            lines.append(table_line([name, stage["gpu"], stage["date"], stage["summary"]]))
    return "\n".join([table_head(["stage", "GPU", "date", "result"])] + lines) if lines else "Not run on a GPU yet."


def nmse_section(table):
    """CPU against GPU: by name, the largest NMSE for each type, and where it was found."""
    if not table:
        return "Not measured yet: no GPU was at hand."
    types = sorted({one["type"] for one in table}, key=lambda name: (name != "float32", name))
    found = {}
    for one in table:
        found.setdefault((one["name"], one["type"]), []).append(math.nan if one["nmse"] is None else one["nmse"])
    worst = {key: math.nan if any(map(math.isnan, values)) else max(values) for key, values in found.items()}
    devices = ", ".join(sorted({one["device"] for one in table}))
    names = sorted({name for name, _ in worst})
    lines = [table_line([name] + [f"{worst[name, type]:.1e}" if (name, type) in worst else "-" for type in types]) for name in names]
    return "\n".join([f"On {devices}:", "", table_head(["what"] + types)] + lines)


def updated(page, entries, stages, nmse):
    """The page of benchmarks with these results in its sections."""
    sections = {"results": results_section(entries), "checks": checks_section(stages), "nmse": nmse_section(nmse)}
    for name, text in sections.items():
        page = replace_between_markers(page, text, f"<!-- {name}: begin -->", f"<!-- {name}: end -->")
    return page

# SPDX-License-Identifier: MIT
"""Prints what the program `generalisation` measured (its CSV file) as a Markdown table: for each noise PSNR / SSIM of each subject."""
import csv
import sys


def read(path):
    """Subjects in the order of the file, and {(noise, level): {subject: (psnr, ssim)}}."""
    figures = {}
    with open(path, newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            figures.setdefault((row["noise"], float(row["level"])), {})[row["name"]] = (float(row["psnr"]), float(row["ssim"]))
    subjects = list(dict.fromkeys(name for of_noise in figures.values() for name in of_noise))
    return subjects, figures


def markdown(subjects, figures):
    """The last two subjects, the noisy input and the best blur, come first: they are what networks are compared with."""
    order = subjects[-2:] + subjects[:-2]
    yield "| noise | " + " | ".join(order) + " |"
    yield "|---|" + "---|" * len(order)
    for (noise, level), row in figures.items():
        best = max(round(row[name][0], 2) for name in order)
        cells = []
        for name in order:
            psnr, ssim = row[name]
            text = f"{psnr:.2f}"
            cells.append((f"**{text}**" if round(psnr, 2) == best else text) + f" / {ssim:.3f}")
        yield f"| {noise}:{level:g} | " + " | ".join(cells) + " |"


if len(sys.argv) != 2:
    sys.exit("usage: generalisation_table.py CSV")
print("\n".join(markdown(*read(sys.argv[1]))))

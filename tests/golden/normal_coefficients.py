# SPDX-License-Identifier: MIT
"""Minimax polynomials of include/tacet/core/random_transforms.hpp, by Remez' exchange algorithm in 40 digits (needs mpmath).

Prints each coefficient rounded to float (as a hexadecimal literal's decimal equivalent) and the relative error reached before rounding.
"""
import struct

import mpmath as mp

mp.mp.dps = 40


def remez(target, weight, lo, hi, n):
    """Coefficients c of degree n - 1 that minimise max |weight(x) (p(x) - target(x))| on [lo, hi], and that maximum."""
    nodes = [(lo + hi) / 2 + (hi - lo) / 2 * mp.cos(mp.pi * (2 * i + 1) / (2 * n + 2)) for i in range(n + 1)]
    nodes.sort()
    grid = [lo + (hi - lo) * i / 2000 for i in range(2001)]
    table = [(x, target(x), weight(x)) for x in grid]
    for _ in range(30):
        a = mp.matrix(n + 1, n + 1)
        b = mp.matrix(n + 1, 1)
        for i, x in enumerate(nodes):
            for j in range(n):
                a[i, j] = x**j
            a[i, n] = (-1) ** i / weight(x)
            b[i] = target(x)
        solution = mp.lu_solve(a, b)
        c = [solution[j] for j in range(n)]
        errors = [(w * (mp.polyval(c[::-1], x) - t), x) for x, t, w in table]
        peaks, run = [], [errors[0]]
        for e in errors[1:]:                     # the largest error of each run of one sign
            if mp.sign(e[0]) == mp.sign(run[-1][0]):
                run.append(e)
            else:
                peaks.append(max(run, key=lambda v: abs(v[0])))
                run = [e]
        peaks.append(max(run, key=lambda v: abs(v[0])))
        while len(peaks) > n + 1:
            peaks.pop(0 if abs(peaks[0][0]) < abs(peaks[-1][0]) else -1)
        largest = max(abs(e) for e, _ in peaks)
        if len(peaks) < n + 1:
            break
        nodes = [x for _, x in peaks]
        if largest / min(abs(e) for e, _ in peaks) < 1 + mp.mpf(10) ** -4:
            break
    return c, largest


def to_float(x):
    return struct.unpack("f", struct.pack("f", float(x)))[0]


def show(name, result):
    c, error = result
    print(name, "error", mp.nstr(error, 3))
    print("   ", ", ".join("%.9gf" % to_float(v) for v in c))


root = mp.sqrt(mp.mpf(2))
tiny = mp.mpf(10) ** -12
# log(1 + f) = f - f^2/2 + f^3 P(f)
show("log P(f)", remez(lambda f: (mp.log1p(f) - f + f * f / 2) / f**3 if abs(f) > tiny else mp.mpf(1) / 3,
                       lambda f: f**3 / mp.log1p(f) if abs(f) > tiny else f * f + tiny, 1 / root - 1, root - 1, 8))
# sin x = x + x^3 S(x^2), cos x = 1 - x^2/2 + x^4 C(x^2), |x| <= pi/4
limit = (mp.pi / 4) ** 2
show("sin S(z)", remez(lambda z: (mp.sin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z if z > tiny else -mp.mpf(1) / 6,
                       lambda z: z * mp.sqrt(z) / mp.sin(mp.sqrt(z)) if z > tiny else tiny, mp.mpf(0), limit, 3))
show("cos C(z)", remez(lambda z: (mp.cos(mp.sqrt(z)) - 1 + z / 2) / z**2 if z > tiny else mp.mpf(1) / 24,
                       lambda z: z * z / mp.cos(mp.sqrt(z)) if z > tiny else tiny, mp.mpf(0), limit, 3))

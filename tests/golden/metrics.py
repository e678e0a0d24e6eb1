# SPDX-License-Identifier: MIT
"""The numbers of tests/metrics/*.cpp (needs numpy, scipy and scikit-image)."""
import sys

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.io import imread
from skimage.metrics import peak_signal_noise_ratio, structural_similarity


def pictures(h, w, c):
    """Two pictures of integer levels that the tests make by the same formulas: waves with edges, and the same with a regular error."""
    y, x, k = np.meshgrid(np.arange(h), np.arange(w), np.arange(c), indexing="ij")
    a = (x * x + 3 * y * y + x * y * (k + 1) + 50 * k) // 8 % 256
    b = np.clip(a + (x * 7 + y * 11 + k * 5) % 41 - 20, 0, 255)
    return a.astype(np.uint8), b.astype(np.uint8)


for h, w, c, border in [(11, 11, 1, 0), (23, 31, 3, 0), (40, 17, 2, 0), (40, 37, 3, 4)]:
    a, b = pictures(h, w, c)
    a, b = (v[border : h - border, border : w - border] for v in (a, b))
    # scikit-image's own mean is over the area where the window fits, like ours
    s = structural_similarity(a, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    p = peak_signal_noise_ratio(a, b, data_range=255)
    print(f"{h} x {w} x {c}, border {border}: psnr {p:.15g} ssim {s:.15g}")
    if c == 2:
        continue
    # Y of 8-bit RGB by MATLAB's rgb2ycbcr, not rounded; grey as three equal channels
    ya, yb = (np.tile(v, 3 // c).astype(np.float64) @ [65.481, 128.553, 24.966] / 255 + 16 for v in (a, b))
    s = structural_similarity(ya, yb, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
    print(f"    psnr_y {peak_signal_noise_ratio(ya, yb, data_range=255):.15g} ssim_y {s:.15g}")

a, _ = pictures(9, 13, 2)
x = a.astype(np.float64) / 255
for sigma in (0.4, 1.0, 2.7):
    y = gaussian_filter(x, (sigma, sigma, 0), mode="reflect", truncate=4)
    print("blur", sigma, [float(f"{v:.9g}") for v in (y[0, 0, 0], y[4, 6, 1], y[8, 12, 1], y[3, 0, 0])])

if len(sys.argv) > 1:  # the folder noise2noise of the test data
    clean = imread(sys.argv[1] + "/monarch.png")
    for name in ("gaussian-noisy", "gaussian-denoised", "text-noisy"):
        b = imread(f"{sys.argv[1]}/monarch-{name}.png")
        s = structural_similarity(clean, b, channel_axis=2, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=255)
        print(f"{name}: psnr {peak_signal_noise_ratio(clean, b, data_range=255):.13g} ssim {s:.13g}")

# SPDX-License-Identifier: MIT
"""The numbers of tests/data/numpy_legacy.cpp (needs numpy)."""
import numpy as np

state = np.random.RandomState(1)
print("uniform", [float(v) for v in state.random_sample(3)])
state = np.random.RandomState(1)
print("normal", [float(v) for v in state.normal(size=6)])
state = np.random.RandomState(12345)
print("later", [float(v) for v in state.normal(size=1003)[1001:]])

# SPDX-License-Identifier: MIT
"""How test scripts run: their cases are counted as those of the C++ programs are."""
import sys
import unittest


def run_cases(module):
    """Runs the module's tests, prints how many passed, failed and were skipped, and ends the program."""
    run = unittest.TextTestRunner(verbosity=0).run(unittest.defaultTestLoader.loadTestsFromModule(module))
    failed, skipped = len(run.failures) + len(run.errors), len(run.skipped)
    print(f"cases: {run.testsRun - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)

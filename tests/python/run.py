"""Runs all tests of this folder. With PLENARY_CONFORMANCE the names of those that passed are kept in that file."""

import os
import pathlib
import sys
import unittest


class Result(unittest.TextTestResult):
    """Remembers what passed."""

    def __init__(self, *arguments: object, **more: object) -> None:
        super().__init__(*arguments, **more)
        self.passed: list[str] = []

    def addSuccess(self, test: unittest.TestCase) -> None:
        super().addSuccess(test)
        self.passed.append(test.id())


def main() -> bool:
    suite = unittest.defaultTestLoader.discover(str(pathlib.Path(__file__).parent))
    result = unittest.TextTestRunner(verbosity=2, resultclass=Result).run(suite)
    if kept := os.environ.get("PLENARY_CONFORMANCE"):
        pathlib.Path(kept).write_text("".join(f"{name}\n" for name in result.passed))
    return result.wasSuccessful()


if __name__ == "__main__":
    sys.exit(0 if main() else 1)

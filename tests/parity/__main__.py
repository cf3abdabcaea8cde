"""python -m tests.parity [names]: compare operators with PyTorch; without names, all of them, and write the table."""

from __future__ import annotations

import argparse

from tests.parity import operators, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="operators (default: all, and the table is written)")
    parser.add_argument("--cap", type=int, default=operators.FULL, help="samples a dtype")
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time")
    options = parser.parse_args()
    found = operators.run(options.names or None, cap=options.cap, jobs=options.jobs)
    if not options.names:
        report.write(found)
    for name, result in found.items():
        if options.names or result.status != "right":
            print(f"{result.status}\t{name}\t{result.reason}")
    print(report.summary(found))


if __name__ == "__main__":
    main()

"""python -m tests.parity [names]: compare operators (add), layers (nn.Linear) and optimizers (optim.SGD) with PyTorch;
without names, all of them, and the tables are written."""

from __future__ import annotations

import argparse

from tests.parity import modules, operators, optimizers, report


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help="what to compare (default: everything, and the tables are written)")
    parser.add_argument("--cap", type=int, default=operators.FULL, help="samples a dtype of an operator")
    parser.add_argument("--jobs", type=int, default=2, help="operators at a time")
    options = parser.parse_args()
    names = options.names or None
    known = {*operators.ENTRIES, *modules.ENTRIES, *optimizers.ENTRIES}
    if unknown := set(names or ()) - known:
        parser.error(f"not in PyTorch's tables: {', '.join(sorted(unknown))}")
    found = operators.run(names and [n for n in names if n in operators.ENTRIES], cap=options.cap, jobs=options.jobs)
    layers, optims = modules.run(names), optimizers.run(names)
    if not names:
        beside = [("Layers", modules.__doc__, layers), ("Optimizers", optimizers.__doc__, optims)]
        report.write(found, [(title, about or "", results) for title, about, results in beside])
    for title, results in (("operators", found), ("layers", layers), ("optimizers", optims)):
        for name, result in results.items():
            if names or result.status != "right":
                print(f"{result.status}\t{name}\t{result.reason}")
        if results:
            print(f"{title}: {report.counts(results)}")


if __name__ == "__main__":
    main()

"""Compares the answers of engines: compare.py REFERENCE OTHER…; integers and texts exactly, floats to 1e-9."""

import pathlib
import sys


def same(a, b):
    if a == b:
        return True
    if "." not in a + b and "e" not in a + b:
        return False
    try:
        x, y = float(a), float(b)
    except ValueError:
        return False
    return abs(x - y) <= 1e-9 * max(1.0, abs(x), abs(y))


def main(reference, *others):
    passed, failed = 0, 0
    ref = pathlib.Path(reference)
    name = (ref / "version").read_text().strip()
    for other in map(pathlib.Path, others):
        version = (other / "version").read_text().strip()
        for file in sorted(ref.glob("[0-9]*")):
            step = file.name.replace("|", "/")
            if not (other / file.name).exists():
                failed += 1
                print(f"FAIL  {step} on {version}: no answer")
                continue
            want, got = file.read_text().splitlines(), (other / file.name).read_text().splitlines()
            wrong = [] if len(want) == len(got) else [f"{len(want) - 1} rows on {name}, {len(got) - 1} rows here"]
            header = want[0].split("\t")
            for w, g in zip(want, got):
                w, g = w.split("\t"), g.split("\t")
                if len(w) != len(g):
                    wrong.append(f"{w[0]}: {len(w)} columns on {name}, {len(g)} here")
                    continue
                wrong += [f"{w[:2]} {header[i]}: {x} on {name}, {y} here" for i, (x, y) in enumerate(zip(w, g)) if not same(x, y)]
            if len(want) < 2:
                wrong.append("no rows: the comparison says nothing")
            passed, failed = passed + (not wrong), failed + bool(wrong)
            print(f"{'FAIL' if wrong else 'ok'}  {step} on {version}: {len(want) - 1} rows, {len(header)} columns")
            for line in wrong[:5]:
                print("      " + line)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main(*sys.argv[1:])

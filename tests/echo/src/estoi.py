"""Extended short-time objective intelligibility (Jensen & Taal 2016), by pystoi.

Each line of standard input: path of the clean sound, path of the heard one (float32, mono), rate, from, to (seconds).
One figure a line goes out, in the same order.
"""

import sys
from multiprocessing import Pool

import numpy as np
from pystoi import stoi


def estoi(line):
    clean, heard, rate, start, end = line.rstrip("\n").split("\t")
    rate = int(rate)
    span = slice(int(float(start) * rate), int(float(end) * rate))
    clean, heard = (np.fromfile(path, "<f4").astype(float)[span] for path in (clean, heard))
    return stoi(clean, heard, rate, extended=True)


if __name__ == "__main__":
    with Pool(2) as pool:
        for figure in pool.imap(estoi, sys.stdin):
            print(f"{figure:.4f}", flush=True)

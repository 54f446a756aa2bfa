"""Files of the published formats as they come: any line break, mark, separator; what cannot be read is said, the rest solved."""

import gzip
import json
import sys

import numpy as np
import pytest

from bench.published import kind_of, main, read_numbers, read_summary

GAP = "1\n2 3\n1 2 3\n4 5 6\n1 1 1\n1 1 1\n2 2\n"
CLIENTS = [(0, 0.0, 20.0, 0.0), (2, 12.5, 30.0, 10.5), (1, 3.0, 8.0, 7.0)]
SUMMARY = "id,x,t_x,T,m_x\n" + "".join(f"{i},{x},{t},{T},{m}\n" for i, (x, t, T, m) in enumerate(CLIENTS))


@pytest.mark.parametrize(
    "raw",
    [
        GAP.encode(),
        GAP.replace("\n", "\r\n").encode(),
        GAP.replace("\n", "\r").encode() + b"\x1a",
        ("\ufeff" + GAP).encode(),
        GAP.encode("utf-16"),
        " ".join(GAP.split()).encode(),
        GAP.replace(" ", ", ").encode(),
        gzip.compress(GAP.replace(" ", "\t").encode(), mtime=0),
    ],
)
def test_numbers_are_numbers_however_they_are_laid_out(tmp_path, raw):
    file = tmp_path / "gap9.txt"
    file.write_bytes(raw)
    assert read_numbers(file).tolist() == [int(each) for each in GAP.split()]
    assert kind_of(file) == "gap"


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("s.csv", SUMMARY.encode()),
        ("s.csv", SUMMARY.replace("\n", "\r\n").encode()),
        ("s.csv", SUMMARY.replace("\n", "\r").encode()),
        ("s.csv", SUMMARY.replace("\n", "\n\n").encode("utf-16")),
        ("s.csv", ("\ufeff" + SUMMARY.replace(",", " ; ")).encode()),
        ("s.tsv", SUMMARY.replace(",", "\t").encode()),
        ("s.txt.gz", gzip.compress("\n".join('"' + line.replace(",", '", "') + '"' for line in SUMMARY.split()).encode(), mtime=0)),
    ],
)
def test_a_summary_is_known_by_its_header_and_read_whole(tmp_path, name, raw):
    file = tmp_path / name
    file.write_bytes(raw)
    assert kind_of(file) == "table"
    read = read_summary(file)
    assert read.mean_value is not None
    found = np.column_stack((read.clients.x, read.clients.t, read.clients.T, read.mean_value))
    np.testing.assert_array_equal(found, np.array(CLIENTS))


def test_what_cannot_be_read_is_named_and_the_others_are_solved(tmp_path, monkeypatch, capsys):
    texts = {"cut.txt": "1\n2 2\n1 2\n", "half.csv": "x,t_x,T\n1.5,2,3\n", "gap7.txt": GAP}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(sys, "argv", ["published", *(str(tmp_path / name) for name in texts)])
    assert main() == 1
    said = capsys.readouterr()
    assert [line.partition(": cannot be read")[0] for line in said.err.splitlines()] == [str(tmp_path / n) for n in list(texts)[:2]]
    assert "x must be whole" in said.err
    (solved,) = [json.loads(line) for line in said.out.splitlines()]
    assert solved.keys() >= {"objective", "bound", "gap", "seconds"}
    assert (solved["file"], solved["sense"], solved["objective"], solved["bound"]) == ("gap7.txt", "max", 12, 12)

"""Writes a file of requests of a table: python prepare.py TABLE LINES.

A row becomes a line, {"key", "request"}: its id, and its text. Memory holds some thousand rows, however long the table
is. The file appears at its end only: a job never sees half of it.
"""

import json
import sys
from pathlib import Path

import pyarrow.parquet as parquet

table, lines = sys.argv[1:]
new = Path(f"{lines}.new")
with new.open("w", encoding="utf-8") as file:
    for rows in parquet.ParquetFile(table).iter_batches(batch_size=4096, columns=["id", "text"]):
        for row in rows.to_pylist():
            request = {"contents": [{"role": "user", "parts": [{"text": row["text"]}]}]}
            file.write(json.dumps({"key": row["id"], "request": request}, ensure_ascii=False) + "\n")
new.replace(lines)

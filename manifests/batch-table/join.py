"""Puts results beside the rows that they are of: python join.py TABLE RESULTS JOINED.

The rows are sorted by their ids; one whose request has no result has nulls. The longest column of the results,
`response`, is not read.
"""

import sys

import pyarrow.parquet as parquet

table, results, joined = sys.argv[1:]
rows = parquet.read_table(table)
answers = parquet.read_table(results, columns=["key", "status", "text", "prompt_tokens", "output_tokens"])
answers = answers.rename_columns(["id", "status", "answer", "prompt_tokens", "output_tokens"])
both = rows.join(answers, keys="id", join_type="left outer").sort_by("id")
parquet.write_table(both, joined)
for status in ("answered", "blocked", "failed", None):
    print(f"{status or 'no result'}: {both['status'].to_pylist().count(status)}")

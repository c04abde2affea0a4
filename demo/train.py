"""Train the triage model: will this ticket end with an unhappy customer? Logistic regression over words and numbers, standard library.

Run by `gate.py run … -- python -m demo.train`: it reads the table that the gate names in GATE_DATASET, under an account that sees
releases only, and reports its own run with the permit. Environment: TRIAGE_WAREHOUSE (connection string), TRIAGE_MODEL (file to
write), OPENLINEAGE_URL and OPENLINEAGE_KEY.
"""

import csv
import hashlib
import json
import math
import os
import random
from pathlib import Path

import psycopg
from openlineage.client.event_v2 import InputDataset, OutputDataset, RunState
from psycopg import sql

from demo import pipeline, reporting, warehouse

MODELS = "models://lumen.example"
MODEL = "triage"
SLOTS = 64
COLUMNS = ("segment", "age", "area", "text", "usual_rating", "active_days", "minutes", "unhappy")
Row = dict[str, object]


def main() -> None:
    dataset, dsn = os.environ["GATE_DATASET"], os.environ["TRIAGE_WAREHOUSE"]
    rows = read(dsn, dataset)
    reporter = reporting.Reporter(
        os.environ["OPENLINEAGE_URL"],
        os.environ["OPENLINEAGE_KEY"],
        warehouse.NAMESPACE,
        dataset.split(".", maxsplit=1)[0],
    )
    run, facets = reporting.new_run(), json.loads(os.environ.get("GATE_RUN_FACETS") or "{}")
    inputs = [InputDataset(os.environ.get("GATE_NAMESPACE", warehouse.NAMESPACE), dataset)]
    outputs = [OutputDataset(MODELS, MODEL)]
    reporter.emit(RunState.START, job="train_triage", run=run, inputs=inputs, outputs=outputs, run_facets=facets)
    weights = fit(rows)
    write(Path(os.environ["TRIAGE_MODEL"]), weights, rows, dataset, run)
    reporter.emit(RunState.COMPLETE, job="train_triage", run=run, inputs=inputs, outputs=outputs, run_facets=facets)
    print(f"trained on {len(rows)} rows of {dataset}, right on {accuracy(weights, rows):.0%} of them")


def read(dsn: str, dataset: str) -> list[Row]:
    """Return the rows of a released table; columns that the release left out are absent."""
    schema, table = dataset.split(".")[-2:]
    with psycopg.connect(dsn) as connection:
        known = pipeline.schema(connection)[f"{schema}.{table}"]
        columns = [name for name in COLUMNS if name in known]
        statement = sql.SQL("SELECT {} FROM {}").format(
            sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(schema, table)
        )
        return [dict(zip(columns, row, strict=True)) for row in connection.execute(statement).fetchall()]


def features(row: Row) -> list[float]:
    """Return words hashed into slots, and the numbers scaled; what is blank contributes nothing."""
    values = [0.0] * SLOTS + [float(str(row.get(name) or 0)) / scale for name, scale in NUMBERS]
    for word in str(row.get("text") or "").split():
        if word.isalpha():
            values[int.from_bytes(hashlib.sha256(word.encode()).digest()[:2]) % SLOTS] += 1
    return [1.0, *values]


NUMBERS = (("usual_rating", 5.0), ("active_days", 10.0), ("minutes", 300.0), ("age", 50.0))


def fit(rows: list[Row], *, rounds: int = 6, rate: float = 0.05) -> list[float]:
    """Return the weights after a few rounds of stochastic gradient descent."""
    examples = [(features(row), float(bool(row["unhappy"]))) for row in rows]
    weights = [0.0] * (SLOTS + len(NUMBERS) + 1)
    rng = random.Random(1)
    for _ in range(rounds):
        rng.shuffle(examples)
        for values, truth in examples:
            miss = truth - predict(weights, values)
            weights = [weight + rate * miss * value for weight, value in zip(weights, values, strict=True)]
    return weights


def predict(weights: list[float], values: list[float]) -> float:
    """Return the probability of an unhappy end."""
    return 1 / (1 + math.exp(-sum(weight * value for weight, value in zip(weights, values, strict=True))))


def accuracy(weights: list[float], rows: list[Row]) -> float:
    """Return the share of rows that the model gets right."""
    right = sum((predict(weights, features(row)) > 0.5) == bool(row["unhappy"]) for row in rows)
    return right / max(1, len(rows))


def write(path: Path, weights: list[float], rows: list[Row], dataset: str, run: str) -> None:
    """Write the model, and beside it the very rows it was trained on."""
    path.write_text(
        json.dumps({"dataset": dataset, "run": run, "rows": len(rows), "weights": [round(w, 4) for w in weights]})
        + "\n"
    )
    with path.with_name("training-rows.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]) if rows else list(COLUMNS))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()

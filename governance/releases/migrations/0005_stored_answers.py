"""Keep the bytes of an answer once, as facts are kept: a pipeline that asks every hour gets the same answer most of the time.

The column `digest` of a decision becomes the reference to the answer of that digest; no decision is rewritten.
"""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

MOVE = """
INSERT INTO releases_storedanswer (digest, body) SELECT DISTINCT ON (digest) digest, body FROM releases_decision;
ALTER TABLE releases_decision DROP CONSTRAINT decision_digest_is_sha256, DROP COLUMN body, ADD CONSTRAINT releases_decision_answer_fk
    FOREIGN KEY (digest) REFERENCES releases_storedanswer (digest) DEFERRABLE INITIALLY DEFERRED;
"""
BACK = """
ALTER TABLE releases_decision DISABLE TRIGGER USER;
ALTER TABLE releases_decision DROP CONSTRAINT releases_decision_answer_fk, ADD COLUMN body bytea;
UPDATE releases_decision d SET body = a.body FROM releases_storedanswer a WHERE a.digest = d.digest;
ALTER TABLE releases_decision ALTER COLUMN body SET NOT NULL,
    ADD CONSTRAINT decision_digest_is_sha256 CHECK (digest ~ '^[0-9a-f]{64}$');
ALTER TABLE releases_decision ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("releases", "0004_changes")]

    operations = [
        migrations.CreateModel(
            name="StoredAnswer",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("body", models.BinaryField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("digest__regex", "^[0-9a-f]{64}$")), name="answer_digest_is_sha256"
                    )
                ]
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="storedanswer",
            trigger=pgtrigger.compiler.Trigger(
                name="answer_append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c82197ec8f51e193182e15c558da81826a031d73",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_answer_append_only_43da3",
                    table="releases_storedanswer",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(MOVE, BACK)],
            state_operations=[
                migrations.RemoveConstraint(model_name="decision", name="decision_digest_is_sha256"),
                migrations.RemoveField(model_name="decision", name="body"),
                migrations.RemoveField(model_name="decision", name="digest"),
                migrations.AddField(
                    model_name="decision",
                    name="answer",
                    field=models.ForeignKey(
                        db_column="digest",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="releases.storedanswer",
                    ),
                ),
            ],
        ),
    ]

"""`python -m demo.manage COMMAND …`: manage.py against the demo's own database and keys."""

import sys

from demo import places, run


def main() -> None:
    """Configure as the demo does, then hand over to Django."""
    run.configure(places.server())
    from django.core.management import execute_from_command_line

    execute_from_command_line(["manage.py", *sys.argv[1:]])


if __name__ == "__main__":
    main()

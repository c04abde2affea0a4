"""`make demo`: the whole story in two minutes, on real rows, through the real service. Leaves the server running."""

import os
import sys
import time

from demo import places, service


def main() -> None:
    started = time.monotonic()
    service.stop()
    places.fresh_folders()
    try:
        server = places.server()
        places.rebuild(server, places.GOVERNANCE, owner="owner")
    except places.NotOurs as error:
        sys.exit(f"demo: {error}")
    (places.STATE / "static").symlink_to(places.ROOT / ".local" / "static")  # collected once, by `make setup`
    configure(server)
    from demo.story import play  # needs the settings

    play(server)
    print(f"({time.monotonic() - started:.0f} seconds)")


def configure(server: places.Server) -> None:
    """Point the settings at the demo's own database, keys and planes, for this process and for the server that it starts."""
    os.environ.update(
        STATE_DIR=str(places.STATE),
        ENV_FILE=str(places.ROOT / ".local" / "env"),
        DATABASE_URL=server.url("owner", places.GOVERNANCE),
        APP_ROLE="demo_app",
        SITE_URL=service.URL,
        LINEAGE_SKEW_SECONDS="0",  # one machine, one clock
        DATA_PLANES_FILE=str(places.STATE / "planes.json"),
        LEDGER_ORIGIN="lumen.example/ledger",
        DJANGO_SETTINGS_MODULE="governance.settings",
    )
    import django

    django.setup()


if __name__ == "__main__":
    main()

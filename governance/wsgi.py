"""WSGI entry point."""

import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
application = get_wsgi_application()

# A full collection walks through every fact that is kept between questions, and nobody is answered meanwhile: a hundred times rarer
# than by default. What is kept has no cycles; the young, where cycles are made, are collected as ever.
gc.set_threshold(*gc.get_threshold()[:2], 1_000)

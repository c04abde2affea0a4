"""The WSGI application of the floor: Django with the two addresses of `http_floor_views` and one middleware."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application

settings.ROOT_URLCONF = "bench.http_floor_views"
settings.MIDDLEWARE = [
    "django.middleware.common.CommonMiddleware"
]  # which says how long an answer is, so that connections stay
application = get_wsgi_application()

"""What gunicorn serves."""

import gc
import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "carteira.settings")
gc.disable()  # while modules load, nearly nothing becomes garbage, and looking for it takes a twelfth of the time
application = get_wsgi_application()

# Everything views import is loaded before the workers are forked, and set aside for good: the collector would go through half a
# million objects that never die every few dozen requests (2 ms of CPU each), and unshare their memory from worker to worker.
_ = get_resolver().url_patterns
gc.collect()
gc.freeze()
gc.enable()

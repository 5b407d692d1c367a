"""The ASGI application served by uvicorn."""

import os
import warnings

from django.core.asgi import get_asgi_application

# Static files are short and read in a thread; Django warns of it once per file.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous iterators")
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qingjian.site.settings")
application = get_asgi_application()

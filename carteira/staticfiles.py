"""Static files under names that carry their hash, our own ES modules included.

Django rewrites ``url()`` in CSS; rewriting imports of every script on demand is a global switch that third-party files do
not survive. This adds one pattern, for ``static/js/`` only: ``from "./x.js"`` and ``import "./x.js"``.
"""

from whitenoise.storage import CompressedManifestStaticFilesStorage

OWN_IMPORTS = (
    "js/*.js",
    (
        (r"""(?P<matched>from\s+"(?P<url>\./[^"]+\.js)")""", 'from "%(url)s"'),
        (r"""(?m)^(?P<matched>import\s+"(?P<url>\./[^"]+\.js)")""", 'import "%(url)s"'),
    ),
)


class StaticFilesStorage(CompressedManifestStaticFilesStorage):
    patterns = (*CompressedManifestStaticFilesStorage.patterns, OWN_IMPORTS)

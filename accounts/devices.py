"""A browser's User-Agent in the words a person would use: "Chrome · Windows"."""

from django.utils.translation import gettext as _

# The first that matches: browsers name their ancestors too, so the particular come before the general.
BROWSERS = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("HeadlessChrome", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
]
SYSTEMS = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
]
PHONES = {"iPhone", "Android"}


def device(user_agent: str) -> tuple[str, bool]:
    """The browser and system in words, and whether it is a phone."""
    browser = next((name for sign, name in BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in SYSTEMS if sign in user_agent), "")
    return " · ".join(filter(None, [browser, system])) or _("Navegador desconhecido"), system in PHONES

"""The words of the notices this app sends; registered in ``ClientsConfig.ready``."""

from django.utils.translation import gettext as _

from accounts.models import Notice
from accounts.notices import Facts, Sentence, words_for


@words_for(Notice.Kind.DISCARD_PROPOSED)
def discard_proposed(facts: Facts, currency: str) -> Sentence:
    text = _("%(by)s propõe descartar %(name)s") % {"by": facts.get("by", ""), "name": facts.get("name", "")}
    path = f"clients/{facts['client']}/discard/" if isinstance(facts.get("client"), int) else "clients/"
    return Sentence(text, str(facts.get("reason") or ""), path, "user-x", "warn")

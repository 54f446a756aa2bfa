"""The words of merging: fields side by side, rows that went along, and what an undo left."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from accounts.templatetags.formats import number
from clients.models import Client
from rotation.services.merging import CHOICES

FIELDS = {
    "name": gettext_lazy("Razão social"),
    "trade_name": gettext_lazy("Nome fantasia"),
    "tax_id": gettext_lazy("CNPJ"),
    "representative": gettext_lazy("Quem atende"),
    "segment": gettext_lazy("Segmento"),
    "size": gettext_lazy("Porte"),
    "place": gettext_lazy("Endereço e lugar"),
    "phone": gettext_lazy("Telefone"),
    "email": gettext_lazy("E-mail"),
    "state_tax_id": gettext_lazy("Inscrição estadual"),
    "source": gettext_lazy("Origem"),
    "channel": gettext_lazy("Canal"),
    "service_type": gettext_lazy("Tipo de atendimento"),
    "visit_every_days": gettext_lazy("Dias entre visitas"),
    "hold": gettext_lazy("Nunca girar"),
    "blocked": gettext_lazy("Bloqueado"),
    "key_account": gettext_lazy("Conta-chave"),
    "tags": gettext_lazy("Etiquetas"),
}
ROWS = {
    "clients_order": ngettext_lazy("%(n)s pedido", "%(n)s pedidos", "n"),
    "clients_contact": ngettext_lazy("%(n)s contato", "%(n)s contatos", "n"),
    "clients_contract": ngettext_lazy("%(n)s contrato", "%(n)s contratos", "n"),
    "clients_opportunity": ngettext_lazy("%(n)s oportunidade", "%(n)s oportunidades", "n"),
    "clients_creditsnapshot": ngettext_lazy("%(n)s consulta de crédito", "%(n)s consultas de crédito", "n"),
    "clients_creditevent": ngettext_lazy("%(n)s ocorrência de crédito", "%(n)s ocorrências de crédito", "n"),
    "clients_customvalue": ngettext_lazy("%(n)s campo próprio", "%(n)s campos próprios", "n"),
    "clients_client": ngettext_lazy("%(n)s cadastro mesclado antes", "%(n)s cadastros mesclados antes", "n"),
    "portfolio_visit": ngettext_lazy("%(n)s visita", "%(n)s visitas", "n"),
    "portfolio_interaction": ngettext_lazy("%(n)s conversa", "%(n)s conversas", "n"),
    "portfolio_task": ngettext_lazy("%(n)s tarefa", "%(n)s tarefas", "n"),
}
_OTHERS = ngettext_lazy("%(n)s outro registro", "%(n)s outros registros", "n")


def rows_said(counts: dict[str, int]) -> str:
    """What went along: “3 pedidos, 2 visitas”; tables nobody named are counted together."""
    said = [str(ROWS[table] % {"n": n}) for table, n in counts.items() if table in ROWS and n]
    others = sum(n for table, n in counts.items() if table not in ROWS)
    return ", ".join([*said, *([str(_OTHERS % {"n": others})] if others else [])])


def rest_said(each: dict[str, Any]) -> str:
    """What an undo left with the survivor."""
    if each["what"] == "field":
        return str(FIELDS.get(each.get("field", ""), _("um dado do cadastro")))
    if each["what"] == "owner":
        return _("quem atende")
    return str(ROWS.get(each["what"], _OTHERS) % {"n": each["n"]})


def fields_to_choose(a: Client, b: Client, *, keep: str) -> list[tuple[str, Any, str, str, str]]:
    """Name, label, each one's value in words and whose is proposed ("a" or "b"), of the fields that differ."""
    found = []
    for name in FIELDS:
        if name not in CHOICES:
            continue
        mine, theirs = _value(a, name), _value(b, name)
        if mine != theirs:
            proposed = ("b" if theirs else "a") if keep == "b" else ("a" if mine else "b")
            if keep == "b" and not theirs:
                proposed = "a"
            found.append((name, FIELDS[name], mine, theirs, proposed))
    return found


def _value(client: Client, name: str) -> str:
    if name == "place":
        where = ", ".join(part for part in (client.address, client.city, client.state) if part)
        return where + (" · " + _("no mapa") if client.latitude is not None else "")
    value = getattr(client, name)
    if isinstance(value, bool):
        return _("sim") if value else _("não")
    if isinstance(value, int):
        return number(value)
    return str(value or "")
